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
 * Threads: an `mc_client` is used by any number of threads at once; items, results, options, an
 * `mc_loop` and an `mc_conn` by one thread at a time. After `fork` a client works on in both processes; an
 * `mc_loop` and an `mc_conn` can only be freed in the child.
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

/** From a selector: no server. */
#define MC_SELECT_NONE SIZE_MAX

/** As a time to live: expired at once. */
#define MC_EXPIRE_NOW INT64_MIN

/**
 * Initialise an `mc_command` whose fields, but for size and op, all say "not said":
 * `mc_command command = MC_COMMAND_INIT(MC_OP_GET);`
 */
#define MC_COMMAND_INIT(op) \
  { sizeof(mc_command), (op), 0, NULL, 0, NULL, 0, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0 }

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


/**
 * A bit of mc_features: servers of the scheme memcacheds://. Since: 0.1.
 */
#define MC_FEATURE_TLS 1

/**
 * A connection was made. Since: 0.1.
 */
#define MC_EVENT_CONNECTED 1

/**
 * A connection could not be made. Since: 0.1.
 */
#define MC_EVENT_CONNECT_FAILED 2

/**
 * A connection was closed by the server, or because nothing more that comes can be believed.
 * Since: 0.1.
 */
#define MC_EVENT_CLOSED 3

/**
 * A quiet command (MC_NOREPLY) failed. Since: 0.1.
 */
#define MC_EVENT_QUIET_FAILED 4

/**
 * A server that was taken for down has answered. Since: 0.1.
 */
#define MC_EVENT_UP 5

/**
 * A server is taken for down; `status` and `text` are those of its last failure. Since: 0.1.
 */
#define MC_EVENT_DOWN 6

/**
 * A call took longer than the option `slow_after`; `text` says how long. Of a batch, each server is told
 * whose part took so long, over an mc_loop the one that answered last. Since: 0.1.
 */
#define MC_EVENT_SLOW 7

/**
 * A command failed, and its caller was told a miss (options errors_as_misses and failover=miss); `status`
 * and `text` are the cause, and `server` is "" where there was none to ask. Since: 0.1.
 */
#define MC_EVENT_ERROR_AS_MISS 8

/**
 * A connection over TLS was made with tls_insecure_skip_verify=on: nobody has verified who answers there.
 * Told once for each such connection, behind its MC_EVENT_CONNECTED. Since: 0.1.
 */
#define MC_EVENT_TLS_UNVERIFIED 9

/**
 * The server is used. Since: 0.1.
 */
#define MC_SERVER_UP 0

/**
 * The server failed, and has not answered since: the next call tries it, or one tries it now.
 * Since: 0.1.
 */
#define MC_SERVER_PROBING 1

/**
 * The server failed, and is left alone: its calls are MC_CIRCUIT_OPEN. Since: 0.1.
 */
#define MC_SERVER_DOWN 2

/**
 * To a reconnector: may the server be used now? Since: 0.1.
 */
#define MC_RECONNECT_MAY_TRY 1

/**
 * To a reconnector: the server failed. Since: 0.1.
 */
#define MC_RECONNECT_FAILED 2

/**
 * To a reconnector: the server answered, the first time since it failed. Since: 0.1.
 */
#define MC_RECONNECT_ANSWERED 3

/**
 * `have`: the value was received. Since: 0.1.
 */
#define MC_HAVE_VALUE 1

/**
 * `have`: the flags were received. Since: 0.1.
 */
#define MC_HAVE_FLAGS 2

/**
 * `have`: the CAS was received. Since: 0.1.
 */
#define MC_HAVE_CAS 4

/**
 * `have`: the number was received. Since: 0.1.
 */
#define MC_HAVE_NUMBER 8

/**
 * `have`: the expiry time asked for lies beyond what the protocol can say (2038-01-19), and the
 * last moment that it can was taken. Since: 0.1.
 */
#define MC_HAVE_CLAMPED 16

/**
 * `have`: the time to live was received. Since: 0.1.
 */
#define MC_HAVE_TTL 32

/**
 * `have`: the value's size was received. Since: 0.1.
 */
#define MC_HAVE_SIZE 64

/**
 * `have`: the time since the item was last used was received. Since: 0.1.
 */
#define MC_HAVE_LAST_ACCESS 128

/**
 * `have`: whether the item was read before was received. Since: 0.1.
 */
#define MC_HAVE_HIT_BEFORE 256

/**
 * `marks`: who asked is the one to make the value anew; an empty value that comes with it stands for none.
 * Since: 0.1.
 */
#define MC_MARK_WON 1

/**
 * `marks`: the item was made stale. Since: 0.1.
 */
#define MC_MARK_STALE 2

/**
 * `marks`: somebody else is making the value anew. Since: 0.1.
 */
#define MC_MARK_OTHER_WON 4

/**
 * `effect`: the command writes nothing. Since: 0.1.
 */
#define MC_EFFECT_NONE 0

/**
 * `effect`: the server's data is as it was. Since: 0.1.
 */
#define MC_EFFECT_NOT_APPLIED 1

/**
 * `effect`: the write took place. Since: 0.1.
 */
#define MC_EFFECT_APPLIED 2

/**
 * `effect`: nobody can tell; nothing is done twice behind the caller's back. Since: 0.1.
 */
#define MC_EFFECT_UNKNOWN 3

/**
 * `effect`: the write did not take place, and the item that was there is gone. Since: 0.1.
 */
#define MC_EFFECT_REMOVED 4

/**
 * `phase`: nothing to tell. Since: 0.1.
 */
#define MC_PHASE_NONE 0

/**
 * `phase`: the arguments were looked at, nothing else was done. Since: 0.1.
 */
#define MC_PHASE_CHECK 1

/**
 * `phase`: waiting for a connection of the pool. Since: 0.1.
 */
#define MC_PHASE_POOL 2

/**
 * `phase`: looking up the server's name. Since: 0.1.
 */
#define MC_PHASE_RESOLVE 3

/**
 * `phase`: connecting. Since: 0.1.
 */
#define MC_PHASE_CONNECT 4

/**
 * `phase`: setting up the TLS session or the protocol. Since: 0.1.
 */
#define MC_PHASE_HANDSHAKE 5

/**
 * `phase`: authenticating. Since: 0.1.
 */
#define MC_PHASE_AUTHENTICATE 6

/**
 * `phase`: not all bytes of the command had left. Since: 0.1.
 */
#define MC_PHASE_SEND 7

/**
 * `phase`: all bytes had left, the reply had not come whole, or said that the command failed.
 * Since: 0.1.
 */
#define MC_PHASE_RECEIVE 8

/**
 * Read a value. Single, batch, loop. Since: 0.1.
 */
#define MC_OP_GET 1

/**
 * Read a value and its CAS. Single, batch, loop. Since: 0.1.
 */
#define MC_OP_GETS 2

/**
 * Read a value and set its time to live. Single, batch, loop. Since: 0.1.
 */
#define MC_OP_GAT 3

/**
 * Read a value and its CAS, and set its time to live. Single, batch, loop. Since: 0.1.
 */
#define MC_OP_GATS 4

/**
 * Store. Single, batch, loop. Since: 0.1.
 */
#define MC_OP_SET 5

/**
 * Store where there is nothing; else MC_NOT_STORED. Single, batch, loop. Since: 0.1.
 */
#define MC_OP_ADD 6

/**
 * Store where there is something; else MC_NOT_STORED. Single, batch, loop. Since: 0.1.
 */
#define MC_OP_REPLACE 7

/**
 * Put behind the value that there is; else MC_NOT_STORED. Flags and time to live stay. Single,
 * batch, loop. Since: 0.1.
 */
#define MC_OP_APPEND 8

/**
 * Put in front of the value that there is; else MC_NOT_STORED. Flags and time to live stay. Single,
 * batch, loop. Since: 0.1.
 */
#define MC_OP_PREPEND 9

/**
 * Store where the item still has the CAS given; else MC_CAS_FAILURE, or MC_NOT_FOUND. Single, batch, loop.
 * Since: 0.1.
 */
#define MC_OP_CAS 10

/**
 * Delete; MC_NOT_FOUND where there is nothing. Single, batch, loop. Since: 0.1.
 */
#define MC_OP_DELETE 11

/**
 * Set the time to live; MC_NOT_FOUND where there is nothing. Single, batch, loop. Since: 0.1.
 */
#define MC_OP_TOUCH 12

/**
 * Add `delta` to the number that the value spells, modulo 2^64; answers `number`. Single, batch, loop.
 * Since: 0.1.
 */
#define MC_OP_INCR 13

/**
 * Take `delta` from the number that the value spells, not below 0; answers `number`. Single, batch, loop.
 * Since: 0.1.
 */
#define MC_OP_DECR 14

/**
 * Ask the version of every server: mc_server_versions. Since: 0.1.
 */
#define MC_OP_VERSION 15

/**
 * Forget everything, on every server: mc_flush_all. Since: 0.1.
 */
#define MC_OP_FLUSH_ALL 16

/**
 * Ask every server for statistics: mc_stats_get. Since: 0.1.
 */
#define MC_OP_STATS 17

/**
 * Set how much every server writes to its log: mc_verbosity. Since: 0.1.
 */
#define MC_OP_VERBOSITY 18

/**
 * Set how much memory every server may use: mc_cache_memlimit. Since: 0.1.
 */
#define MC_OP_CACHE_MEMLIMIT 19

/**
 * Ask every server for a sign of life: mc_ping. Since: 0.1.
 */
#define MC_OP_PING 20

/**
 * Delete a key on every server: mc_delete_all. Since: 0.1.
 */
#define MC_OP_DELETE_ALL 21

/**
 * Ask whether there is an item, and for what is wanted of it, without its value: mc_exists. Where the
 * protocol has nothing for it, the value is read and thrown away. Single, batch. Since: 0.1.
 */
#define MC_OP_EXISTS 22

/**
 * `options`: have the item's CAS in the answer: to MC_OP_GET and MC_OP_GAT by every protocol, to what
 * stores, counts or touches by the meta protocol. Wants are wishes: what could not be had is absent from
 * the item's `have`. Since: 0.1.
 */
#define MC_WANT_CAS 1

