/* Calls between marks that a trace of the system calls shows: `marked_calls SERVER-URI SCENARIO`.
 * Each round warms the connection, begins, makes the call in question, and ends. */
#include "../c/check.h"

enum { ROUNDS = 40, MANY = 100, LENGTH = 100 };

static mc_client *client;
static mc_item *item;
static char keys[MANY][32];
static const char *key_list[MANY];

static void mark(const char *path) { CHECK(access(path, F_OK) != 0); }

static void hit(void) {
  mc_item *found;
  CHECK_STATUS(mc_get(client, keys[0], MC_CSTR, &found), MC_OK);
  mc_item_free(found);
}

static void reuse(void) { CHECK_STATUS(mc_get_reuse(client, keys[0], MC_CSTR, item), MC_OK); }

static void into(void) {
  char buffer[LENGTH];
  size_t length;
  uint32_t flags;
  CHECK_STATUS(mc_get_into(client, keys[0], MC_CSTR, buffer, sizeof buffer, &length, &flags), MC_OK);
  CHECK_NUMBER(length, LENGTH);
}

static void miss(void) {
  mc_item *found;
  CHECK_STATUS(mc_get(client, "absent", MC_CSTR, &found), MC_NO_VALUE);
}

static void set(void) { CHECK_STATUS(check_store(client, "stored", "some value"), MC_OK); }

static void incr(void) {
  uint64_t number;
  CHECK_STATUS(mc_incr(client, "number", MC_CSTR, 1, &number), MC_OK);
}

static void delete_one(void) { CHECK_STATUS(mc_delete(client, "absent", MC_CSTR), MC_NOT_FOUND); }

static void quiet_set(void) {
  mc_command command = MC_COMMAND_INIT(MC_OP_SET);
  command.options = MC_NOREPLY;
  command.key = "quiet";
  command.key_len = MC_CSTR;
  command.value = "some value";
  command.value_len = MC_CSTR;
  CHECK_STATUS(mc_execute_into(client, &command, item), MC_OK);
}

static void hundred(void) {
  mc_results *results;
  CHECK_STATUS(mc_get_multi(client, key_list, NULL, MANY, &results), MC_OK);
  for (size_t i = 0; i < MANY; ++i) {
    const mc_item *one = mc_results_item(results, i);
    CHECK(one->status == MC_OK && one->value_len == LENGTH);
  }
  mc_results_free(results);
}

static const struct scenario {
  const char *name;
  void (*warm)(void), (*call)(void);
} scenarios[] = {
    {"get_hit", hit, hit},           {"get_reuse", reuse, reuse},    {"get_into", into, into},
    {"get_miss", miss, miss},        {"set", set, set},              {"incr", incr, incr},
    {"delete", hit, delete_one},     {"quiet_set", hit, quiet_set},  {"get_behind_quiet_set", quiet_set, hit},
    {"paranoid_get", hit, hit},      {"paranoid_set", set, set},     {"get_hundred", hundred, hundred},
};

static const struct scenario *find(const char *name) {
  for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; ++i)
    if (strcmp(scenarios[i].name, name) == 0) return &scenarios[i];
  check_give_up(name);
}

static void prepare(void) {
  char value[LENGTH + 1];
  memset(value, 'v', LENGTH);
  value[LENGTH] = '\0';
  for (int i = 0; i < MANY; ++i) {
    sprintf(keys[i], "marked:%d", i);
    key_list[i] = keys[i];
    CHECK_STATUS(check_store(client, keys[i], value), MC_OK);
  }
  CHECK_STATUS(check_store(client, "number", "0"), MC_OK);
}

int main(int argc, char **argv) {
  client = check_begin(argc, argv);
  if (argc != 3) check_give_up("which scenario?");
  const struct scenario *scenario = find(argv[2]);
  prepare();
  if (strncmp(scenario->name, "paranoid", 8) == 0) {
    mc_client *view;
    CHECK_STATUS(mc_client_with(client, "paranoid=on", &view), MC_OK);
    mc_free(client);
    client = view;
  }
  item = mc_item_new();
  for (int round = 0; round < ROUNDS; ++round) {
    scenario->warm(); /* what is allocated for the first time is not looked at */
    mark("/mark/warm");
    scenario->warm();
    mark("/mark/begin");
    scenario->call();
    mark("/mark/end");
  }
  mc_item_free(item);
  mc_free(client);
  return check_end();
}
