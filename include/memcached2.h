/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/**
 * @file memcached2.h
 * A memcached client.
 *
 * Every function that can fail returns an `mc_status`, 0 (`MC_OK`) for success. A miss, a timeout
 * and an error are three different results everywhere; `mc_status_is_miss` tells the first.
 *
 * Memory: handles are opaque, and each kind has a function whose name ends in `_free`, which takes
 * NULL too. Nothing that comes from here is released with `free()`. What the caller passes in is
 * used or copied before the call returns. An output is set on every path: on failure it is NULL
 * or 0.
 *
 * Bytes are a pointer and a length. `MC_CSTR` as a length means that the bytes end at a NUL. A NULL
 * pointer with length 0 is an empty value, and not a legal key. Values and keys that are handed out
 * have a NUL behind their last byte, which the length does not count.
 *
 * Times are durations: those of items in seconds, all others in the unit that their name ends with.
 *
 * Threads: an `mc_client` is used by any number of threads at once; items, results and options by
 * one thread at a time. After `fork` a client works on in both processes.
 *
 * Structures that the caller fills begin with `size`, so that they can grow: initialise an
 * `mc_command` with `MC_COMMAND_INIT(op)`. Structures that the library fills are reached through
 * pointers only and grow at their end.
 *
 * This file is generated; edit the sources in src/ffi/ and cbindgen.toml instead.
 */

#ifndef MEMCACHED2_H
#define MEMCACHED2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Mark a function that the library exports. */
#if !defined(MC_API)
#if defined(__GNUC__)
#define MC_API __attribute__((visibility("default")))
#else
#define MC_API
#endif
#endif

/** Mark a function whose result must not be dropped. */
#if !defined(MC_MUST_USE)
#if defined(__GNUC__)
#define MC_MUST_USE __attribute__((warn_unused_result))
#else
#define MC_MUST_USE
#endif
#endif

/** The version of this header; `mc_version_number` is that of the library at run time. */
#define MEMCACHED2_VERSION_MAJOR 0
#define MEMCACHED2_VERSION_MINOR 1
#define MEMCACHED2_VERSION_PATCH 0
#define MEMCACHED2_VERSION_STRING "0.1.0"
/** The version as one number that compares. */
#define MEMCACHED2_VERSION_NUMBER (0 << 16 | 1 << 8 | 0)

/** As a length, in arrays of lengths too: the bytes end at a NUL. */
#define MC_CSTR SIZE_MAX

/** As a time to live: expired at once. */
#define MC_EXPIRE_NOW INT64_MIN

/**
 * Initialise an `mc_command` whose fields, but for size and op, all say "not said":
 * `mc_command command = MC_COMMAND_INIT(MC_OP_GET);`
 */
#define MC_COMMAND_INIT(op) \
  { sizeof(mc_command), (op), 0, NULL, 0, NULL, 0, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL }

/*
 * Statuses. Bits 0 to 7 are the class, 8 to 15 the kind, 16 to 23 the sub-kind: an ancestor is a
 * prefix, see mc_status_is. Numbers, once published, stay.
 */