/**
 * `options`: have the item's time to live in the answer to what reads, touches or counts (meta protocol).
 * Since: 0.1.
 */
#define MC_WANT_TTL 2

/**
 * `options`: have the size of the value in the answer to what reads or touches (meta protocol), and to
 * what stores (memcached 1.6.20). Since: 0.1.
 */
#define MC_WANT_SIZE 4

/**
 * `options`: have the time since the item was last used in the answer to what reads or touches (meta
 * protocol). Since: 0.1.
 */
#define MC_WANT_LAST_ACCESS 8

/**
 * `options`: have in the answer to what reads or touches whether the item was read before (meta
 * protocol). Since: 0.1.
 */
#define MC_WANT_HIT_BEFORE 16

/**
 * `options`: `flags` was said, even if it is 0. Since: 0.1.
 */
#define MC_HAS_FLAGS 65536

/**
 * `options`: `cas` was said, even if it is 0. Since: 0.1.
 */
#define MC_HAS_CAS 131072

/**
 * `options`: `delta` was said, even if it is 0; else 0 means 1. Since: 0.1.
 */
#define MC_HAS_DELTA 262144

/**
 * `options`: `initial` was said, even if it is 0. Since: 0.1.
 */
#define MC_HAS_INITIAL 524288

/**
 * `options`: `recache_ttl` was said, even if it is 0. Since: 0.1.
 */
#define MC_HAS_RECACHE 1048576

/**
 * `options`: `lease_ttl` was said, even if it is 0. Since: 0.1.
 */
#define MC_HAS_LEASE 2097152

/**
 * `options`: `stale_ttl` was said, even if it is 0. Since: 0.1.
 */
#define MC_HAS_STALE 4194304

/**
 * `options`: `own_cas` was said. Since: 0.1.
 */
#define MC_HAS_OWN_CAS 8388608

/**
 * `options`: `ttl` is a moment, in seconds since 1970. Since: 0.1.
 */
#define MC_TTL_IS_UNIX_TIME 4294967296

/**
 * `options`: do not wait for the reply of a write. MC_OK then means written; a failure is counted and
 * told by mc_sync. In a batch every reply is waited for. Since: 0.1.
 */
#define MC_NOREPLY 8589934592

/**
 * `options`: wait for the reply, whatever the option default_noreply says. Since: 0.1.
 */
#define MC_REPLY 17179869184

/**
 * `options`: a read that is no use of the item: it is no younger by it, nor read before (meta protocol).
 * Since: 0.1.
 */
#define MC_PEEK 274877906944

/**
 * `options`: MC_OP_DELETE with a `stale_ttl` leaves a stale item without its value (meta protocol,
 * memcached 1.6.27). Since: 0.1.
 */
#define MC_DROP_VALUE 549755813888

/**
 * `options`: MC_OP_INCR and MC_OP_DECR give the item `ttl` seconds to live too (meta protocol).
 * Since: 0.1.
 */
#define MC_TOUCH 1099511627776

/**
 * `kind`: a text, such as a version. Since: 0.1.
 */
#define MC_STAT_TEXT 1

/**
 * `kind`: an integer, from INT64_MIN to UINT64_MAX. Since: 0.1.
 */
#define MC_STAT_INTEGER 2

/**
 * `kind`: a number with a fraction; also seconds of processor time. Since: 0.1.
 */
#define MC_STAT_REAL 3

/**
 * `kind`: yes or no, on or off, enabled or disabled; 1 or 0 where that is what they mean. Since: 0.1.
 */
#define MC_STAT_BOOLEAN 4

/**
 * `have` of a dumped key: `expiry` was told. Since: 0.1.
 */
#define MC_DUMP_EXPIRY 1

/**
 * `have` of a dumped key: `last_access` was told. Since: 0.1.
 */
#define MC_DUMP_LAST_ACCESS 2

/**
 * `have` of a dumped key: `cas` was told. Since: 0.1.
 */
#define MC_DUMP_CAS 4

/**
 * `have` of a dumped key: `fetched` was told. Since: 0.1.
 */
#define MC_DUMP_FETCHED 8

/**
 * `have` of a dumped key: `slab_class` was told. Since: 0.1.
 */
#define MC_DUMP_SLAB_CLASS 16

/**
 * `have` of a dumped key: `size` was told. Since: 0.1.
 */
#define MC_DUMP_SIZE 32

/**
 * `have` of a dumped key: `flags` were told. Since: 0.1.
 */
#define MC_DUMP_FLAGS 64

/**
 * A memcached client: used by any number of threads at once, and after a fork by both processes.
 * Freed with mc_free. Since: 0.1.
 */
typedef struct mc_client mc_client;

/**
 * One connection to one server, below all commands: bytes are sent as they are, and read up to a
 * terminator or a length. Used by one thread at a time (MC_IN_USE: another one is inside a call), in
 * the process that made it: in a forked child it can only be freed, all else is MC_INVALID_ARGUMENT,
 * and the parent's connection does not notice. Freed with mc_conn_free.
 *
 * A call takes at most the time of mc_conn_set_timeout. One that fails has closed the connection and
 * forgotten what was received, so that the next one begins with nothing of this one: mc_conn_connect
 * opens it. Only after MC_INVALID_ARGUMENT, MC_IN_USE and MC_WOULD_BLOCK it is as it was. Since: 0.1.
 */
typedef struct mc_conn mc_conn;

/**
 * The keys of every server, being told: begun with mc_dump_new, freed with mc_dump_free. Used by one
 * thread at a time; may outlive the client; a forked child can only free it. Since: 0.1.
 */
typedef struct mc_dump mc_dump;

/**
 * An event loop of the caller's can carry operations of a client: nothing here waits (but mc_loop_run),
 * and no thread is made. Submit operations, wait for mc_loop_fd to become readable, mc_loop_timeout_us
 * at the longest, then call mc_loop_process, which tells of those that are over.
 *
 * Used by one thread at a time (MC_IN_USE: another one is inside a call), in the process that made it:
 * in a forked child it can only be freed, all else is MC_INVALID_ARGUMENT. Each loop has one connection
 * to each server that it uses, beside those that `max_connections` counts; commands that are submitted
 * before a turn leave in it together, and are answered in their order. Freed with mc_loop_free.
 * Since: 0.1.
 */
typedef struct mc_loop mc_loop;

/**
 * What clients are made from: options and servers. Used by one thread at a time; freed with
 * mc_options_free. Since: 0.1.
 */
typedef struct mc_options mc_options;

/**
 * The answers of a batch: as many items as there were commands, in their order. Freed with
 * mc_results_free; holds no reference to the client. Since: 0.1.
 */
typedef struct mc_results mc_results;

/**
 * What a selector may ask about the servers that it chooses from, with the functions mc_select_*.
 * Valid until it returns. Since: 0.1.
 */
typedef struct mc_selection mc_selection;

/**
 * The statistics of servers: for each server, in the order of the list, how it answered and what it
 * said. Freed with mc_stats_list_free; holds no reference to the client. Since: 0.1.
 */
typedef struct mc_stats_list mc_stats_list;

/**
 * What a call ended with: MC_OK (0), or what went wrong. Bits 0 to 7 are the class, 8 to 15 the kind,
 * 16 to 23 the sub-kind, so that a number that is not known yet still tells its class. Since: 0.1.
 */
typedef int32_t mc_status;

/**
 * One row of the status table. Since: 0.1.
 */
typedef struct mc_status_info {
  /**
   * The number.
   */
  mc_status status;
  /**
   * The status above it; MC_CLASS_MEMCACHED is above every class.
   */
  mc_status parent;
  /**
   * The name, without the prefix MC_.
   */
  const char *name;
  /**
   * What happened, for humans.
   */
  const char *message;
} mc_status_info;

/**
 * Hears of one option: its name, its type, its default and what it does. The texts are valid until it
 * returns. Since: 0.1.
 */
typedef void (*mc_option_fn)(void *user,
                             const char *name,
                             const char *kind,
                             const char *default_value,
                             const char *doc);

/**
 * One event. The texts are valid until the callback returns; they hold no keys, values or credentials.
 * Grows at its end. Since: 0.1.
 */
typedef struct mc_event {
  /**
   * MC_EVENT_*.
   */
  uint32_t what;
  /**
   * Why, MC_OK where nothing failed.
   */
  mc_status status;
  /**
   * The server's name.
   */
  const char *server;
  /**
   * What happened, for humans; "" where there is nothing to say.
   */
  const char *text;
} mc_event;

/**
 * Hears of one event, on a thread that is inside a call on the client, with no lock and no connection
 * held. It must return, and may not use the client. Since: 0.1.
 */
typedef void (*mc_observer_fn)(void *user, const struct mc_event *event);

/**
 * Gives a `user` pointer back to its owner. Since: 0.1.
 */
typedef void (*mc_destroy_fn)(void *user);

/**
 * Hashes a key: the same number for the same bytes, always. Called on any thread that is inside a call
 * on the client, also on several at once, with no lock held. It must return, and may not use the client.
 * Since: 0.1.
 */
typedef uint64_t (*mc_hasher_fn)(void *user, const char *key, size_t key_len);

/**
 * Chooses the server of a key: its place in the list, from 0 on, or MC_SELECT_NONE. The key is what
 * the placement would hash: with the prefix or without, only its tag, or the route. One server is not
 * asked about. As mc_hasher_fn, it is called on any thread, must return, and may not use the client.
 * Since: 0.1.
 */
typedef size_t (*mc_selector_fn)(void *user,
                                 const struct mc_selection *selection,
                                 const char *key,
                                 size_t key_len);

/**
 * What is known of one server. The caller sets `size`. Since: 0.1.
 */
typedef struct mc_health {
  /**
   * sizeof(mc_health).
   */
  uint32_t size;
  /**
   * MC_SERVER_*.
   */
  uint32_t state;
  /**
   * How often it failed since its last reply, as far as that counts.
   */
  uint32_t failures;
  /**
   * Why it is not up; MC_OK where it is.
   */
  mc_status cause;
  /**
   * For how long it has been up, or not, in microseconds.
   */
  int64_t since_us;
  /**
   * How long it will be left alone, in microseconds; 0: not any longer; -1: it is up, or being tried,
   * or only the reconnector knows.
   */
  int64_t next_us;
  /**
   * Its name as mc_servers tells it, which stays valid.
   */
  const char *server;
} mc_health;

