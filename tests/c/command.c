/* A command as data: every op by every way of executing it, and what mc_command may hold. */
#include "check.h"

/* ---- every op, every way -------------------------------------------------------------------- */

typedef mc_status (*way)(mc_client *, const mc_command *, mc_item **);

static mc_status by_execute(mc_client *client, const mc_command *command, mc_item **item) {
  return mc_execute(client, command, item);
}

static mc_status by_execute_into(mc_client *client, const mc_command *command, mc_item **item) {
  *item = mc_item_new();
  mc_status status = mc_execute_into(client, command, *item);
  CHECK_NUMBER((*item)->status, status);
  return status;
}

/* Key and value beside the command, nothing in it: as a caller does whose memory may move. */
static mc_status by_execute_kv(mc_client *client, const mc_command *command, mc_item **item) {
  mc_command bare = *command;
  bare.key = NULL;
  bare.value = NULL;
  bare.key_len = bare.value_len = 0;
  *item = mc_item_new();
  mc_status status = mc_execute_kv(client, &bare, command->key, command->key_len, command->value,
                                   command->value_len, *item);
  CHECK_NUMBER((*item)->status, status);
  return status;
}

static mc_command make(uint32_t op, const char *key, const char *value) {
  mc_command command = MC_COMMAND_INIT(op);
  command.key = key;
  command.key_len = strlen(key);
  command.value = value;
  command.value_len = value ? strlen(value) : 0;
  return command;
}

static void run(mc_client *client, way by, const mc_command *command, mc_status expected) {
  mc_item *item;
  CHECK_STATUS(by(client, command, &item), expected);
  mc_item_free(item);
}

/* Runs a read; `value` is what it shall bring. The CAS, for the ops that bring one. */
static uint64_t read_by(mc_client *client, way by, const mc_command *command, const char *value) {
  mc_item *item;
  uint64_t cas = 0;
  if (CHECK_STATUS(by(client, command, &item), MC_OK)) {
    CHECK_TEXT(item->key, item->key_len, "command");
    CHECK_TEXT(item->value, item->value_len, value);
    CHECK(item->have & MC_HAVE_FLAGS);
    if (item->have & MC_HAVE_CAS) cas = item->cas;
  }
  mc_item_free(item);
  return cas;
}

static void count_by(mc_client *client, way by, uint32_t op, uint64_t expected) {
  mc_command command = make(op, "command", NULL);
  command.options = MC_HAS_DELTA;
  command.delta = 5;
  mc_item *item;
  if (CHECK_STATUS(by(client, &command, &item), MC_OK)) {
    CHECK(item->have & MC_HAVE_NUMBER);
    CHECK_NUMBER(item->number, expected);
  }
  mc_item_free(item);
}

static void every_op(mc_client *client, way by) {
  mc_command get = make(MC_OP_GET, "command", NULL), gets = make(MC_OP_GETS, "command", NULL);
  mc_command add = make(MC_OP_ADD, "command", "2"), replace = make(MC_OP_REPLACE, "command", "3");
  mc_command append = make(MC_OP_APPEND, "command", ">"), prepend = make(MC_OP_PREPEND, "command", "<");
  mc_command cas = make(MC_OP_CAS, "command", "4"), touch = make(MC_OP_TOUCH, "command", NULL);
  mc_command gat = make(MC_OP_GAT, "command", NULL), gats = make(MC_OP_GATS, "command", NULL);
  mc_command set = make(MC_OP_SET, "command", "100"), delete_ = make(MC_OP_DELETE, "command", NULL);
  gat.ttl = gats.ttl = touch.ttl = 100;
  cas.cas = 123456789;

  run(client, by, &get, MC_NO_VALUE);
  run(client, by, &gats, MC_NO_VALUE);
  run(client, by, &replace, MC_NOT_STORED);
  run(client, by, &append, MC_NOT_STORED);
  run(client, by, &cas, MC_NOT_FOUND);
  run(client, by, &touch, MC_NOT_FOUND);
  run(client, by, &delete_, MC_NOT_FOUND);
  run(client, by, &add, MC_OK);
  run(client, by, &add, MC_NOT_STORED);
  CHECK_NUMBER(read_by(client, by, &get, "2"), 0);
  run(client, by, &replace, MC_OK);
  run(client, by, &append, MC_OK);
  run(client, by, &prepend, MC_OK);
  cas.cas = read_by(client, by, &gets, "<3>");
  CHECK(cas.cas != 0);
  run(client, by, &cas, MC_OK);
  run(client, by, &cas, MC_CAS_FAILURE);
  run(client, by, &touch, MC_OK);
  read_by(client, by, &gat, "4");
  CHECK(read_by(client, by, &gats, "4") != 0);
  run(client, by, &set, MC_OK);
  count_by(client, by, MC_OP_INCR, 105);
  count_by(client, by, MC_OP_DECR, 100);
  run(client, by, &delete_, MC_OK);
  run(client, by, &get, MC_NO_VALUE);
}

