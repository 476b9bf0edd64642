/* The driver of this library for the mcbench harness: one workload definition for many clients.
 *
 * Variants, combined in any order:
 *   ""          mc_get: an item is allocated and freed for each hit
 *   reuse       mc_get_reuse: one item a thread
 *   into        mc_get_into: the value goes to the caller's buffer
 *   results     mc_set_multi hands out one entry a key, as a caller wants who asks which one failed
 *   paranoid    the client looks at every connection before it uses it
 *   noshortcut  every command takes the general path
 *   memory      the embedded server instead of the harness's
 */
#include "mcbench.h"
#include <memcached2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct handle handle;
struct handle {
  long (*get)(handle *, const bkey *);
  mc_client *client;
  int shared;           /* the client belongs to open_shared */
  mc_item *item;        /* reuse, set_nr */
  char *buffer;         /* into */
  size_t capacity;
  const void **values;  /* mset: the same value for every key of the batch */
  size_t *value_lens;
  mc_command quiet_set;
  int results;
};

static size_t server_uri(char *to, size_t room, const bconf *c, int i) {
  if (strstr(c->variant, "memory")) return (size_t)snprintf(to, room, "%smemory://bench%d", i ? "," : "", i);
  int n = c->path[i] ? snprintf(to, room, "%smemcached+unix://%s", i ? "," : "", c->path[i])
                     : snprintf(to, room, "%smemcached://%s:%d/", i ? "," : "", c->host[i], c->port[i]);
  static const char *const options[][2] = {{"paranoid", "paranoid=on"}, {"noshortcut", "shortcut=off"},
                                           {"ascii", "protocol=ascii"}, {"meta", "protocol=meta"},
                                           {"binary", "protocol=binary"}};
  size_t used = (size_t)n;
  const char *separator = "?";
  for (size_t o = 0; o < sizeof options / sizeof *options; ++o) {
    if (!strstr(c->variant, options[o][0])) continue;
    used += (size_t)snprintf(to + used, room - used, "%s%s", separator, options[o][1]);
    separator = "&";
  }
  return used;
}

static void *open_client(const bconf *c) {
  char servers[B_MAXSERVERS * 512];
  size_t used = 0;
  for (int i = 0; i < c->nservers; ++i)
    used += server_uri(servers + used, sizeof servers - used, c, i);
  mc_client *client;
  /* A store in memory lives while somebody holds it: between filling and measuring, this does. */
  static mc_client *holder;
  if (strstr(c->variant, "memory") && holder == NULL && mc_new(servers, &holder) != MC_OK) return NULL;
  if (mc_new(servers, &client) == MC_OK) return client;
  fprintf(stderr, "memcached2: %s: %s\n", servers, mc_last_error());
  return NULL;
}
static void close_client(void *client) { mc_free(client); }

static long into_get(handle *h, const bkey *k) {
  size_t n;
  uint32_t flags;
  mc_status status = mc_get_into(h->client, k->p, k->n, h->buffer, h->capacity, &n, &flags);
  if (status != MC_OK) return mc_status_is_miss(status) ? B_MISS : B_ERR;
  b_touch(h->buffer, n);
  return (long)n;
}
static long reuse_get(handle *h, const bkey *k) {
  mc_status status = mc_get_reuse(h->client, k->p, k->n, h->item);
  if (status != MC_OK) return mc_status_is_miss(status) ? B_MISS : B_ERR;
  b_touch(h->item->value, h->item->value_len);
  return (long)h->item->value_len;
}
static long item_get(handle *h, const bkey *k) {
  mc_item *item;
  mc_status status = mc_get(h->client, k->p, k->n, &item);
  if (status != MC_OK) return mc_status_is_miss(status) ? B_MISS : B_ERR;
  long n = (long)item->value_len;
  b_touch(item->value, item->value_len);
  mc_item_free(item);
  return n;
}

static long get(void *p, const bkey *k) {
  handle *h = p;
  return h->get(h, k);
}