/**
 * Says whether a server may be used (`what` is MC_RECONNECT_MAY_TRY; asked whenever a connection to it
 * would be made, and by calls that meet one that failed), and hears of what happened to it (what it
 * returns then is ignored). `server` is its name as mc_servers tells it, which stays valid. Called on any
 * thread that is inside a call on the client, also on several at once, with no lock held. It must
 * return, and may not use the client. Since: 0.1.
 */
typedef bool (*mc_reconnector_fn)(void *user, const char *server, uint32_t what);

/**
 * What one command was answered. Made by the library and reached by pointer only: it grows at its
 * end. What was not received is 0 or NULL. Since: 0.1.
 */
typedef struct mc_item {
  /**
   * How the command ended.
   */
  mc_status status;
  /**
   * MC_HAVE_*: which of the fields below were really received.
   */
  uint32_t have;
  /**
   * The caller's key, without prefix, with a NUL behind it.
   */
  const char *key;
  /**
   * Its length in bytes.
   */
  size_t key_len;
  /**
   * The value, with a NUL behind it. NULL unless there is one; an empty value is not NULL.
   */
  const char *value;
  /**
   * Its length in bytes.
   */
  size_t value_len;
  /**
   * The item's CAS.
   */
  uint64_t cas;
  /**
   * What incr and decr answered.
   */
  uint64_t number;
  /**
   * Seconds to live; -1: never expires.
   */
  int64_t ttl;
  /**
   * The flags that the item was stored with.
   */
  uint32_t flags;
  /**
   * MC_MARK_*.
   */
  uint32_t marks;
  /**
   * MC_EFFECT_*: what a command that failed did to the server's data.
   */
  uint32_t effect;
  /**
   * The system's error number, or 0.
   */
  int32_t sys_errno;
  /**
   * How many bytes the value has.
   */
  uint64_t item_size;
  /**
   * Seconds since the item was last used.
   */
  uint64_t last_access;
  /**
   * 1 where the item was read before.
   */
  uint32_t hit_before;
  /**
   * MC_PHASE_*: how far a command that failed had come.
   */
  uint32_t phase;
  /**
   * What went wrong and where; NULL unless something did.
   */
  const char *text;
  /**
   * The server's name; NULL if none was asked.
   */
  const char *server;
  /**
   * A serializer's object.
   */
  void *object;
} mc_item;

/**
 * A command. Begin with MC_COMMAND_INIT(op): in every field but `size` and `op`, 0 means "not said".
 * Since: 0.1.
 */
typedef struct mc_command {
  /**
   * sizeof(mc_command).
   */
  uint32_t size;
  /**
   * MC_OP_*.
   */
  uint32_t op;
  /**
   * MC_WANT_*, MC_HAS_*, MC_TTL_IS_UNIX_TIME, MC_NOREPLY, MC_REPLY, MC_PEEK, MC_DROP_VALUE,
   * MC_TOUCH.
   */
  uint64_t options;
  /**
   * The key, without prefix.
   */
  const char *key;
  /**
   * Its length in bytes, or MC_CSTR.
   */
  size_t key_len;
  /**
   * The value of a command that stores.
   */
  const void *value;
  /**
   * Its length in bytes, or MC_CSTR.
   */
  size_t value_len;
  /**
   * Find the server by this instead of the key.
   */
  const char *route;
  /**
   * Its length in bytes, or MC_CSTR.
   */
  size_t route_len;
  /**
   * Seconds to live, any number; 0: for ever; MC_EXPIRE_NOW: not at all. Of a command with an
   * `initial`: of what it makes; of one that counts with MC_TOUCH: of what it counts.
   */
  int64_t ttl;
  /**
   * How long the command may take, in microseconds; 0: as the client says; below 0: for ever.
   */
  int64_t timeout_us;
  /**
   * The CAS that the item must still have, else MC_CAS_FAILURE: for MC_OP_CAS, and by the meta
   * protocol for what deletes, counts, appends or prepends. MC_OP_SET and MC_OP_REPLACE with it are
   * MC_OP_CAS. A get with it (memcached 1.6.40) answers the value only where the item has another CAS,
   * else MC_OK without a value.
   */
  uint64_t cas;
  /**
   * By how much MC_OP_INCR and MC_OP_DECR count; 1 unless said.
   */
  uint64_t delta;
  /**
   * The number that a missing item begins with, for MC_OP_INCR and MC_OP_DECR, and what they answer
   * then. MC_OP_APPEND and MC_OP_PREPEND with MC_HAS_INITIAL store their value where there is nothing.
   * Where the server has no command for it, it is done by several, and still nothing is counted twice
   * or overwritten; in a batch those come behind its other commands.
   */
  uint64_t initial;
  /**
   * Of a read: where the item has less than so many seconds to live, one reader is told by the mark
   * MC_MARK_WON to make it anew, others by MC_MARK_OTHER_WON that somebody does (meta protocol).
   */
  int64_t recache_ttl;
  /**
   * Of a read: where there is no item, an empty one is made that lives for so many seconds (0: for
   * ever), and one reader gets it with the mark MC_MARK_WON and is to fill it; others get MC_NO_VALUE
   * with MC_MARK_OTHER_WON until then (meta protocol).
   */
  int64_t lease_ttl;
  /**
   * Of MC_OP_DELETE: the item becomes stale instead, and lives for so many seconds; with MC_HAS_STALE
   * and 0, as long as it would have. Readers get it with MC_MARK_STALE, one of them with MC_MARK_WON. Of
   * a store that compares, MC_HAS_STALE and 0: an older CAS stores too, as a stale item (meta protocol).
   */
  int64_t stale_ttl;
  /**
   * The flags that are stored with the value.
   */
  uint32_t flags;
  /**
   * 0.
   */
  uint32_t reserved;
  /**
   * NULL in this version.
   */
  void (*release)(void *user);
  /**
   * NULL in this version.
   */
  void *release_user;
  /**
   * The CAS that the item is to have from now on, instead of one of the server's: with what stores or
   * counts, MC_OP_DELETE with `stale_ttl`, a read with `lease_ttl` (meta protocol, memcached 1.6.27).
   */
  uint64_t own_cas;
} mc_command;

/**
 * How a batch is carried out; NULL where one is taken means the defaults. Since: 0.1.
 */
typedef struct mc_batch {
  /**
   * sizeof(mc_batch).
   */
  uint32_t size;
  /**
   * 0.
   */
  uint32_t options;
  /**
   * How long the batch may take, in microseconds; 0: as the client says; below 0: for ever.
   */
  int64_t timeout_us;
} mc_batch;

/**
 * One of a server's statistics: the name and the text as they came, and what the text says. Made by the
 * library and reached by pointer only: it grows at its end. What a statistic does not have is 0.
 * Since: 0.1.
 */
typedef struct mc_stat {
  /**
   * MC_STAT_*: what the text says. A text that is not of its name's kind has the kind that it looks
   * like; no text is ever refused or changed.
   */
  uint32_t kind;
  /**
   * 1: the name has a number in it, which is `index`.
   */
  uint32_t has_index;
  /**
   * The name, with a NUL behind it: "pid", "items:5:age", "5:chunk_size", "96".
   */
  const char *name;
  /**
   * Its length in bytes.
   */
  size_t name_len;
  /**
   * The text, with a NUL behind it: bytes as the server sent them, none where it sent none.
   */
  const char *text;
  /**
   * Its length in bytes.
   */
  size_t text_len;
  /**
   * What stands in the name behind the number ("age", "chunk_size", "" for sizes), or the whole name;
   * with a NUL behind it.
   */
  const char *field;
  /**
   * Its length in bytes.
   */
  size_t field_len;
  /**
   * The number in the name: the slab class ("items" and "slabs"), the size of items in bytes
   * ("sizes"), the connection ("conns").
   */
  uint64_t index;
  /**
   * An integer that is not below 0; 1 or 0 for MC_STAT_BOOLEAN.
   */
  uint64_t number;
  /**
   * An integer; INT64_MAX where it is above that. 1 or 0 for MC_STAT_BOOLEAN.
   */
  int64_t integer;
  /**
   * A number of any kind, as near as a double comes to it.
   */
  double real;
  /**
   * MC_STAT_BOOLEAN: 1 or 0.
   */
  uint32_t boolean;
} mc_stat;

/**
 * A key of a server, and what the server says of its item. Made by the library and reached by pointer
 * only: it grows at its end. What was not told is 0. Since: 0.1.
 */
typedef struct mc_dump_entry {
  /**
   * The key without key_prefix, with a NUL behind it. Any bytes: other clients may store keys that this
   * library would not.
   */
  const char *key;
  /**
   * Its length in bytes.
   */
  size_t key_len;
  /**
   * The server's name.
   */
  const char *server;
  /**
   * The server's place in the list.
   */
  size_t server_index;
  /**
   * MC_DUMP_*: what was told. Old servers tell less, new ones more.
   */
  uint32_t have;
  /**
   * 1: the item was read since it was stored.
   */
  uint32_t fetched;
  /**
   * When it expires, in seconds since 1970; -1 never.
   */
  int64_t expiry;
  /**
   * When it was stored or used last, in seconds since 1970, about: servers do not note every use.
   */
  int64_t last_access;
  /**
   * Its CAS.
   */
  uint64_t cas;
  /**
   * How many bytes it takes in the server, key and overhead included.
   */
  uint64_t size;
  /**
   * The slab class that it lies in.
   */
  uint32_t slab_class;
  /**
   * The client's flags.
   */
  uint32_t flags;
} mc_dump_entry;

/**
 * Hears of one key; `entry` and its key live until it returns. Anything but 0 ends the dump. It runs on
 * the thread that is inside mc_dump_keys, with no lock and no connection of the pool held; it must return,
 * and may use the client. Since: 0.1.
 */
typedef int32_t (*mc_dump_fn)(void *user, const struct mc_dump_entry *entry);

/**
 * The end of an operation. Made by the library and reached by pointer only: it grows at its end.
 * Since: 0.1.
 */