static void flags_travel_with_the_value(mc_client *client) {
  mc_command set = make(MC_OP_SET, "command", "x"), get = make(MC_OP_GET, "command", NULL);
  set.flags = 77;
  run(client, by_execute, &set, MC_OK);
  mc_item *item;
  if (CHECK_STATUS(mc_execute(client, &get, &item), MC_OK)) CHECK_NUMBER(item->flags, 77);
  mc_item_free(item);
}

/* ---- ops about servers ---------------------------------------------------------------------- */

static void each_server_says_its_version(mc_client *client) {
  mc_results *results;
  if (!CHECK_STATUS(mc_server_versions(client, &results), MC_OK)) return;
  CHECK_NUMBER(mc_results_count(results), 1);
  const mc_item *item = mc_results_item(results, 0);
  CHECK_NUMBER(item->status, MC_OK);
  CHECK(item->server != NULL && *item->server != '\0');
  CHECK(item->value != NULL && item->value_len > 0 && strchr("0123456789", item->value[0]) != NULL);
  mc_results_free(results);
}

static void flush_all_empties_the_server(mc_client *client) {
  mc_results *results;
  CHECK_STATUS(check_store(client, "command", "x"), MC_OK);
  if (!CHECK_STATUS(mc_flush_all(client, 0, &results), MC_OK)) return;
  CHECK_NUMBER(mc_results_count(results), 1);
  CHECK_NUMBER(mc_results_item(results, 0)->status, MC_OK);
  mc_results_free(results);
  CHECK_MISS(client, "command");
}

/* They answer results, one for each server, and therefore have functions of their own. */
static void a_command_for_servers_has_no_item(mc_client *client) {
  static const uint32_t ops[] = {MC_OP_VERSION,   MC_OP_FLUSH_ALL,      MC_OP_STATS,
                                 MC_OP_VERBOSITY, MC_OP_CACHE_MEMLIMIT, MC_OP_PING,
                                 MC_OP_DELETE_ALL};
  CHECK_STATUS(check_store(client, "command", "x"), MC_OK);
  for (size_t i = 0; i < sizeof ops / sizeof *ops; ++i) {
    mc_results *results;
    mc_command command = make(ops[i], "command", NULL);
    run(client, by_execute, &command, MC_INVALID_ARGUMENT);
    CHECK(mc_execute_multi(client, &command, 1, NULL, &results) != MC_OK);
    CHECK_STATUS(mc_results_item(results, 0)->status, MC_INVALID_ARGUMENT);
    mc_results_free(results);
  }
  CHECK_VALUE(client, "command", "x");
}

/* ---- what the struct may hold --------------------------------------------------------------- */

static void a_shorter_struct_says_less(mc_client *client) {
  CHECK_STATUS(check_store(client, "command", "100"), MC_OK);
  mc_command command = make(MC_OP_INCR, "command", NULL);
  const size_t sizes[] = {offsetof(mc_command, cas), offsetof(mc_command, delta)};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
    unsigned char bytes[sizeof command];
    memset(bytes, 0xff, sizeof bytes); /* what lies behind a short struct is not ours */
    memcpy(bytes, &command, sizes[i]);
    uint32_t size = (uint32_t)sizes[i];
    memcpy(bytes + offsetof(mc_command, size), &size, sizeof size);
    memcpy(&command, bytes, sizeof command);
    mc_item *item;
    if (CHECK_STATUS(mc_execute(client, &command, &item), MC_OK))
      CHECK_NUMBER(item->number, 101 + i); /* a delta that is not said is 1 */
    mc_item_free(item);
    command = make(MC_OP_INCR, "command", NULL);
  }
  command.size = offsetof(mc_command, value); /* as short as a get can be */
  command.op = MC_OP_GET;
  run(client, by_execute, &command, MC_OK);
}

