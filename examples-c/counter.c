/* counter: several threads count on one client, three ways, and none of them loses a step.
 *
 *     counter SERVER-URI [THREADS] [ROUNDS]
 *     counter memcached://localhost/ 8 1000
 *
 * Each thread does ROUNDS rounds; in each it adds 1 to one number with incr, takes 1 from another
 * with decr, and adds 1 to a third by hand: read it with its CAS, and store the successor only if
 * nobody changed it meanwhile; else try again.
 *
 * Exit status: 0 if all three are exact at the end, 1 if not, 2 for a wrong command line.
 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <memcached2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char UP[] = "counter:up";
static const char DOWN[] = "counter:down";
static const char BY_CAS[] = "counter:cas";

enum { MAX_THREADS = 1024 };

struct worker {
  pthread_t thread;
  mc_client *client; /* the same for all: a client is made to be shared */
  uint64_t rounds, retries;
  int failed;
};

static int fail(const char *doing, mc_status status) {
  fprintf(stderr, "counter: %s: %s (%s)\n", doing, mc_status_message(status), mc_last_error());
  return 0;
}

static mc_status store_number(mc_client *client, const char *key, uint64_t number) {
  char text[24];
  int length = snprintf(text, sizeof text, "%" PRIu64, number);
  return mc_set(client, key, MC_CSTR, text, (size_t)length, 0, 0);
}

/* Reads a number back. A value carries a NUL behind its last byte, so it can be read as a string;
 * memcached pads what decr has shortened with spaces, which strtoull does not mind. */
static int load_number(mc_client *client, const char *key, uint64_t *number) {
  mc_item *item;
  mc_status status = mc_get(client, key, MC_CSTR, &item);
  if (status != MC_OK) return fail(key, status);
  *number = strtoull(item->value, NULL, 10);
  mc_item_free(item);
  return 1;
}

/* Adds 1 without incr. This works for any change that can be computed from the old value. */
static int add_by_cas(struct worker *self) {
  for (;;) {
    mc_item *item;
    mc_status status = mc_gets(self->client, BY_CAS, MC_CSTR, &item);
    if (status != MC_OK) return fail("gets", status);

    char text[24];
    uint64_t next = strtoull(item->value, NULL, 10) + 1;
    int length = snprintf(text, sizeof text, "%" PRIu64, next);
    status = mc_cas(self->client, BY_CAS, MC_CSTR, text, (size_t)length, 0, 0, item->cas);
    mc_item_free(item);
    if (status == MC_OK) return 1;
    if (status != MC_CAS_FAILURE) return fail("cas", status);
    self->retries++; /* another thread came first: start from its number */
  }
}

static void *work(void *argument) {
  struct worker *self = argument;
  for (uint64_t i = 0; i < self->rounds && !self->failed; ++i) {
    uint64_t number;
    mc_status status = mc_incr(self->client, UP, MC_CSTR, 1, &number);
    if (status == MC_OK) status = mc_decr(self->client, DOWN, MC_CSTR, 1, &number);
    self->failed = status != MC_OK ? !fail("incr or decr", status) : !add_by_cas(self);
  }
  return NULL;
}

/* Runs the threads; says how often a cas had to be repeated. 0 if any of them failed. */
static int run(mc_client *client, size_t threads, uint64_t rounds, uint64_t *retries) {
  struct worker *workers = calloc(threads, sizeof *workers);
  if (workers == NULL) return 0;
  size_t started = 0;
  while (started < threads) {
    struct worker *worker = &workers[started];
    worker->client = client;
    worker->rounds = rounds;
    if (pthread_create(&worker->thread, NULL, work, worker) != 0) break;
    started++;
  }
  int good = started == threads;
  for (size_t i = 0; i < started; ++i) {
    pthread_join(workers[i].thread, NULL);
    *retries += workers[i].retries;
    good = good && !workers[i].failed;
  }
  free(workers);
  return good;
}

static int check(mc_client *client, const char *key, uint64_t expected) {
  uint64_t number = 0;
  if (!load_number(client, key, &number)) return 0;
  printf("%-14s %10" PRIu64 "%s\n", key, number, number == expected ? "" : "   WRONG");
  return number == expected;
}

static int count(mc_client *client, size_t threads, uint64_t rounds) {
  uint64_t all = threads * rounds, retries = 0;
  const struct { const char *key; uint64_t first; } start[] = {{UP, 0}, {DOWN, all}, {BY_CAS, 0}};
  for (size_t i = 0; i < sizeof start / sizeof *start; ++i) {
    mc_status status = store_number(client, start[i].key, start[i].first);
    if (status != MC_OK) return fail(start[i].key, status);
  }
  int good = run(client, threads, rounds, &retries);
  good = check(client, UP, all) && good;
  good = check(client, DOWN, 0) && good;
  good = check(client, BY_CAS, all) && good;
  printf("cas repeated   %10" PRIu64 "\n", retries);
  return good;
}

int main(int argc, char **argv) {
  unsigned long threads = argc > 2 ? strtoul(argv[2], NULL, 10) : 8;
  unsigned long long rounds = argc > 3 ? strtoull(argv[3], NULL, 10) : 1000;
  if (argc < 2 || argc > 4 || threads < 1 || threads > MAX_THREADS || rounds < 1) {
    fprintf(stderr, "usage: %s SERVER-URI [THREADS] [ROUNDS]\n", argv[0]);
    return 2;
  }
  mc_client *client;
  if (mc_new(argv[1], &client) != MC_OK) {
    fprintf(stderr, "counter: %s: %s\n", argv[1], mc_last_error());
    return 2;
  }
  int good = count(client, threads, rounds);
  mc_free(client);
  return good ? 0 : 1;
}