typedef struct mc_completion {
  /**
   * What mc_loop_submit has answered.
   */
  uint64_t id;
  /**
   * What it was given.
   */
  void *user;
  /**
   * How it ended: the item's status, or that of a batch as mc_execute_multi returns it.
   */
  mc_status status;
  /**
   * 0.
   */
  uint32_t reserved;
  /**
   * Of a lone command: all that can be said of its answer, filled on every path as by
   * mc_execute_into. NULL only for MC_NO_MEMORY. It lives as long as the completion: mc_item_copy.
   */
  const struct mc_item *item;
  /**
   * Of a batch: its answers, which belong to whoever is told. NULL only for MC_NO_MEMORY.
   */
  struct mc_results *results;
} mc_completion;

/**
 * Hears of the end of an operation, on the thread that is inside mc_loop_process, mc_loop_run or
 * mc_loop_free, with no lock held. The completion lives until it returns, which it must. It may submit,
 * cancel and free; mc_loop_process and mc_loop_run are MC_IN_USE there. Since: 0.1.
 */
typedef void (*mc_done_fn)(void *user, const struct mc_completion *completion);

/**
 * What a connection's URI says. Made by the library and reached by pointer only: it grows at its end.
 * Each text ends with a NUL, and is "" where the URI has no such part. Since: 0.1.
 */
typedef struct mc_uri {
  /**
   * "memcached", "memcacheds" (TLS), "memcached+unix" or "memory".
   */
  const char *protocol;
  /**
   * The host's name as it was written, or its address, that of IPv6 without brackets.
   */
  const char *host;
  /**
   * The path of a Unix socket.
   */
  const char *path;
  /**
   * The name of a server in memory.
   */
  const char *store;
  /**
   * The port, 11211 where the URI says none; 0 where there are no ports.
   */
  uint32_t port;
} mc_uri;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Return the version of the library as text, such as "0.1.0". Static, never NULL. Since: 0.1.
 */
MC_API const char *mc_version(void);

/**
 * Return the version of the library as a number: major << 16 | minor << 8 | patch, like
 * MEMCACHED2_VERSION_NUMBER of the header that a program was compiled with. Since: 0.1.
 */
MC_API uint32_t mc_version_number(void);

/**
 * Return what is built in that can be left out, a bit MC_FEATURE_… for each. What is not built in
 * answers MC_UNSUPPORTED. Since: 0.1.
 */
MC_API uint64_t mc_features(void);

/**
 * Return row number `index` of the status table, in the order of the header; NULL past its end.
 * Static, for bindings to build their exceptions from. Since: 0.1.
 */
MC_API const struct mc_status_info *mc_statuses(size_t index);

/**
 * Return the name of a status without its prefix, such as "NO_VALUE"; "UNKNOWN" for a number that
 * no status has. Static, never NULL. Since: 0.1.
 */
MC_API const char *mc_status_name(mc_status status);

/**
 * Return what a status means, in a sentence. Static, never NULL. Since: 0.1.
 */
MC_API const char *mc_status_message(mc_status status);

/**
 * Tell whether `status` is `ancestor` or below it: a class, a kind, or MC_CLASS_MEMCACHED, which is
 * above everything but MC_OK. Since: 0.1.
 */
MC_API bool mc_status_is(mc_status status, mc_status ancestor);

/**
 * Tell whether the key was not there: MC_NO_VALUE (reads) or MC_NOT_FOUND (the others). Since: 0.1.
 */
MC_API bool mc_status_is_miss(mc_status status);

/**
 * Return the text of the thread's last failure: what went wrong and where; "" before the first. Never
 * NULL; valid until the thread's next failing call. Successes and misses leave it. Since: 0.1.
 */
MC_API
const char *mc_last_error(void);

/**
 * Return the status of the thread's last failure; MC_OK before the first. Since: 0.1.
 */
MC_API int32_t mc_last_error_status(void);

/**
 * Return the name of the server that the thread's last failure concerns; "" if none. Static, never
 * NULL. Since: 0.1.
 */
MC_API const char *mc_last_error_server(void);

/**
 * Return the system's error number of the thread's last failure, or 0. Since: 0.1.
 */
MC_API int32_t mc_last_error_errno(void);

/**
 * Return what the command of the thread's last failure did to the server's data: MC_EFFECT_*.
 * Since: 0.1.
 */
MC_API uint32_t mc_last_error_effect(void);

/**
 * Return how far the command of the thread's last failure had come: MC_PHASE_*. Since: 0.1.
 */
MC_API uint32_t mc_last_error_phase(void);

/**
 * Return new options, all at their defaults and without servers; NULL when there is no memory.
 * Since: 0.1.
 */
MC_API struct mc_options *mc_options_new(void);

/**
 * Free options; NULL is ignored. Clients made from them live on. Since: 0.1.
 */
MC_API void mc_options_free(struct mc_options *options);

/**
 * Set an option of the client, such as ("timeout", "250ms"). MC_UNKNOWN_OPTION: there is none of this
 * name; MC_INVALID_ARGUMENT: it cannot have this value; mc_last_error tells what it takes. The names
 * are those of mc_options_each. Since: 0.1.
 */
MC_API
mc_status mc_options_set(struct mc_options *options,
                         const char *name,
                         const char *value);

/**
 * Write the value of an option to `buf` as snprintf does, and the length of the whole text without
 * its NUL to `*needed` (may be NULL). Of a secret (`password`) that is "***", or "" where it is not set.
 * MC_BUFFER_TOO_SMALL: it was cut; (NULL, 0) only asks. Since: 0.1.
 */
MC_API
mc_status mc_options_get(const struct mc_options *options,
                         const char *name,
                         char *buf,
                         size_t cap,
                         size_t *needed);

/**
 * Add a server, in any spelling of mc_new, with a weight: the share of the keys that it gets relative
 * to the others; 0 leaves it to the URI, or to 1. Since: 0.1.
 */
MC_API
mc_status mc_options_add_server(struct mc_options *options,
                                const char *uri,
                                uint32_t weight);

/**
 * Tell `each` of every option, in the order of the documentation. Since: 0.1.
 */
MC_API mc_status mc_options_each(mc_option_fn each, void *user);

/**
 * Have `observer` hear of the connections of clients made from these options from now on; NULL for
 * none. It is called from any thread, also from several at once. `destroy` (may be NULL) runs once on
 * `user`: after the last client and the options are freed, or another observer is set; at once when
 * this call fails. Since: 0.1.
 */
MC_API
mc_status mc_options_set_observer(struct mc_options *options,
                                  mc_observer_fn observer,
                                  void *user,
                                  mc_destroy_fn destroy);

/**
 * Hash a key with one of the library's hashes, by its name as the option `hash` takes it ("md5",
 * "crc32", "libmemcached-default", …). `*hash` is below 2^32 but for "murmur64a" and "xxh3".
 * MC_INVALID_ARGUMENT: there is none of this name. Since: 0.1.
 */
MC_API mc_status mc_hash(const char *name, const char *key, size_t key_len, uint64_t *hash);

/**
 * Return the number of servers, at least 2; 0 for NULL. Since: 0.1.
 */
MC_API size_t mc_select_count(const struct mc_selection *selection);

/**
 * Return the name of a server, as mc_servers tells it, which stays valid; NULL where there is none at
 * this place. Since: 0.1.
 */
MC_API
const char *mc_select_name(const struct mc_selection *selection,
                           size_t index);

/**
 * Return the weight of a server; 0 where there is none at this place. Since: 0.1.
 */
MC_API uint32_t mc_select_weight(const struct mc_selection *selection, size_t index);

/**
 * Return whether there is a server at this place and it can be used now. Since: 0.1.
 */
MC_API bool mc_select_is_up(const struct mc_selection *selection, size_t index);

/**
 * Hash bytes with the hash that the client's options say: the hasher of mc_options_set_hasher, or the
 * option `hash`, or that of the placement. Since: 0.1.
 */
MC_API
mc_status mc_select_hash(const struct mc_selection *selection,
                         const char *key,
                         size_t key_len,
                         uint64_t *hash);

/**
 * Have `hasher` hash the keys of clients made from these options from now on, in place of the option
 * `hash`; NULL for none. It hashes whatever the placement hashes with the hash of the keys, which may be
 * points of a ring too. `destroy` (may be NULL) runs once on `user`: after the last client and the options
 * are freed, or another hasher is set; at once when this call fails. Since: 0.1.
 */
MC_API
mc_status mc_options_set_hasher(struct mc_options *options,
                                mc_hasher_fn hasher,
                                void *user,
                                mc_destroy_fn destroy);

/**
 * Have `selector` choose the servers of keys for clients made from these options from now on, in place
 * of the option `placement`; NULL for none. `destroy` as in mc_options_set_hasher. Since: 0.1.
 */
MC_API
mc_status mc_options_set_selector(struct mc_options *options,
                                  mc_selector_fn selector,
                                  void *user,
                                  mc_destroy_fn destroy);

/**
 * Make a client of a list of servers: URIs separated by commas or white space, such as
 * "memcached://127.0.0.1:11211/?timeout=250ms" or "memcached+unix:///run/memcached.sock"; bare
 * "host:port" and "/path" too; "user:password@" before the host, percent-encoded, where the server asks
 * for it. Options stand behind the question mark, those of the client on any of the URIs. Neither resolves nor connects. MC_OK: `*out` is the client; else NULL, and mc_last_error
 * tells what was wrong and where. An empty list is legal; its use is MC_NO_AVAILABLE_SERVERS.
 * Since: 0.1.
 */
MC_API
mc_status mc_new(const char *servers,
                 struct mc_client **out);

/**
 * Make a client of options (mc_options_new), which are copied. Since: 0.1.
 */
MC_API mc_status mc_new_with(const struct mc_options *options, struct mc_client **out);

/**
 * Make a view of a client with some options changed, such as "timeout=50ms" (several with & or
 * commas between). It shares servers and connections with the client, which may be freed before it;
 * options that shape connections cannot be changed. Freed with mc_free. Since: 0.1.
 */
MC_API
mc_status mc_client_with(const struct mc_client *client,
                         const char *options,
                         struct mc_client **view);

