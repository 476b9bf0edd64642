/* What every test program here is made of: checks that say where they failed and go on, and the
 * beginning and end of a program `NAME SERVER-URI`, whose exit status is 0 if all checks held. */
#ifndef CHECK_H
#define CHECK_H
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include <memcached2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(condition) check_true(__FILE__, __LINE__, #condition, (condition) ? 1 : 0)
#define CHECK_STATUS(call, expected) check_status(__FILE__, __LINE__, #call, (call), (expected))
#define CHECK_NUMBER(number, expected)                                                             \
  check_number(__FILE__, __LINE__, #number, (uint64_t)(number), (uint64_t)(expected))
#define CHECK_BYTES(at, length, expected, expected_length)                                         \
  check_bytes(__FILE__, __LINE__, #at, (at), (length), (expected), (expected_length))
/* Bytes with a NUL behind them, as the library hands them out. */
#define CHECK_TEXT(at, length, expected)                                                           \
  check_text(__FILE__, __LINE__, #at, (at), (length), (expected))
/* What a key holds, asked of the server. */
#define CHECK_VALUE(client, key, expected) check_value(__FILE__, __LINE__, (client), (key), (expected))
#define CHECK_MISS(client, key) check_miss(__FILE__, __LINE__, (client), (key))

/* Nothing here takes a minute, valgrind included; what hangs shall end. */
enum { CHECK_SECONDS = 600 };

static atomic_int check_failures;

static inline int check_true(const char *file, int line, const char *what, int true_) {
  if (true_) return 1;
  atomic_fetch_add(&check_failures, 1);
  fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
  return 0;
}

static inline int check_status(const char *file, int line, const char *call, mc_status got,
                               mc_status expected) {
  if (got == expected) return 1;
  atomic_fetch_add(&check_failures, 1);
  fprintf(stderr, "%s:%d: %s: %s instead of %s (%s)\n", file, line, call, mc_status_name(got),
          mc_status_name(expected), mc_last_error());
  return 0;
}

static inline int check_number(const char *file, int line, const char *what, uint64_t got,
                               uint64_t expected) {
  if (got == expected) return 1;
  atomic_fetch_add(&check_failures, 1);
  fprintf(stderr, "%s:%d: %s: %llu instead of %llu\n", file, line, what, (unsigned long long)got,
          (unsigned long long)expected);
  return 0;
}

static inline int check_bytes(const char *file, int line, const char *what, const void *got,
                              size_t length, const void *expected, size_t expected_length) {
  if (got != NULL && length == expected_length && memcmp(got, expected, length) == 0) return 1;
  atomic_fetch_add(&check_failures, 1);
  fprintf(stderr, "%s:%d: %s: %zu bytes '%.*s' instead of %zu '%.*s'\n", file, line, what, length,
          got == NULL ? 6 : (int)(length < 60 ? length : 60), got == NULL ? "(NULL)" : (const char *)got,
          expected_length, (int)(expected_length < 60 ? expected_length : 60), (const char *)expected);
  return 0;
}

static inline int check_text(const char *file, int line, const char *what, const char *got,
                             size_t length, const char *expected) {
  return check_bytes(file, line, what, got, length, expected, strlen(expected)) &&
         check_true(file, line, "a NUL behind the last byte", got[length] == '\0');
}

static inline int check_value(const char *file, int line, mc_client *client, const char *key,
                              const char *expected) {
  mc_item *item;
  if (!check_status(file, line, key, mc_get(client, key, MC_CSTR, &item), MC_OK)) return 0;
  int same = check_text(file, line, key, item->value, item->value_len, expected);
  mc_item_free(item);
  return same;
}

static inline int check_miss(const char *file, int line, mc_client *client, const char *key) {
  mc_item *item;
  mc_status status = mc_get(client, key, MC_CSTR, &item);
  int missed = check_status(file, line, key, status, MC_NO_VALUE) &
               check_true(file, line, "no item for a miss", item == NULL);
  mc_item_free(item);
  return missed;
}

/* What a text takes that is handed out into a buffer, its NUL included. */
static inline size_t check_needed(const char *text) { return strlen(text); }

static inline mc_status check_store(mc_client *client, const char *key, const char *value) {
  return mc_set(client, key, MC_CSTR, value, strlen(value), 0, 0);
}

static inline _Noreturn void check_give_up(const char *why) {
  fprintf(stderr, "cannot go on: %s (%s)\n", why, mc_last_error());
  exit(1);
}

/* A client of the server, which is empty from here on. */
static inline mc_client *check_begin(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s SERVER-URI\n", argv[0]);
    exit(2);
  }
  alarm(CHECK_SECONDS);
  mc_client *client;
  mc_results *results;
  if (mc_new(argv[1], &client) != MC_OK) check_give_up(argv[1]);
  if (mc_flush_all(client, 0, &results) != MC_OK) check_give_up("flush_all");
  mc_results_free(results);
  return client;
}

/* Another client of the same server, with options given as name, value, …, NULL. */
static inline mc_client *check_client_with(const char *uri, const char *const *options) {
  mc_client *client = NULL;
  mc_options *set = mc_options_new();
  if (set == NULL || mc_options_add_server(set, uri, 1) != MC_OK) check_give_up(uri);
  for (; *options != NULL; options += 2)
    if (mc_options_set(set, options[0], options[1]) != MC_OK) check_give_up(options[0]);
  if (mc_new_with(set, &client) != MC_OK) check_give_up(uri);
  mc_options_free(set);
  return client;
}

static inline int check_end(void) {
  int failures = atomic_load(&check_failures);
  if (failures) fprintf(stderr, "%d checks failed\n", failures);
  return failures ? 1 : 0;
}
#endif
