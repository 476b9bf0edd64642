// What any program does: store a value in the server given, and read it back.
#include <memcached2.h>

#include <iostream>
#include <memory>
#include <string>

int main(int argc, char **argv) {
  if (argc != 2 || std::string(mc_version()) != MEMCACHED2_VERSION_STRING) return 2;
  const std::string key = "consumer:cpp", value = "a value";

  mc_client *client = nullptr;
  mc_item *item = nullptr;
  mc_status status = mc_new(argv[1], &client);
  const std::unique_ptr<mc_client, decltype(&mc_free)> client_owner(client, mc_free);
  if (status == MC_OK)
    status = mc_set(client, key.data(), key.size(), value.data(), value.size(), 60, 7);
  if (status == MC_OK) status = mc_get(client, key.data(), key.size(), &item);
  const std::unique_ptr<mc_item, decltype(&mc_item_free)> item_owner(item, mc_item_free);
  if (status != MC_OK) {
    std::cerr << mc_status_name(status) << ": " << mc_last_error() << '\n';
    return 1;
  }
  return std::string(item->value, item->value_len) == value && item->flags == 7 ? 0 : 3;
}