/**
 * Make a view of a client that reads from `old` what it does not find: for moving to other servers, or to
 * another placement. Reads that miss are asked of `old`, whose items are left alone (a gat there is a get)
 * and are told without their CAS: mc_add stores one in the new servers. Deletes go to `old` first and then
 * to the client, so that nothing that was deleted comes back; MC_OK where either had the item. All else is
 * the client's alone, what is asked of servers too. Only a miss leads to `old`, never a failure. Each keeps
 * its options, the view's time is that of both. Servers and connections are shared with both clients,
 * which may be freed before the view; freed with mc_free. Since: 0.1.
 */
MC_API
mc_status mc_client_with_fallback(const struct mc_client *client,
                                  const struct mc_client *old,
                                  struct mc_client **view);

/**
 * Free a client or a view; NULL is ignored. No thread may be inside a call on it. Connections close
 * when the last of them is freed. Since: 0.1.
 */
MC_API void mc_free(struct mc_client *client);

/**
 * Close the client's connections: idle ones now, those in use when they come back. The next call
 * opens new ones. Since: 0.1.
 */
MC_API mc_status mc_close(const struct mc_client *client);

/**
 * Settle quiet commands (MC_NOREPLY): read the replies that idle connections are owed, for at most
 * `timeout_us` microseconds (0: as the client's timeout; below 0: for ever). `*failed` (may be NULL) is
 * how many quiet commands of this client failed since the last time, those whose replies were lost
 * included. Since: 0.1.
 */
MC_API
mc_status mc_sync(const struct mc_client *client,
                  int64_t timeout_us,
                  uint64_t *failed);

/**
 * Add one server to the end of the list, in any spelling of mc_new. Calls under way are not
 * disturbed. Keys move as the placement says. Since: 0.1.
 */
MC_API mc_status mc_add_server(const struct mc_client *client, const char *uri);

/**
 * Remove one server, named by its URI in any spelling or by its alias. Calls under way end as they
 * would have. Since: 0.1.
 */
MC_API mc_status mc_remove_server(const struct mc_client *client, const char *uri);

/**
 * Replace the list of servers as a whole, at one moment; those that stay keep their connections.
 * Since: 0.1.
 */
MC_API mc_status mc_set_servers(const struct mc_client *client, const char *servers);

/**
 * Write the names of the servers, in their order with a comma between, to `buf` as snprintf does, and
 * the length of the whole text without its NUL to `*needed` (may be NULL). No name holds credentials.
 * MC_BUFFER_TOO_SMALL: it was cut; (NULL, 0) only asks. Since: 0.1.
 */
MC_API
mc_status mc_servers(const struct mc_client *client,
                     char *buf,
                     size_t cap,
                     size_t *needed);

/**
 * Write the name of the server that a key belongs to; as mc_servers. Since: 0.1.
 */
MC_API
mc_status mc_server_for_key(const struct mc_client *client,
                            const char *key,
                            size_t key_len,
                            char *buf,
                            size_t cap,
                            size_t *needed);

/**
 * Check whether a key is legal: 1 to 250 bytes, none a space, a control character or DEL. MC_OK, or
 * MC_ILLEGAL_INPUT with what is wrong in mc_last_error. Since: 0.1.
 */
MC_API mc_status mc_key_check(const char *key, size_t key_len);

/**
 * Tell what is known of a server, by its place in the list that mc_servers writes, from 0 on. Asks
 * nobody, and waits for nothing. MC_INVALID_ARGUMENT: there is no server at this place. Since: 0.1.
 */
MC_API
mc_status mc_server_health(const struct mc_client *client,
                           size_t index,
                           struct mc_health *health);

/**
 * Have `reconnector` say when servers that failed are tried again, for clients made from these options
 * from now on, in place of the option `reconnect`; NULL for none. Calls that it does not let through are
 * MC_CIRCUIT_OPEN. `destroy` (may be NULL) runs once on `user`: after the last client and the options
 * are freed, or another reconnector is set; at once when this call fails. Since: 0.1.
 */
MC_API
mc_status mc_options_set_reconnector(struct mc_options *options,
                                     mc_reconnector_fn reconnector,
                                     void *user,
                                     mc_destroy_fn destroy);

/**
 * Return a new, empty item for mc_execute_into and mc_get_reuse, which keeps its memory from one use
 * to the next; NULL when there is no memory. Freed with mc_item_free. Since: 0.1.
 */
MC_API
struct mc_item *mc_item_new(void);

/**
 * Return a copy of `item` that belongs to the caller: of an item of a result set, for instance, which
 * lives only as long as the set. NULL when `item` is NULL or there is no memory. Freed with
 * mc_item_free. Since: 0.1.
 */
MC_API
struct mc_item *mc_item_copy(const struct mc_item *item);

/**
 * Free an item. NULL is ignored, and so is an item of a result set, which goes with the set.
 * Since: 0.1.
 */
MC_API void mc_item_free(struct mc_item *item);

/**
 * Read the value of a key. MC_OK: `*out` is the item, freed with mc_item_free; MC_NO_VALUE: there is
 * none; else something failed: mc_last_error. `*out` is NULL unless MC_OK. `key_len` in bytes, or
 * MC_CSTR. Since: 0.1.
 */
MC_API
mc_status mc_get(const struct mc_client *client,
                 const char *key,
                 size_t key_len,
                 struct mc_item **out);

/**
 * As mc_get, with the item's CAS for mc_cas. Since: 0.1.
 */
MC_API
mc_status mc_gets(const struct mc_client *client,
                  const char *key,
                  size_t key_len,
                  struct mc_item **out);

/**
 * As mc_get, and give the item `ttl` more seconds to live (0: for ever; MC_EXPIRE_NOW: none). The
 * server must be 1.5.3 or newer. Since: 0.1.
 */
MC_API
mc_status mc_gat(const struct mc_client *client,
                 const char *key,
                 size_t key_len,
                 int64_t ttl,
                 struct mc_item **out);

/**
 * As mc_gat, with the item's CAS for mc_cas. Since: 0.1.
 */
MC_API
mc_status mc_gats(const struct mc_client *client,
                  const char *key,
                  size_t key_len,
                  int64_t ttl,
                  struct mc_item **out);

/**
 * Ask whether there is an item: MC_OK, or MC_NO_VALUE. By the meta protocol nothing of its value is
 * sent; by others it is read and thrown away. Either is a use of the item, as reading is. Since: 0.1.
 */
MC_API
mc_status mc_exists(const struct mc_client *client,
                    const char *key,
                    size_t key_len);

/**
 * As mc_get, into an item of the caller's (made by mc_item_new), which keeps its memory from one use
 * to the next and is filled on every path. Since: 0.1.
 */
MC_API
mc_status mc_get_reuse(const struct mc_client *client,
                       const char *key,
                       size_t key_len,
                       struct mc_item *item);

/**
 * Read the value of a key into the caller's buffer, without a NUL behind it. `*len` is the value's
 * length; `*flags` (may be NULL) its flags. MC_BUFFER_TOO_SMALL: the value has `*len` bytes, more
 * than `cap`; the buffer's content is undefined, and nothing else is disturbed. Both are 0 where there
 * is no value. Since: 0.1.
 */
MC_API
mc_status mc_get_into(const struct mc_client *client,
                      const char *key,
                      size_t key_len,
                      void *buf,
                      size_t cap,
                      size_t *len,
                      uint32_t *flags);

/**
 * Store a value under a key, whatever there was. `ttl` in seconds, any number: 0 for ever,
 * MC_EXPIRE_NOW not at all, other negatives are MC_INVALID_ARGUMENT. `flags` come back with the value.
 * MC_TOO_LARGE: the item is larger than the server takes (option item_size_max) and was not sent.
 * Lengths in bytes, or MC_CSTR. Since: 0.1.
 */
MC_API
mc_status mc_set(const struct mc_client *client,
                 const char *key,
                 size_t key_len,
                 const void *value,
                 size_t value_len,
                 int64_t ttl,
                 uint32_t flags);

/**
 * As mc_set, where there is no item yet; else MC_NOT_STORED. Since: 0.1.
 */
MC_API
mc_status mc_add(const struct mc_client *client,
                 const char *key,
                 size_t key_len,
                 const void *value,
                 size_t value_len,
                 int64_t ttl,
                 uint32_t flags);

/**
 * As mc_set, where there is an item already; else MC_NOT_STORED. Since: 0.1.
 */
MC_API
mc_status mc_replace(const struct mc_client *client,
                     const char *key,
                     size_t key_len,
                     const void *value,
                     size_t value_len,
                     int64_t ttl,
                     uint32_t flags);

/**
 * Put bytes behind the value that there is; MC_NOT_STORED where there is none. Its flags and time to
 * live stay. Since: 0.1.
 */
MC_API
mc_status mc_append(const struct mc_client *client,
                    const char *key,
                    size_t key_len,
                    const void *value,
                    size_t value_len);

/**
 * Put bytes in front of the value that there is; MC_NOT_STORED where there is none. Its flags and time
 * to live stay. Since: 0.1.
 */
MC_API
mc_status mc_prepend(const struct mc_client *client,
                     const char *key,
                     size_t key_len,
                     const void *value,
                     size_t value_len);

/**
 * As mc_set, where the item still has the CAS that mc_gets answered; else MC_CAS_FAILURE, or
 * MC_NOT_FOUND. A CAS of 0 is MC_INVALID_ARGUMENT: no server gives it. Since: 0.1.
 */
MC_API
mc_status mc_cas(const struct mc_client *client,
                 const char *key,
                 size_t key_len,
                 const void *value,
                 size_t value_len,
                 int64_t ttl,
                 uint32_t flags,
                 uint64_t cas);

/**
 * Delete an item; MC_NOT_FOUND where there is none. Since: 0.1.
 */
MC_API mc_status mc_delete(const struct mc_client *client, const char *key, size_t key_len);

/**
 * Give an item `ttl` more seconds to live (0: for ever; MC_EXPIRE_NOW: none); MC_NOT_FOUND where there
 * is none. Since: 0.1.
 */
MC_API
mc_status mc_touch(const struct mc_client *client,
                   const char *key,
                   size_t key_len,
                   int64_t ttl);

