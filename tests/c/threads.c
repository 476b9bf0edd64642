/* Eight threads on one client, commands of all kinds, values that name their key.
 * THREADS_COMMANDS in the environment: how many commands each does (2000). */
#include "named.h"
#include <pthread.h>

enum { THREADS = 8, KEYS = 64, MANY = 10 };

struct worker {
  pthread_t thread;
  mc_client *client;
  unsigned id;
  unsigned long commands, counted;
  uint32_t random;
};

static void some_key(struct worker *self, char *key) { sprintf(key, "threads:%u", named_next(&self->random) % KEYS); }

static void get_one(struct worker *self) {
  char key[32], buffer[NAMED_ROOM];
  mc_item *item;
  size_t length;
  uint32_t flags;
  some_key(self, key);
  mc_status status = mc_get(self->client, key, MC_CSTR, &item);
  CHECK(status == MC_OK ? named_item(key, item) : status == MC_NO_VALUE && item == NULL);
  mc_item_free(item);
  some_key(self, key);
  status = mc_get_into(self->client, key, MC_CSTR, buffer, sizeof buffer - 1, &length, &flags);
  buffer[length] = '\0';
  CHECK(status == MC_OK ? named_is(key, buffer, length) : status == MC_NO_VALUE);
}

static void set_one(struct worker *self) {
  char key[32], value[NAMED_ROOM];
  some_key(self, key);
  size_t length = named_value(value, key, named_next(&self->random));
  CHECK_STATUS(mc_set(self->client, key, MC_CSTR, value, length, 0, self->id), MC_OK);
}

static void set_quietly(struct worker *self) {
  char key[32], value[NAMED_ROOM];
  mc_item *item;
  mc_command set = MC_COMMAND_INIT(named_next(&self->random) % 2 ? MC_OP_SET : MC_OP_ADD);
  some_key(self, key);
  set.options = MC_NOREPLY;
  set.key = key;
  set.key_len = MC_CSTR;
  set.value = value;
  set.value_len = named_value(value, key, named_next(&self->random));
  CHECK_STATUS(mc_execute(self->client, &set, &item), MC_OK);
  mc_item_free(item);
}

static void change_by_cas(struct worker *self) {
  char key[32], value[NAMED_ROOM];
  mc_item *item;
  some_key(self, key);
  mc_status status = mc_gets(self->client, key, MC_CSTR, &item);
  if (status == MC_NO_VALUE) return;
  if (!CHECK_STATUS(status, MC_OK)) return;
  CHECK(named_item(key, item));
  size_t length = named_value(value, key, named_next(&self->random));
  status = mc_cas(self->client, key, MC_CSTR, value, length, 0, 0, item->cas);
  CHECK(status == MC_OK || status == MC_CAS_FAILURE || status == MC_NOT_FOUND);
  mc_item_free(item);
}

static void get_many(struct worker *self) {
  char text[MANY][32];
  const char *keys[MANY];
  mc_results *results;
  for (int i = 0; i < MANY; ++i) some_key(self, text[i]), keys[i] = text[i];
  if (CHECK_STATUS(mc_get_multi(self->client, keys, NULL, MANY, &results), MC_OK))
    for (int i = 0; i < MANY; ++i) CHECK(named_item(keys[i], mc_results_item(results, (size_t)i)));
  mc_results_free(results);
}

static void set_many(struct worker *self) {
  char text[MANY][32], bytes[MANY][128];
  const char *keys[MANY];
  const void *values[MANY];
  size_t lengths[MANY];
  for (int i = 0; i < MANY; ++i) {
    some_key(self, text[i]);
    keys[i] = text[i];
    values[i] = bytes[i];
    lengths[i] = named_value(bytes[i], text[i], 1 + 4 * (named_next(&self->random) % 20));
  }
  CHECK_STATUS(mc_set_multi(self->client, keys, NULL, values, lengths, MANY, 0, 0, NULL), MC_OK);
}

static void delete_one(struct worker *self) {
  char key[32];
  some_key(self, key);
  mc_status status = mc_delete(self->client, key, MC_CSTR);
  CHECK(status == MC_OK || status == MC_NOT_FOUND);
}

/* A number of one's own, which therefore is exact at every step; and one that all share. */
static void count_up(struct worker *self) {
  char key[32];
  uint64_t number = 0;
  sprintf(key, "threads:own:%u", self->id);
  self->counted++;
  CHECK_STATUS(mc_incr(self->client, key, MC_CSTR, 1, &number), MC_OK);
  CHECK_NUMBER(number, self->counted);
  CHECK_STATUS(mc_incr(self->client, "threads:shared", MC_CSTR, 1, &number), MC_OK);
  CHECK(number >= self->counted);
}

static void *work(void *argument) {
  static void (*const commands[])(struct worker *) = {get_one,  get_one,  set_one,    set_quietly, change_by_cas,
                                                      get_many, set_many, delete_one, count_up};
  struct worker *self = argument;
  for (unsigned long i = 0; i < self->commands; ++i)
    commands[named_next(&self->random) % (sizeof commands / sizeof *commands)](self);
  return NULL;
}

static void run(mc_client *client, unsigned long commands) {
  static struct worker workers[THREADS];
  char key[32];
  uint64_t all = 0, number = 0, failed;
  CHECK_STATUS(check_store(client, "threads:shared", "0"), MC_OK);
  for (unsigned i = 0; i < THREADS; ++i) {
    workers[i] = (struct worker){.client = client, .id = i, .commands = commands, .random = 2463534242u + i * 7919};
    sprintf(key, "threads:own:%u", i);
    CHECK_STATUS(check_store(client, key, "0"), MC_OK);
    if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) check_give_up("a thread");
  }
  for (unsigned i = 0; i < THREADS; ++i) {
    pthread_join(workers[i].thread, NULL);
    all += workers[i].counted;
  }
  CHECK_STATUS(mc_incr(client, "threads:shared", MC_CSTR, 0, &number), MC_OK);
  CHECK_NUMBER(number, all);
  CHECK_STATUS(mc_sync(client, 10000000, &failed), MC_OK); /* some of the quiet adds */
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  unsigned long commands = named_count(getenv("THREADS_COMMANDS"), 2000);
  run(client, commands);
  mc_free(client);
  client = check_client_with(argv[1], (const char *const[]){"max_connections", "2", "timeout", "20s", NULL});
  run(client, commands); /* six wait for the two that have a connection */
  mc_free(client);
  client = check_client_with(argv[1], (const char *const[]){"shortcut", "off", "paranoid", "on", NULL});
  run(client, commands / 4 + 1);
  mc_free(client);
  return check_end();
}
