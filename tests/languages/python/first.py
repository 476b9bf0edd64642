"""A first user in Python, by ctypes of the standard library: first.py URI"""

import ctypes
import sys
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p


class Item(ctypes.Structure):  # the beginning of mc_item; it grows at its end
    _fields_ = [("status", c_int32), ("have", c_uint32), ("key", c_void_p), ("key_len", c_size_t),
                ("value", c_void_p), ("value_len", c_size_t), ("cas", c_uint64), ("number", c_uint64),
                ("ttl", c_int64), ("flags", c_uint32)]


lib = ctypes.CDLL("libmemcached2.so.0.1")
for function, result, *arguments in [
    (lib.mc_new, c_int32, c_char_p, POINTER(c_void_p)),
    (lib.mc_free, None, c_void_p),
    (lib.mc_set, c_int32, c_void_p, c_char_p, c_size_t, c_char_p, c_size_t, c_int64, c_uint32),
    (lib.mc_get, c_int32, c_void_p, c_char_p, c_size_t, POINTER(POINTER(Item))),
    (lib.mc_item_free, None, POINTER(Item)),
    (lib.mc_get_multi_packed, c_int32, c_void_p, c_char_p, POINTER(c_size_t), c_size_t, c_void_p, POINTER(c_void_p)),
    (lib.mc_results_items, c_void_p, c_void_p, POINTER(c_size_t), POINTER(c_size_t)),
    (lib.mc_results_free, None, c_void_p),
    (lib.mc_status_name, c_char_p, c_int32),
    (lib.mc_last_error_server, c_char_p),
]:
    function.restype, function.argtypes = result, arguments


def check(what, got, want):
    if got != want:
        sys.exit(f"{what}: {got!r}, not {want!r}")


def read(item):
    return item.value and ctypes.string_at(item.value, item.value_len)


def connect(uri):
    client = c_void_p()
    check("new", lib.mc_status_name(lib.mc_new(uri.encode(), byref(client))), b"OK")
    return client


def get(client, key):
    item = POINTER(Item)()
    status = lib.mc_status_name(lib.mc_get(client, key, len(key), byref(item)))
    found = (status, read(item[0]), item[0].flags) if item else (status,)
    lib.mc_item_free(item)
    return found


client = connect(sys.argv[1])
check("set", lib.mc_set(client, b"py:a", 4, b"one\0two", 7, 60, 7), 0)
check("set", lib.mc_set(client, b"py:b", 4, b"", 0, 60, 7), 0)
check("get", get(client, b"py:a"), (b"OK", b"one\0two", 7))
check("miss", get(client, b"py:none"), (b"NO_VALUE",))
check("illegal key", get(client, b"py:no key"), (b"ILLEGAL_INPUT",))

keys = [b"py:a", b"py:none", b"py:b", b"py:a"]
lens = (c_size_t * len(keys))(*map(len, keys))
results, count, stride = c_void_p(), c_size_t(), c_size_t()
check("get many", lib.mc_get_multi_packed(client, b"".join(keys), lens, len(keys), None, byref(results)), 0)
first = lib.mc_results_items(results, byref(count), byref(stride))
items = [Item.from_address(first + i * stride.value) for i in range(count.value)]
check("statuses", [lib.mc_status_name(item.status) for item in items], [b"OK", b"NO_VALUE", b"OK", b"OK"])
check("values", [read(item) for item in items], [b"one\0two", None, b"", b"one\0two"])
lib.mc_results_free(results)
lib.mc_free(client)

dead = connect("/nowhere/memcached.sock")
check("dead server", get(dead, b"py:a"), (b"CONNECT_FAILED",))
check("its name", lib.mc_last_error_server(), b"/nowhere/memcached.sock")
lib.mc_free(dead)