/**
 * Add `delta` to the number that an item's value spells, modulo 2^64; `*number` (may be NULL) is the
 * result, 0 on failure. MC_NOT_FOUND where there is no item, MC_NON_NUMERIC where its value is no
 * number. Never done twice: where the reply is lost the effect is unknown. Since: 0.1.
 */
MC_API
mc_status mc_incr(const struct mc_client *client,
                  const char *key,
                  size_t key_len,
                  uint64_t delta,
                  uint64_t *number);

/**
 * As mc_incr, taking `delta` away, not below 0. The server keeps the value's length, with spaces
 * behind the number. Since: 0.1.
 */
MC_API
mc_status mc_decr(const struct mc_client *client,
                  const char *key,
                  size_t key_len,
                  uint64_t delta,
                  uint64_t *number);

/**
 * As mc_incr; where there is no item, one is made that holds `initial` and lives for `ttl` seconds (0:
 * for ever; MC_EXPIRE_NOW: not at all), and `*number` is `initial`. By the meta protocol in one command,
 * by ASCII in as many as it takes: incr, add where there was nothing, incr again where somebody else's
 * add was first. No count is lost or done twice by it. Since: 0.1.
 */
MC_API
mc_status mc_incr_initial(const struct mc_client *client,
                          const char *key,
                          size_t key_len,
                          uint64_t delta,
                          uint64_t initial,
                          int64_t ttl,
                          uint64_t *number);

/**
 * As mc_incr_initial, taking `delta` away, not below 0. Since: 0.1.
 */
MC_API
mc_status mc_decr_initial(const struct mc_client *client,
                          const char *key,
                          size_t key_len,
                          uint64_t delta,
                          uint64_t initial,
                          int64_t ttl,
                          uint64_t *number);

/**
 * Make an item stale: it lives for `stale_ttl` more seconds (0: as long as it would have), its readers
 * get it with MC_MARK_STALE, and one of them with MC_MARK_WON: that one is to store it anew. Its CAS is
 * another afterwards: who read it before cannot store by it. MC_NOT_FOUND where there is no item;
 * MC_UNSUPPORTED, and nothing is sent, but by the meta protocol. Since: 0.1.
 */
MC_API
mc_status mc_invalidate(const struct mc_client *client,
                        const char *key,
                        size_t key_len,
                        int64_t stale_ttl);

/**
 * Carry out one command and wait for its answer. MC_OK: `*out` is the item, freed with mc_item_free;
 * else it is NULL. A miss is MC_NO_VALUE (reads) or MC_NOT_FOUND (the others). Who wants the detail of
 * a failure in hand uses mc_execute_into. Since: 0.1.
 */
MC_API
mc_status mc_execute(const struct mc_client *client,
                     const struct mc_command *command,
                     struct mc_item **out);

/**
 * Carry out one command into an item of the caller's (made by mc_item_new), which is filled on every
 * path: status, value, text, server, errno, effect, phase. It keeps its memory from one use to the
 * next; what its pointers led to before is gone. Since: 0.1.
 */
MC_API
mc_status mc_execute_into(const struct mc_client *client,
                          const struct mc_command *command,
                          struct mc_item *item);

/**
 * As mc_execute_into, with key and value given apart, in place of those of `command`: for languages
 * that may not put their pointers into a struct. Since: 0.1.
 */
MC_API
mc_status mc_execute_kv(const struct mc_client *client,
                        const struct mc_command *command,
                        const char *key,
                        size_t key_len,
                        const void *value,
                        size_t value_len,
                        struct mc_item *item);

/**
 * Return how many items there are; 0 for NULL. Since: 0.1.
 */
MC_API size_t mc_results_count(const struct mc_results *results);

/**
 * Return how many items have a status that is neither MC_OK nor a miss. Since: 0.1.
 */
MC_API size_t mc_results_failed(const struct mc_results *results);

/**
 * Return item number `i`, which lives as long as the results; NULL past the end. Since: 0.1.
 */
MC_API const struct mc_item *mc_results_item(const struct mc_results *results, size_t i);

/**
 * Return the first item, how many there are, and by how many bytes one follows the other: all items in
 * one crossing, for bindings. NULL when there is none. Since: 0.1.
 */
MC_API
const struct mc_item *mc_results_items(const struct mc_results *results,
                                       size_t *count,
                                       size_t *stride);

/**
 * Free results, with their items. NULL is ignored. Since: 0.1.
 */
MC_API void mc_results_free(struct mc_results *results);

/**
 * Read many values at once. `lens` in bytes, MC_CSTR among them; NULL: every key ends at a NUL.
 * `*out` holds n items in the order of the keys, doubles and misses included, each with its status; it
 * is NULL only for MC_INVALID_ARGUMENT and MC_NO_MEMORY. MC_OK: every item is there or a miss;
 * MC_PARTIAL: some failed, the others stand. Since: 0.1.
 */
MC_API
mc_status mc_get_multi(const struct mc_client *client,
                       const char *const *keys,
                       const size_t *lens,
                       size_t n,
                       struct mc_results **out);

/**
 * As mc_get_multi, with the items' CAS. Since: 0.1.
 */
MC_API
mc_status mc_gets_multi(const struct mc_client *client,
                        const char *const *keys,
                        const size_t *lens,
                        size_t n,
                        struct mc_results **out);

/**
 * Delete many items at once. `out` may be NULL. MC_OK: every item was deleted or not there;
 * MC_MULTI_STORAGE: some commands failed. Since: 0.1.
 */
MC_API
mc_status mc_delete_multi(const struct mc_client *client,
                          const char *const *keys,
                          const size_t *lens,
                          size_t n,
                          struct mc_results **out);

/**
 * Give many items `ttl` more seconds to live. `out` may be NULL. Statuses as mc_delete_multi.
 * Since: 0.1.
 */
MC_API
mc_status mc_touch_multi(const struct mc_client *client,
                         const char *const *keys,
                         const size_t *lens,
                         size_t n,
                         int64_t ttl,
                         struct mc_results **out);

/**
 * Store many values at once, all with the same `ttl` and `flags` (as mc_set). Lengths in bytes,
 * MC_CSTR among them; NULL: all end at a NUL. `out` may be NULL; else `*out` holds n items in the order
 * of the keys. MC_OK: all were stored; MC_MULTI_STORAGE: some were not, the others were. An item that
 * is too large is MC_TOO_LARGE for itself and not sent. Since: 0.1.
 */
MC_API
mc_status mc_set_multi(const struct mc_client *client,
                       const char *const *keys,
                       const size_t *key_lens,
                       const void *const *values,
                       const size_t *value_lens,
                       size_t n,
                       int64_t ttl,
                       uint32_t flags,
                       struct mc_results **out);

/**
 * As mc_get_multi, with the keys one behind the other in one buffer and their lengths in `lens`: two
 * arrays that a binding can make without pointers in them. `batch` may be NULL. Since: 0.1.
 */
MC_API
mc_status mc_get_multi_packed(const struct mc_client *client,
                              const char *keys,
                              const size_t *lens,
                              size_t n,
                              const struct mc_batch *batch,
                              struct mc_results **out);

/**
 * As mc_delete_multi, with the keys one behind the other in one buffer. `batch` may be NULL. Since: 0.1.
 */
MC_API
mc_status mc_delete_multi_packed(const struct mc_client *client,
                                 const char *keys,
                                 const size_t *lens,
                                 size_t n,
                                 const struct mc_batch *batch,
                                 struct mc_results **out);

/**
 * As mc_set_multi, with the keys one behind the other in one buffer and the values in another.
 * `batch` may be NULL. Since: 0.1.
 */
MC_API
mc_status mc_set_multi_packed(const struct mc_client *client,
                              const char *keys,
                              const size_t *key_lens,
                              const void *values,
                              const size_t *value_lens,
                              size_t n,
                              int64_t ttl,
                              uint32_t flags,
                              const struct mc_batch *batch,
                              struct mc_results **out);

/**
 * Carry out any commands at once, on all their servers. `commands` is an array whose stride is the
 * `size` of its first element, which all must have. An entry that cannot be carried out has its own
 * status, the others go on. `batch` may be NULL; `out` too, where all are writes. MC_OK: every entry
 * is ok or a miss; MC_MULTI_STORAGE: some failed, and all are writes; MC_PARTIAL: some failed.
 * Since: 0.1.
 */
MC_API
mc_status mc_execute_multi(const struct mc_client *client,
                           const struct mc_command *commands,
                           size_t n,
                           const struct mc_batch *batch,
                           struct mc_results **out);

/**
 * Ask every server for its version. `*out` holds one item for each, in the order of the list, those
 * that are down included: `value` is the version, `server` the name. MC_PARTIAL: some failed.
 * Since: 0.1.
 */
MC_API mc_status mc_server_versions(const struct mc_client *client, struct mc_results **out);

/**
 * Ask every server for a sign of life. `*out` holds one item for each, in the order of the list: MC_OK,
 * or why it gave none. MC_OK: all did; MC_PARTIAL: some did not. Since: 0.1.
 */
MC_API
mc_status mc_ping(const struct mc_client *client,
                  struct mc_results **out);

/**
 * Have every server forget everything, at once or (`delay` above 0) in so many seconds; what is stored
 * meanwhile is forgotten too. `*out` holds one item for each server; `out` may be NULL. MC_PARTIAL: some
 * failed. Since: 0.1.
 */
MC_API
mc_status mc_flush_all(const struct mc_client *client,
                       int64_t delay,
                       struct mc_results **out);

/**
 * Delete the key on every server, wherever it belongs: for keys that lie where an older list of servers
 * or another client has put them. `*out` holds one item for each server, in the order of the list, with
 * the key: MC_OK, MC_NOT_FOUND where there was nothing, or why it failed; `out` may be NULL. MC_OK: the
 * key is on none of them; MC_PARTIAL: some failed; MC_ILLEGAL_INPUT: the key is illegal, nothing was
 * sent. Since: 0.1.
 */
MC_API
mc_status mc_delete_all(const struct mc_client *client,
                        const char *key,
                        size_t key_len,
                        struct mc_results **out);

/**
 * Set how much every server writes to its log: 0 nothing but errors; memcached knows levels up to 3.
 * `*out` holds one item for each server; `out` may be NULL. MC_PARTIAL: some failed. Since: 0.1.
 */
