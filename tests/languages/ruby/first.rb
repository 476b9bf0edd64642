# A first user in Ruby, by Fiddle of the standard library: first.rb URI
require "fiddle/import"

module Memcached2
  extend Fiddle::Importer
  dlload "libmemcached2.so.0.1"
  typealias "int64_t", "long long"
  typealias "uint64_t", "unsigned long long"
  typealias "uint32_t", "unsigned int"
  extern "int mc_new(const char *, void *)"
  extern "void mc_free(void *)"
  extern "int mc_set(void *, const char *, size_t, const void *, size_t, int64_t, uint32_t)"
  extern "int mc_get(void *, const char *, size_t, void *)"
  extern "void mc_item_free(void *)"
  extern "int mc_get_multi_packed(void *, const char *, const void *, size_t, void *, void *)"
  extern "const void *mc_results_items(void *, void *, void *)"
  extern "void mc_results_free(void *)"
  extern "const char *mc_status_name(int)"
  extern "const char *mc_last_error_server(void)"
  # The beginning of mc_item; it grows at its end.
  Item = struct ["int status", "uint32_t have", "const char *key", "size_t key_len", "char *value", "size_t value_len",
                 "uint64_t cas", "uint64_t number", "int64_t ttl", "uint32_t flags"]

  def self.name(status) = mc_status_name(status).to_s

  # The status of what the block calls with a place for an output, and that output.
  def self.out(size = Fiddle::SIZEOF_VOIDP)
    place = Fiddle::Pointer.malloc(size, Fiddle::RUBY_FREE)
    [name(yield(place)), place.ptr]
  end

  def self.get(client, key)
    status, pointer = out { |place| mc_get(client, key, key.bytesize, place) }
    return [status, nil, nil] if pointer.null?
    item = Item.new(pointer)
    [status, item.value[0, item.value_len], item.flags].tap { mc_item_free(pointer) }
  end
end

def check(what, got, want)
  abort "#{what}: #{got.inspect}, not #{want.inspect}" unless got == want
end

M = Memcached2
status, client = M.out { |place| M.mc_new(ARGV.fetch(0), place) }
check "new", status, "OK"
check "set", M.name(M.mc_set(client, "rb:a", 4, "one\0two", 7, 60, 7)), "OK"
check "set", M.name(M.mc_set(client, "rb:b", 4, "", 0, 60, 7)), "OK"
check "get", M.get(client, "rb:a"), ["OK", "one\0two", 7]
check "miss", M.get(client, "rb:none"), ["NO_VALUE", nil, nil]
check "illegal key", M.get(client, "rb:no key"), ["ILLEGAL_INPUT", nil, nil]

keys = %w[rb:a rb:none rb:b rb:a]
lens = keys.map(&:bytesize).pack("J*")
status, results = M.out { |place| M.mc_get_multi_packed(client, keys.join, lens, keys.size, nil, place) }
check "get many", status, "OK"
count, stride = Array.new(2) { Fiddle::Pointer.malloc(Fiddle::SIZEOF_SIZE_T, Fiddle::RUBY_FREE) }
first = M.mc_results_items(results, count, stride)
count, stride = [count, stride].map { |place| place[0, Fiddle::SIZEOF_SIZE_T].unpack1("J") }
items = Array.new(count) { |i| M::Item.new(first + i * stride) }
values = items.map { |item| item.value.null? ? M.name(item.status) : item.value[0, item.value_len] }
check "items", values, ["one\0two", "NO_VALUE", "", "one\0two"]
M.mc_results_free(results)
M.mc_free(client)

status, dead = M.out { |place| M.mc_new("/nowhere/memcached.sock", place) }
check "new", status, "OK"
check "dead server", M.get(dead, "rb:a"), ["CONNECT_FAILED", nil, nil]
check "its name", M.mc_last_error_server.to_s, "/nowhere/memcached.sock"
M.mc_free(dead)