static void close_handle(void *p) {
  handle *h = p;
  if (!h->shared) mc_free(h->client);
  mc_item_free(h->item);
  free(h->buffer);
  free(h->values);
  free(h->value_lens);
  free(h);
}

static void build_mset(handle *h, const bconf *c) {
  size_t most = 1;
  for (size_t i = 0; i < c->nbatches; ++i)
    if (c->batches[i].n > most) most = c->batches[i].n;
  h->values = malloc(most * sizeof *h->values);
  h->value_lens = malloc(most * sizeof *h->value_lens);
  if (h->values == NULL || h->value_lens == NULL) return;
  for (size_t i = 0; i < most; ++i) {
    h->values[i] = c->value;
    h->value_lens[i] = c->vlen;
  }
}

static void *open_handle(const bconf *c, void *shared) {
  handle *h = calloc(1, sizeof *h);
  if (h == NULL) return NULL;
  h->get = item_get;
  if (strstr(c->variant, "reuse")) h->get = reuse_get;
  if (strstr(c->variant, "into")) h->get = into_get;
  h->results = strstr(c->variant, "results") != NULL;
  h->quiet_set = (mc_command)MC_COMMAND_INIT(MC_OP_SET);
  h->quiet_set.options = MC_NOREPLY;
  h->shared = shared != NULL;
  h->client = shared ? shared : open_client(c);
  h->item = mc_item_new();
  h->capacity = c->vlen + 1;
  h->buffer = malloc(h->capacity);
  build_mset(h, c);
  if (h->client && h->item && h->buffer && h->values && h->value_lens) return h;
  close_handle(h);
  return NULL;
}

static int set(void *p, const bkey *k, const char *v, size_t n) {
  handle *h = p;
  return mc_set(h->client, k->p, k->n, v, n, 0, 0) == MC_OK ? 0 : -1;
}
static int set_nr(void *p, const bkey *k, const char *v, size_t n) {
  handle *h = p;
  h->quiet_set.key = k->p;
  h->quiet_set.key_len = k->n;
  h->quiet_set.value = v;
  h->quiet_set.value_len = n;
  return mc_execute_into(h->client, &h->quiet_set, h->item) == MC_OK ? 0 : -1;
}
static int sync_writes(void *p) {
  handle *h = p;
  uint64_t failed;
  return mc_sync(h->client, 10 * 1000 * 1000, &failed) == MC_OK && failed == 0 ? 0 : -1;
}
static int incr(void *p, const bkey *k, uint64_t *number) {
  handle *h = p;
  return mc_incr(h->client, k->p, k->n, 1, number) == MC_OK ? 0 : -1;
}

static long mget(void *p, const bbatch *b, size_t *bytes) {
  handle *h = p;
  mc_results *results;
  if (mc_get_multi(h->client, b->p, b->len, b->n, &results) != MC_OK) {
    mc_results_free(results);
    return B_ERR;
  }
  size_t count, stride;
  const char *at = (const char *)mc_results_items(results, &count, &stride);
  long hits = 0;
  *bytes = 0;
  for (size_t i = 0; i < count; ++i, at += stride) {
    const mc_item *item = (const mc_item *)(const void *)at;
    if (item->status != MC_OK) continue;
    b_touch(item->value, item->value_len);
    *bytes += item->value_len;
    hits++;
  }
  mc_results_free(results);
  return hits;
}

static int mset(void *p, const bbatch *b, const char *v, size_t n) {
  handle *h = p;
  (void)v, (void)n; /* what build_mset has put into the arrays */
  mc_results *results = NULL;
  mc_status status = mc_set_multi(h->client, b->p, b->len, h->values, h->value_lens, b->n, 0, 0,
                                  h->results ? &results : NULL);
  mc_results_free(results);
  return status == MC_OK ? 0 : -1;
}

const bdriver bench_driver = {"memcached2", open_handle, close_handle, open_client, close_client,
                              get,          set,         set_nr,       sync_writes, incr,
                              mget,         mset};