MC_API
mc_status mc_verbosity(const struct mc_client *client,
                       uint32_t level,
                       struct mc_results **out);

/**
 * Set how much memory every server may use for items, in megabytes (of 2^20 bytes). A server that holds
 * more gives it up as items go, and only where it moves pages between slab classes. `*out` holds one
 * item for each server; `out` may be NULL. MC_PARTIAL: some failed: a limit that a server finds too
 * small (memcached: below 8) or too large is MC_CLIENT_ERROR with its words as `text`, and changes
 * nothing. 2^32 megabytes and more are MC_INVALID_ARGUMENT. Since: 0.1.
 */
MC_API
mc_status mc_cache_memlimit(const struct mc_client *client,
                            uint64_t megabytes,
                            struct mc_results **out);

/**
 * Return how many servers were asked; 0 for NULL. Since: 0.1.
 */
MC_API size_t mc_stats_servers(const struct mc_stats_list *list);

/**
 * Return how server number `server` answered: `status`, `server` (its name), and where it failed
 * `text`, `sys_errno` and `phase`. It lives as long as the list; NULL past the end. Since: 0.1.
 */
MC_API const struct mc_item *mc_stats_server(const struct mc_stats_list *list, size_t server);

/**
 * Return how many statistics server number `server` has sent; 0 where it failed, and past the end.
 * Since: 0.1.
 */
MC_API size_t mc_stats_count(const struct mc_stats_list *list, size_t server);

/**
 * Return statistic number `i` of server number `server`, in the order in which they came. It lives as
 * long as the list; NULL past the end. Since: 0.1.
 */
MC_API
const struct mc_stat *mc_stats_entry(const struct mc_stats_list *list,
                                     size_t server,
                                     size_t i);

/**
 * Return the first statistic of server number `server`, how many there are, and by how many bytes one
 * follows the other: all in one crossing, for bindings. NULL when there is none. Since: 0.1.
 */
MC_API
const struct mc_stat *mc_stats_entries(const struct mc_stats_list *list,
                                       size_t server,
                                       size_t *count,
                                       size_t *stride);

/**
 * Return the statistic of server number `server` whose whole name is `name` (`name_len` in bytes, or
 * MC_CSTR), such as "curr_items" or "items:5:age". It lives as long as the list; NULL where there is
 * none. Since: 0.1.
 */
MC_API
const struct mc_stat *mc_stats_find(const struct mc_stats_list *list,
                                    size_t server,
                                    const char *name,
                                    size_t name_len);

/**
 * Free a list, with its statistics. NULL is ignored. Since: 0.1.
 */
MC_API void mc_stats_list_free(struct mc_stats_list *list);

/**
 * Ask every server for statistics: the general ones where `arg_len` is 0, else those that `arg` names,
 * such as "settings", "items", "slabs", "sizes", "conns", or "detail on"; "reset" sets the servers'
 * counters to 0 and answers none. `arg_len` in bytes, or MC_CSTR. No key_prefix is put in front of it.
 *
 * `*out` is a list with one part for each server, those that are down included, freed with
 * mc_stats_list_free. MC_OK: every server answered; MC_PARTIAL: some did not, the others' parts stand.
 * MC_ILLEGAL_INPUT: `arg` has more than 64 bytes, control characters, or spaces that separate no words.
 * MC_UNSUPPORTED: what `arg` asks for is not answered by statistics ("cachedump", "detail dump",
 * "sizes_enable", "sizes_disable"). Nothing was sent then. A server that does not know `arg` has the
 * status MC_UNKNOWN_COMMAND. A server's answer may take max_value_size bytes. Since: 0.1.
 */
MC_API
mc_status mc_stats_get(const struct mc_client *client,
                       const char *arg,
                       size_t arg_len,
                       struct mc_stats_list **out);

/**
 * As mc_stats_get with "settings": how each server was started and set. Since: 0.1.
 */
MC_API mc_status mc_stats_settings(const struct mc_client *client, struct mc_stats_list **out);

/**
 * As mc_stats_get with "items": the items of each slab class, which is the `index` of a statistic.
 * Since: 0.1.
 */
MC_API mc_status mc_stats_items(const struct mc_client *client, struct mc_stats_list **out);

/**
 * As mc_stats_get with "slabs": the memory of each slab class, which is the `index` of a statistic;
 * "active_slabs" and "total_malloced", which have none, are of the whole server. Since: 0.1.
 */
MC_API mc_status mc_stats_slabs(const struct mc_client *client, struct mc_stats_list **out);

/**
 * As mc_stats_get with "sizes": how many items (`number`) there are of each size (`index`, bytes, in
 * steps of 32). A server that does not track sizes (memcached does with `-o track_sizes`) answers one
 * statistic without `index`: "sizes_status", disabled. Since: 0.1.
 */
MC_API
mc_status mc_stats_sizes(const struct mc_client *client,
                         struct mc_stats_list **out);

/**
 * Send a line as it is to every server, or (`server` not NULL) to the one that `server` names, by its
 * URI in any spelling or its alias: what operators type, such as "lru mode segmented",
 * "slabs automove 1", "lru_crawler enable", "shutdown". `line_len` in bytes, or MC_CSTR; without a line
 * end. No key_prefix is put anywhere.
 *
 * `*out` holds one item for each server that was asked, in the order of the list, those that are down
 * included: MC_OK with the server's words as `value` (of stats, its lines with LF between them, without
 * END), or why it failed; a server that refuses in words of its own ("BUSY …", "BADCLASS …") has failed,
 * with its words as `text`: MC_UNKNOWN_COMMAND, MC_CLIENT_ERROR, MC_NOT_PERMITTED (not switched on when it
 * was started), or another MC_SERVER_ERROR. To "shutdown" a server answers by closing the connection: MC_OK
 * with an empty value. Each server is asked over a connection of this call's own, which is closed
 * afterwards; it is given up when it is silent for `timeout`, all of them after `batch_timeout`.
 *
 * MC_OK: every server answered; MC_PARTIAL: some did not. MC_ILLEGAL_INPUT: the line is empty, has more
 * than 1,024 bytes, or control characters. MC_UNSUPPORTED: it is no line whose answer has an end that can
 * be believed: "watch" and what ends in "noreply", commands on items ("get", "me"), and whatever this
 * version does not know; the keys of a server are told by mc_dump_keys. MC_INVALID_ARGUMENT or
 * MC_INVALID_URI: `server` names none of the client's. Nothing was sent then, and `*out` is NULL. Since: 0.1.
 */
MC_API
mc_status mc_admin(const struct mc_client *client,
                   const char *line,
                   size_t line_len,
                   const char *server,
                   struct mc_results **out);

/**
 * Tell `callback` every key of every server, as far as they begin with key_prefix, with what the server
 * says of it; `user` is handed to it. Keys come in no order, as they are read: nothing is collected,
 * whatever their number. What is stored, changed or dropped meanwhile may be told or not, and also
 * twice; memcached passes over an item that is in use at the very moment. Each server is asked (lru_crawler metadump) over a connection of this call's own, which does
 * not count for max_connections and is closed afterwards; it is given up when it is silent for
 * `timeout`. `timeout_us` is for all of it, the time that the callback takes included: 0 batch_timeout,
 * below 0 none.
 *
 * `*out` (`out` may be NULL) holds one item for each server, in the order of the list, those that are
 * down included: MC_OK, or why its keys were not all told; `number` says how many were. A server that is
 * already telling somebody its keys (memcached tells one at a time) has MC_SERVER_ERROR, and "BUSY …" in
 * its `text`; one that was started without dumps (-X) MC_NOT_PERMITTED, one too old MC_UNKNOWN_COMMAND.
 * MC_OK: all keys were told. MC_PARTIAL: not those of some servers. MC_CANCELLED: the callback has ended
 * it. For languages that cannot be called back: mc_dump_new. Since: 0.1.
 */
MC_API
mc_status mc_dump_keys(const struct mc_client *client,
                       mc_dump_fn callback,
                       void *user,
                       int64_t timeout_us,
                       struct mc_results **out);

/**
 * Begin to have the keys of every server told, one by one, with mc_dump_next: as mc_dump_keys tells
 * them, whose `timeout_us` this is, counted from here on. `*out` is freed with mc_dump_free. Asks
 * nothing yet. Since: 0.1.
 */
MC_API
mc_status mc_dump_new(const struct mc_client *client,
                      int64_t timeout_us,
                      struct mc_dump **out);

/**
 * Wait for the next key. MC_OK: `*out` is it, and lives until the next call on this dump. MC_NO_VALUE:
 * there are no more; mc_dump_results tells whether all of them came. MC_UNSUPPORTED: the process was
 * forked since the dump was begun. Since: 0.1.
 */
MC_API
mc_status mc_dump_next(const struct mc_dump *dump,
                       const struct mc_dump_entry **out);

/**
 * Tell how the dump of each server ended: `*out` as that of mc_dump_keys. MC_OK: all keys of all servers
 * were told; MC_PARTIAL: not all, or not yet. A server whose keys were not told to their end has
 * MC_CANCELLED. Since: 0.1.
 */
MC_API
mc_status mc_dump_results(const struct mc_dump *dump,
                          struct mc_results **out);

/**
 * End a dump, told or not, and free it with the key that was told last. NULL is ignored. Since: 0.1.
 */
MC_API
void mc_dump_free(struct mc_dump *dump);

/**
 * Move the time of the client's servers memory://…?clock=manual by so many seconds, at once: what
 * expires meanwhile has expired. Times to live count from that time, and MC_TTL_IS_UNIX_TIME names moments
 * of it. All clients of a named store see it. MC_UNSUPPORTED: the client has no such server. Since: 0.1.
 */
MC_API
mc_status mc_memory_advance(const struct mc_client *client,
                            int64_t seconds);

/**
 * Forget every item of the client's servers in memory, at once and past the protocol; unlike
 * mc_flush_all, it frees their memory too. MC_UNSUPPORTED: the client has no such server. Since: 0.1.
 */
MC_API
mc_status mc_memory_clear(const struct mc_client *client);