static void a_longer_struct_must_say_nothing_more(mc_client *client) {
  struct {
    mc_command command;
    unsigned char more[64];
  } longer = {make(MC_OP_GET, "command", NULL), {0}};
  longer.command.size = sizeof longer;
  CHECK_STATUS(check_store(client, "command", "x"), MC_OK);
  run(client, by_execute, &longer.command, MC_OK);
  for (size_t i = 0; i < sizeof longer.more; i += 21) {
    longer.more[i] = 1;
    run(client, by_execute, &longer.command, MC_INVALID_ARGUMENT);
    longer.more[i] = 0;
  }
  run(client, by_execute, &longer.command, MC_OK);
}

static void a_size_without_an_op_is_refused(mc_client *client) {
  mc_command command = make(MC_OP_GET, "command", NULL);
  for (uint32_t size = 0; size < offsetof(mc_command, options); ++size) {
    command.size = size;
    run(client, by_execute, &command, MC_INVALID_ARGUMENT);
  }
}

static void an_unknown_op_is_refused(mc_client *client) {
  static const uint32_t ops[] = {0, 9999, 0x7fffffff, 0xffffffff, 0x10000 | MC_OP_GET};
  for (size_t i = 0; i < sizeof ops / sizeof *ops; ++i) {
    mc_command command = make(ops[i], "command", "value");
    run(client, by_execute, &command, MC_INVALID_ARGUMENT);
    run(client, by_execute_into, &command, MC_INVALID_ARGUMENT);
    run(client, by_execute_kv, &command, MC_INVALID_ARGUMENT);
  }
}

static void unknown_bits_and_reserved_fields_are_refused(mc_client *client) {
  mc_command command = make(MC_OP_GET, "command", NULL);
  for (int bit = 60; bit < 64; ++bit) {
    command.options = UINT64_C(1) << bit;
    run(client, by_execute, &command, MC_INVALID_ARGUMENT);
  }
  command.options = 0;
  command.reserved = 1;
  run(client, by_execute, &command, MC_INVALID_ARGUMENT);
  command.reserved = 0;
  run(client, by_execute, &command, MC_OK);
}

static void a_key_beside_a_length_must_be_there(mc_client *client) {
  mc_command command = make(MC_OP_GET, "command", NULL);
  command.key = NULL;
  run(client, by_execute, &command, MC_INVALID_ARGUMENT); /* 7 bytes at NULL */
  command.key_len = 0;
  run(client, by_execute, &command, MC_ILLEGAL_INPUT); /* an empty key */
  command = make(MC_OP_SET, "command", NULL);
  command.value_len = 1;
  run(client, by_execute, &command, MC_INVALID_ARGUMENT);
}

/* What a dialect cannot mean is refused before a byte is sent, not left out. */
static void what_ascii_cannot_mean_is_unsupported(void) {
  mc_client *client;
  if (!CHECK_STATUS(mc_new("memory://?protocol=ascii", &client), MC_OK)) return;
  CHECK_STATUS(check_store(client, "command", "x"), MC_OK);
  mc_command command = make(MC_OP_DELETE, "command", NULL);
  command.options = MC_HAS_CAS;
  command.cas = 1;
  run(client, by_execute, &command, MC_UNSUPPORTED);
  CHECK_VALUE(client, "command", "x");
  mc_free(client);
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  every_op(client, by_execute);
  every_op(client, by_execute_into);
  every_op(client, by_execute_kv);
  flags_travel_with_the_value(client);
  each_server_says_its_version(client);
  flush_all_empties_the_server(client);
  a_command_for_servers_has_no_item(client);
  a_shorter_struct_says_less(client);
  a_longer_struct_must_say_nothing_more(client);
  a_size_without_an_op_is_refused(client);
  an_unknown_op_is_refused(client);
  unknown_bits_and_reserved_fields_are_refused(client);
  a_key_beside_a_length_must_be_there(client);
  what_ascii_cannot_mean_is_unsupported();
  mc_free(client);
  return check_end();
}
