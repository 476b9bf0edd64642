/* The keys of a server, and lines of operators. */
#include "check.h"
#include <time.h>

enum { KEYS = 50 };

static const char busy[] = "BUSY";

/* What a callback is to do, and what it has heard. */
typedef struct {
  mc_client *client;
  unsigned long heard, ours, stop_at;
} listener;

static int is_ours(const mc_dump_entry *entry) {
  return entry->key_len > 5 && memcmp(entry->key, "dump:", 5) == 0;
}

static int32_t hear(void *user, const mc_dump_entry *entry) {
  listener *self = user;
  mc_item *item;
  ++self->heard;
  CHECK(entry->key_len > 0 && entry->key[entry->key_len] == '\0' && entry->server != NULL);
  CHECK((entry->have & MC_DUMP_EXPIRY) && entry->expiry == -1);
  CHECK((entry->have & MC_DUMP_LAST_ACCESS) && entry->last_access > 1700000000);
  CHECK((entry->have & MC_DUMP_CAS) && entry->cas > 0);
  CHECK((entry->have & MC_DUMP_FETCHED) && entry->fetched <= 1);
  CHECK((entry->have & MC_DUMP_SLAB_CLASS) && entry->slab_class > 0);
  CHECK((entry->have & MC_DUMP_SIZE) && entry->size > entry->key_len);
  CHECK_NUMBER(entry->server_index, 0);
  if (is_ours(entry)) {
    ++self->ours;
    /* The client may be used. */
    if (CHECK_STATUS(mc_get(self->client, entry->key, entry->key_len, &item), MC_OK)) mc_item_free(item);
  }
  return self->stop_at != 0 && self->heard == self->stop_at;
}

/* A server sweeps its items at times of its own choice, and tells none meanwhile. */
static int is_busy(const mc_results *results) {
  const mc_item *item = mc_results_item(results, 0);
  return item->text != NULL && strstr(item->text, busy) != NULL;
}

static void rest(void) {
  const struct timespec time = {0, 2000000};
  nanosleep(&time, NULL);
}

/* Again until it is told enough: an item that is just in use is passed over, too. */
static mc_status dump(listener *self, unsigned long enough, mc_results **results) {
  for (int i = 0;; ++i) {
    self->heard = self->ours = 0;
    mc_status status = mc_dump_keys(self->client, hear, self, 0, results);
    if (*results == NULL || i == 1000) return status;
    if (!is_busy(*results) && self->ours >= enough) return status;
    mc_results_free(*results);
    rest();
  }
}

static void told(mc_client *client) {
  listener self = {client, 0, 0, 0};
  mc_results *results;
  if (CHECK_STATUS(dump(&self, KEYS, &results), MC_OK)) {
    CHECK_NUMBER(self.ours, KEYS);
    CHECK_NUMBER(mc_results_count(results), 1);
    CHECK_NUMBER(mc_results_item(results, 0)->number, self.heard);
    CHECK(mc_results_item(results, 0)->have & MC_HAVE_NUMBER);
  }
  mc_results_free(results);
  self.stop_at = 7;
  CHECK_STATUS(dump(&self, 0, &results), MC_CANCELLED);
  CHECK_NUMBER(self.heard, 7);
  if (CHECK(results != NULL)) {
    CHECK_STATUS(mc_results_item(results, 0)->status, MC_CANCELLED);
    CHECK_NUMBER(mc_results_item(results, 0)->number, 7);
  }
  mc_results_free(results);
}

static void asked_for(mc_client *client) {
  unsigned ours = 0;
  mc_results *results;
  for (int i = 0; i < 1000 && ours != KEYS; ++i) {
    mc_dump *running;
    const mc_dump_entry *entry;
    mc_status status;
    if (!CHECK_STATUS(mc_dump_new(client, 0, &running), MC_OK)) return;
    ours = 0;
    while ((status = mc_dump_next(running, &entry)) == MC_OK)
      if (is_ours(entry)) ++ours;
    CHECK_STATUS(status, MC_NO_VALUE);
    CHECK(entry == NULL);
    status = mc_dump_results(running, &results);
    CHECK(status == MC_OK || is_busy(results));
    mc_results_free(results);
    mc_dump_free(running);
    if (ours != KEYS) rest();
  }
  CHECK_NUMBER(ours, KEYS);
}