/**
 * Make a loop of a client, which may be freed before it. Neither resolves nor connects. MC_OK: `*out` is
 * the loop; else NULL. MC_UNSUPPORTED: the client has a fallback (mc_client_with_fallback), the option
 * replicate, or failover=gutter, which are for blocking calls. Since: 0.1.
 */
MC_API
mc_status mc_loop_new(const struct mc_client *client,
                      struct mc_loop **out);

/**
 * Free a loop; NULL is ignored. Every operation that is not over ends with MC_CANCELLED, and is told of
 * before this returns; called inside a callback, before the call returns that the callback runs in. Not
 * told are operations without a callback, and nothing in a forked child, which closes its descriptors
 * only. Since: 0.1.
 */
MC_API
void mc_loop_free(struct mc_loop *loop);

/**
 * Return the descriptor to wait for: readable when mc_loop_process has something to do. Wait for nothing
 * else, and neither read nor close it. It stays the same. -1 for what is no loop. Since: 0.1.
 */
MC_API
int32_t mc_loop_fd(const struct mc_loop *loop);

/**
 * Return how long mc_loop_fd may be waited for before mc_loop_process is called all the same, in
 * microseconds: 0 when it has something to do at once, -1 for as long as it takes. To be asked again
 * after every call that submits, cancels or processes. Since: 0.1.
 */
MC_API
int64_t mc_loop_timeout_us(const struct mc_loop *loop);

/**
 * Submit one command that names a key; key and value are copied. Its time begins now. MC_OK: `*id` (may
 * be NULL) names the operation, and its end is told once: by `done`, never from inside this call, or
 * where that is NULL by mc_loop_next. Else nothing is told: the command is one that is not sent (an
 * illegal key, a value that is too large), and mc_last_error says why. MC_NOREPLY: its end is that it
 * was written; a failure is counted when its reply comes, and told by mc_sync. Since: 0.1.
 */
MC_API
mc_status mc_loop_submit(struct mc_loop *loop,
                         const struct mc_command *command,
                         uint64_t *id,
                         mc_done_fn done,
                         void *user);

/**
 * Submit many commands as one operation, whose answers come as mc_results; as mc_execute_multi, with
 * keys and values copied, and its end told as by mc_loop_submit. Its time is that of a batch. A command
 * that is not sent has its own status in the results. Since: 0.1.
 */
MC_API
mc_status mc_loop_submit_multi(struct mc_loop *loop,
                               const struct mc_command *commands,
                               size_t n,
                               const struct mc_batch *batch,
                               uint64_t *id,
                               mc_done_fn done,
                               void *user);

/**
 * Do all that can be done without waiting, and tell of the operations that are over by their callbacks.
 * Servers in memory answer here. What callbacks submit is begun in the next turn. Since: 0.1.
 */
MC_API
mc_status mc_loop_process(struct mc_loop *loop);

/**
 * Wait and process, for programs without a loop of their own: until no operation is under way, one is
 * there for mc_loop_next, or mc_loop_wake was called; for `timeout_us` microseconds at the longest (0:
 * as the client's timeout; below 0: for ever), then MC_TIMEOUT. Since: 0.1.
 */
MC_API
mc_status mc_loop_run(struct mc_loop *loop,
                      int64_t timeout_us);

/**
 * Take the end of one operation that was submitted without a callback, in the order in which they ended.
 * MC_OK: `*completion` lives until the next call of this on the loop, or its end; its results belong to
 * the caller. MC_WOULD_BLOCK: there is none; more come by mc_loop_process. Since: 0.1.
 */
MC_API
mc_status mc_loop_next(struct mc_loop *loop,
                       const struct mc_completion **completion);

/**
 * Return how many operations were submitted whose end was not told yet; 0 for what is no loop.
 * Since: 0.1.
 */
MC_API size_t mc_loop_pending(const struct mc_loop *loop);

/**
 * End an operation now, with MC_CANCELLED (and the effect that it may have had), which is told as any
 * other end. Its reply is thrown away when it comes. MC_NOT_FOUND: it is over already, or never was.
 * Since: 0.1.
 */
MC_API
mc_status mc_loop_cancel(struct mc_loop *loop,
                         uint64_t id);

/**
 * Make mc_loop_fd readable, and mc_loop_run return: the only call that other threads may make at any
 * time. Since: 0.1.
 */
MC_API
mc_status mc_loop_wake(struct mc_loop *loop);

/**
 * Make a connection of the URI of one server, in any spelling of mc_new, with the options of a client
 * behind the question mark: "memcached://cache:11211/?timeout=250ms". Neither resolves nor connects.
 * With credentials in the URI ("memcached://user:password@cache/"), a connection is authenticated
 * before it is connected, as a client's are. MC_OK: `*out` is the connection; else NULL. Since: 0.1.
 */
MC_API
mc_status mc_conn_new(const char *uri,
                      struct mc_conn **out);

/**
 * Close a connection and free it, with what was read from it; NULL is ignored. In a forked child,
 * nothing is told to the server. Since: 0.1.
 */
MC_API void mc_conn_free(struct mc_conn *conn);

/**
 * Connect, unless it is connected: the name is looked up, its addresses race, within the options
 * `connect_timeout` and `timeout`. A connection that the server is seen to have closed is replaced.
 * After mc_conn_setblocking(conn, 0) MC_WOULD_BLOCK: it is on its way; call again when mc_conn_fileno
 * can be written, or where that is -1 after some milliseconds. MC_RESOLVE_FAILED, MC_CONNECT_FAILED,
 * MC_TIMEOUT, MC_INVALID_CREDENTIALS: there is no connection. Since: 0.1.
 */
MC_API
mc_status mc_conn_connect(struct mc_conn *conn);

/**
 * Close the connection and forget what was received. It may be connected again. Since: 0.1.
 */
MC_API mc_status mc_conn_reset(struct mc_conn *conn);

/**
 * Return whether it is connected and the server, as far as can be seen without waiting, has not closed
 * it; bytes that were not read yet stand in front of an end and hide it. Since: 0.1.
 */
MC_API
bool mc_conn_is_up(struct mc_conn *conn);

/**
 * Return the descriptor of the connection, to wait for only: nobody else may read or write it, close
 * it, or keep it beyond the next call that fails. -1 while there is no connection, and for a server in
 * memory, which never has to be waited for. What was received already is not seen there: wait only
 * after MC_WOULD_BLOCK, and over TLS more than once, as records that carry no data (a session ticket)
 * make it readable too. Since: 0.1.
 */
MC_API
int32_t mc_conn_fileno(struct mc_conn *conn);

/**
 * Let calls wait (not 0: so they begin) or not (0). What would have to wait then answers
 * MC_WOULD_BLOCK, and is to be called again when mc_conn_fileno is ready. It holds for later
 * connections too. Since: 0.1.
 */
MC_API mc_status mc_conn_setblocking(struct mc_conn *conn, int32_t blocking);

/**
 * Let each call take at most `timeout_us` microseconds from now on (0: the option `timeout`; below 0:
 * for ever). Since: 0.1.
 */
MC_API
mc_status mc_conn_set_timeout(struct mc_conn *conn,
                              int64_t timeout_us);

/**
 * Send `command` (`len` in bytes, or MC_CSTR) as it is: nothing is added, no line end either. `*sent`
 * is how many bytes the system has taken: all for MC_OK. It may be NULL, but not after
 * mc_conn_setblocking(conn, 0): then MC_WOULD_BLOCK may come with a part of the command sent, and the
 * rest (`command + *sent`) is to be sent when mc_conn_fileno can be written. While a call waits to
 * send, it receives what the server sends, up to the option `max_value_size`. MC_SERVER_DISCONNECT: the
 * server has closed the connection, or mc_conn_connect was not called. Since: 0.1.
 */
MC_API
mc_status mc_conn_send_command(struct mc_conn *conn,
                               const void *command,
                               size_t len,
                               size_t *sent);

/**
 * Read up to the first `terminator` (`terminator_len` in bytes, or MC_CSTR; (NULL, 0) is CR LF), which
 * is part of what is read. Bytes behind it stay for the next call. `*data` and `*len` (may be NULL) are
 * a view of the connection's memory, without a NUL behind it, until the next call on the connection.
 * MC_UNEXPECTED_RESPONSE: no terminator within `max` bytes (0, and above it: the option
 * `max_value_size`). MC_WOULD_BLOCK: not all of it has come, and what has is kept. Since: 0.1.
 */
MC_API
mc_status mc_conn_read_until(struct mc_conn *conn,
                             const void *terminator,
                             size_t terminator_len,
                             size_t max,
                             const char **data,
                             size_t *len);

/**
 * Read `length` bytes, no more than the option `max_value_size`; as mc_conn_read_until. Memory follows
 * what has come, not `length`. Since: 0.1.
 */
MC_API
mc_status mc_conn_read_length(struct mc_conn *conn,
                              size_t length,
                              const char **data,
                              size_t *len);

/**
 * Take at most `length` bytes of what has been received already: fewer where there are fewer, none
 * where there are none. Nothing is received. The view is as that of mc_conn_read_until. Since: 0.1.
 */
MC_API
mc_status mc_conn_consume_from_buffer(struct mc_conn *conn,
                                      size_t length,
                                      const char **data,
                                      size_t *len);

/**
 * Tell whether a line, up to CR LF, can be read at once: `*available` is 1 or 0. What has come is
 * received for that, without waiting. An end of the connection is told by the call that reads up to
 * it, not here. Since: 0.1.
 */
MC_API mc_status mc_conn_line_available(struct mc_conn *conn, int32_t *available);

/**
 * Write the connection's URI to `buf` as snprintf does, and its length without the NUL to `*needed`
 * (may be NULL): as it was given, but of one with credentials only the place. MC_BUFFER_TOO_SMALL: it
 * was cut; (NULL, 0) only asks. Since: 0.1.
 */
MC_API
mc_status mc_conn_uri(const struct mc_conn *conn,
                      char *buf,
                      size_t cap,
                      size_t *needed);

/**
 * Say what the connection's URI means: `*parts` lives as long as the connection. Since: 0.1.
 */
MC_API mc_status mc_conn_parse_uri(const struct mc_conn *conn, const struct mc_uri **parts);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MEMCACHED2_H */