/** success */
#define MC_OK 0x000000
/** any failure */
#define MC_CLASS_MEMCACHED 0x0000ff
/** nothing was retrieved */
#define MC_CLASS_RETRIEVE 0x000001
/** the server holds no value for this key */
#define MC_NO_VALUE 0x000101
/** the command changed nothing */
#define MC_CLASS_STORE 0x000002
/** the condition of add, replace, append or prepend did not hold */
#define MC_NOT_STORED 0x000102
/** the item was changed by someone else */
#define MC_CAS_FAILURE 0x000202
/** the item was changed between storing it and reading its new CAS */
#define MC_CAS_REFRESH_FAILURE 0x010202
/** the server holds no item for this key */
#define MC_NOT_FOUND 0x000302
/** the value is not a number */
#define MC_NON_NUMERIC 0x000402
/** the item is larger than the limit */
#define MC_TOO_LARGE 0x000502
/** some items of the batch were not stored */
#define MC_MULTI_STORAGE 0x000602
/** the call cannot be made like this */
#define MC_CLASS_CLIENT 0x000003
/** an argument is outside what the function takes */
#define MC_INVALID_ARGUMENT 0x000103
/** the key is empty, too long, or holds a byte that no key may hold */
#define MC_ILLEGAL_INPUT 0x000203
/** the address of a server does not parse */
#define MC_INVALID_URI 0x000303
/** the scheme or protocol has no meaning here */
#define MC_UNKNOWN_PROTOCOL 0x000403
/** there is no option of this name */
#define MC_UNKNOWN_OPTION 0x000503
/** this server, protocol or build cannot do that */
#define MC_UNSUPPORTED 0x000603
/** the server refused the command as malformed */
#define MC_CLIENT_ERROR 0x000703
/** the server does not know the command */
#define MC_UNKNOWN_COMMAND 0x010703
/** the server failed */
#define MC_CLASS_SERVER 0x000004
/** the server reported an error of its own */
#define MC_SERVER_ERROR 0x000104
/** the server has no memory for the item */
#define MC_OUT_OF_MEMORY 0x010104
/** the server does not permit the command */
#define MC_NOT_PERMITTED 0x020104
/** the server's reply is not one that the command can have */
#define MC_UNEXPECTED_RESPONSE 0x000204
/** the server could not be reached, or the connection failed */
#define MC_CLASS_CONNECTION 0x000005
/** the server closed the connection */
#define MC_SERVER_DISCONNECT 0x000105
/** no connection could be made */
#define MC_CONNECT_FAILED 0x000205
/** the deadline passed */
#define MC_TIMEOUT 0x000305
/** there is no server to ask */
#define MC_NO_AVAILABLE_SERVERS 0x000405
/** the server failed lately and is not asked for the moment */
#define MC_CIRCUIT_OPEN 0x010405
/** all connections were in use until the deadline */
#define MC_POOL_EXHAUSTED 0x000505
/** the server has no connection to spare */
#define MC_TOO_MANY_CONNECTIONS 0x000605
/** the TLS session could not be set up or broke */
#define MC_TLS_FAILURE 0x000705
/** the name of the server could not be resolved */
#define MC_RESOLVE_FAILED 0x000805
/** authentication failed */
#define MC_CLASS_AUTH 0x000006
/** the server takes no credentials */
#define MC_AUTH_NOT_SUPPORTED 0x000106
/** the server refused the credentials */
#define MC_INVALID_CREDENTIALS 0x000206
/** the value could not be translated */
#define MC_CLASS_VALUE 0x000007
/** the value could not be turned into bytes */
#define MC_SERIALIZE_FAILED 0x000107
/** the bytes could not be turned into a value */
#define MC_DESERIALIZE_FAILED 0x000207
/** the bytes could not be decompressed */
#define MC_DECOMPRESS_FAILED 0x000307
/** the library could not do its part */
#define MC_CLASS_LIBRARY 0x000008
/** a bug in this library was caught */
#define MC_INTERNAL 0x000108
/** a callback reported failure */
#define MC_CALLBACK_FAILED 0x000208
/** the command was cancelled */
#define MC_CANCELLED 0x000308
/** the call would have to wait */
#define MC_WOULD_BLOCK 0x000408
/** memory could not be allocated */
#define MC_NO_MEMORY 0x000508
/** the handle is in use */
#define MC_IN_USE 0x000608
/** some commands of the batch failed */
#define MC_PARTIAL 0x000708
/** the buffer is smaller than what it should take */
#define MC_BUFFER_TOO_SMALL 0x000808


#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Return the version of the library as text, such as "0.1.0". Static, never NULL. Since: 0.1.
 */
MC_API const char *mc_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MEMCACHED2_H */