/* One that is not told to its end, and one that is not even begun. */
static void given_up(mc_client *client) {
  mc_dump *running;
  const mc_dump_entry *entry;
  if (CHECK_STATUS(mc_dump_new(client, -1, &running), MC_OK)) mc_dump_free(running);
  if (!CHECK_STATUS(mc_dump_new(client, -1, &running), MC_OK)) return;
  mc_status status = mc_dump_next(running, &entry);
  CHECK(status == MC_OK || status == MC_NO_VALUE);
  mc_dump_free(running);
  CHECK_STATUS(mc_dump_next(running, &entry), MC_INVALID_ARGUMENT);
  mc_dump_free(running);
}

static void lines(mc_client *client) {
  mc_results *results;
  char name[256];
  size_t needed;
  if (CHECK_STATUS(mc_admin(client, "verbosity 0", MC_CSTR, NULL, &results), MC_OK)) {
    const mc_item *item = mc_results_item(results, 0);
    CHECK_TEXT(item->value, item->value_len, "OK");
    CHECK(item->server != NULL && item->text == NULL);
  }
  mc_results_free(results);
  CHECK_STATUS(mc_servers(client, name, sizeof name, &needed), MC_OK);
  CHECK_STATUS(mc_admin(client, "lru tune", MC_CSTR, name, &results), MC_PARTIAL);
  CHECK_STATUS(mc_results_item(results, 0)->status, MC_UNKNOWN_COMMAND);
  mc_results_free(results);
  CHECK_STATUS(mc_admin(client, "watch", MC_CSTR, NULL, &results), MC_UNSUPPORTED);
  CHECK(results == NULL);
}

#define REFUSED(call) CHECK_STATUS((call), MC_INVALID_ARGUMENT)
#define REFUSED_OUT(out, call)                                                                     \
  do {                                                                                             \
    (out) = (void *)&(out);                                                                        \
    REFUSED(call);                                                                                 \
    CHECK((out) == NULL);                                                                          \
  } while (0)

static void misuse(mc_client *client) {
  const mc_client *others[] = {NULL, (const mc_client *)(const void *)mc_item_new()};
  mc_results *results;
  mc_dump *running;
  const mc_dump_entry *entry;
  listener self = {client, 0, 0, 0};
  for (size_t i = 0; i < 2; ++i) {
    REFUSED_OUT(results, mc_dump_keys(others[i], hear, &self, 0, &results));
    REFUSED_OUT(running, mc_dump_new(others[i], 0, &running));
    REFUSED_OUT(results, mc_admin(others[i], "version", MC_CSTR, NULL, &results));
    REFUSED_OUT(entry, mc_dump_next((const mc_dump *)(const void *)others[i], &entry));
    REFUSED_OUT(results, mc_dump_results((const mc_dump *)(const void *)others[i], &results));
  }
  mc_item_free((mc_item *)(void *)others[1]);
  mc_dump_free(NULL);
  REFUSED_OUT(results, mc_dump_keys(client, NULL, NULL, 0, &results));
  REFUSED(mc_dump_new(client, 0, NULL));
  REFUSED(mc_admin(client, "version", MC_CSTR, NULL, NULL));
  REFUSED_OUT(results, mc_admin(client, NULL, 7, NULL, &results));
  REFUSED_OUT(results, mc_admin(client, NULL, MC_CSTR, NULL, &results));
  REFUSED_OUT(results, mc_admin(client, "version", (size_t)-2, NULL, &results));
  CHECK_STATUS(mc_admin(client, NULL, 0, NULL, &results), MC_ILLEGAL_INPUT);
  CHECK(results == NULL);
  if (!CHECK_STATUS(mc_dump_new(client, 0, &running), MC_OK)) return;
  REFUSED(mc_dump_next(running, NULL));
  REFUSED(mc_dump_results(running, NULL));
  /* A handle of another kind is not freed. */
  mc_results_free((mc_results *)(void *)running);
  mc_free((mc_client *)(void *)running);
  mc_dump_free((mc_dump *)(void *)client);
  CHECK_STATUS(mc_dump_results(running, &results), MC_PARTIAL);
  mc_results_free(results);
  mc_dump_free(running);
  CHECK_STATUS(mc_dump_keys(client, hear, &self, 1, NULL), MC_PARTIAL); /* a microsecond */
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  char key[32];
  for (int i = 0; i < KEYS; ++i) {
    sprintf(key, "dump:%d", i);
    CHECK_STATUS(check_store(client, key, "value"), MC_OK);
  }
  told(client);
  asked_for(client);
  given_up(client);
  lines(client);
  misuse(client);
  mc_free(client);
  return check_end();
}
