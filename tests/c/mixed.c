/* A batch of different commands: mc_execute_multi, and what its arrays and mc_batch may hold. */
#include "check.h"

static mc_command make(uint32_t op, const char *key, const char *value) {
  mc_command command = MC_COMMAND_INIT(op);
  command.key = key;
  command.key_len = strlen(key);
  command.value = value;
  command.value_len = value ? strlen(value) : 0;
  return command;
}

/* On one server the commands of a batch are carried out in order, so each sees those before it. */
static void commands_of_all_kinds(mc_client *client) {
  mc_command commands[] = {
      make(MC_OP_SET, "mixed", "10"),   make(MC_OP_GET, "mixed", NULL),      make(MC_OP_INCR, "mixed", NULL),
      make(MC_OP_GETS, "mixed", NULL),  make(MC_OP_ADD, "mixed", "x"),       make(MC_OP_GET, "mixed:none", NULL),
      make(MC_OP_APPEND, "mixed", "0"), make(MC_OP_DECR, "mixed", NULL),     make(MC_OP_GET, "mixed", NULL),
      make(MC_OP_TOUCH, "mixed", NULL), make(MC_OP_REPLACE, "mixed", "end"), make(MC_OP_PREPEND, "mixed", "the "),
      make(MC_OP_GAT, "mixed", NULL),   make(MC_OP_DELETE, "mixed", NULL),   make(MC_OP_GET, "mixed", NULL)};
  static const mc_status statuses[] = {MC_OK, MC_OK, MC_OK, MC_OK, MC_NOT_STORED, MC_NO_VALUE, MC_OK, MC_OK,
                                       MC_OK, MC_OK, MC_OK, MC_OK, MC_OK,         MC_OK,       MC_NO_VALUE};
  static const char *const values[] = {NULL, "10", NULL, "11", NULL, NULL, NULL, NULL,
                                       "109", NULL, NULL, NULL, "the end", NULL, NULL};
  enum { COUNT = sizeof commands / sizeof *commands };
  mc_results *results;
  CHECK_STATUS(mc_execute_multi(client, commands, COUNT, NULL, &results), MC_PARTIAL);
  CHECK_NUMBER(mc_results_count(results), COUNT);
  CHECK_NUMBER(mc_results_failed(results), 1); /* the add */
  for (size_t i = 0; i < COUNT; ++i) {
    const mc_item *item = mc_results_item(results, i);
    CHECK_STATUS(item->status, statuses[i]);
    CHECK_TEXT(item->key, item->key_len, commands[i].key);
    if (values[i]) CHECK_TEXT(item->value, item->value_len, values[i]);
    else CHECK(item->value == NULL || item->value_len == 0);
  }
  CHECK_NUMBER(mc_results_item(results, 2)->number, 11);
  CHECK_NUMBER(mc_results_item(results, 7)->number, 109);
  CHECK(mc_results_item(results, 3)->have & MC_HAVE_CAS);
  CHECK(!(mc_results_item(results, 1)->have & MC_HAVE_CAS));
  mc_results_free(results);
}

static void only_writes_fail_as_writes(mc_client *client) {
  mc_command commands[] = {make(MC_OP_SET, "mixed:a", "1"), make(MC_OP_ADD, "mixed:a", "2")};
  mc_results *results;
  CHECK_STATUS(mc_execute_multi(client, commands, 2, NULL, &results), MC_MULTI_STORAGE);
  CHECK_NUMBER(mc_results_failed(results), 1);
  mc_results_free(results);
  CHECK_STATUS(mc_execute_multi(client, commands, 2, NULL, NULL), MC_MULTI_STORAGE);
}

static void a_failure_in_the_middle_stays_there(mc_client *client) {
  mc_command commands[] = {make(MC_OP_SET, "mixed:b", "1"), make(MC_OP_GET, "two words", NULL),
                           make(MC_OP_INCR, "mixed:b", NULL), make(MC_OP_CAS, "mixed:b", "x"),
                           make(MC_OP_GET, "mixed:b", NULL)};
  mc_results *results;
  CHECK_STATUS(mc_execute_multi(client, commands, 5, NULL, &results), MC_PARTIAL);
  CHECK_NUMBER(mc_results_failed(results), 2);
  CHECK_STATUS(mc_results_item(results, 1)->status, MC_ILLEGAL_INPUT);
  CHECK_STATUS(mc_results_item(results, 3)->status, MC_INVALID_ARGUMENT); /* a cas without one */
  CHECK_NUMBER(mc_results_item(results, 2)->number, 2);
  const mc_item *last = mc_results_item(results, 4);
  CHECK_TEXT(last->value, last->value_len, "2");
  mc_results_free(results);
}

/* A caller compiled against a later header has larger commands; their size is the stride. */
static void the_size_of_the_first_is_the_stride(mc_client *client) {
  struct {
    mc_command command;
    uint64_t more[3];
  } longer[3];
  memset(longer, 0, sizeof longer);
  for (size_t i = 0; i < 3; ++i) {
    static const char *const keys[] = {"mixed:x", "mixed:y", "mixed:z"};
    longer[i].command = make(MC_OP_SET, keys[i], keys[i]);
    longer[i].command.size = sizeof longer[i];
  }
  mc_results *results;
  CHECK_STATUS(mc_execute_multi(client, &longer[0].command, 3, NULL, &results), MC_OK);
  mc_results_free(results);
  CHECK_VALUE(client, "mixed:z", "mixed:z");
  longer[1].command.size = sizeof(mc_command);
  CHECK_STATUS(mc_execute_multi(client, &longer[0].command, 3, NULL, &results), MC_INVALID_ARGUMENT);
  CHECK(results == NULL);
  longer[1].command.size = sizeof longer[1];
  longer[2].more[2] = 1;
  mc_status status = mc_execute_multi(client, &longer[0].command, 3, NULL, &results);
  CHECK(status != MC_OK);
  mc_results_free(results);
}

static void the_batch_struct_is_checked(mc_client *client) {
  mc_command command = make(MC_OP_SET, "mixed:batch", "1");
  struct {
    mc_batch batch;
    uint64_t more;
  } longer = {{sizeof longer, 0, 5000000}, 0};
  mc_batch batch = {sizeof batch, 0, 5000000};
  mc_results *results;
  CHECK_STATUS(mc_execute_multi(client, &command, 1, &batch, &results), MC_OK);
  mc_results_free(results);
  CHECK_STATUS(mc_execute_multi(client, &command, 1, &longer.batch, &results), MC_OK);
  mc_results_free(results);
  longer.more = 1;
  CHECK_STATUS(mc_execute_multi(client, &command, 1, &longer.batch, &results), MC_INVALID_ARGUMENT);
  CHECK(results == NULL);
  batch.size = offsetof(mc_batch, timeout_us); /* says nothing of a timeout */
  batch.timeout_us = 1;
  CHECK_STATUS(mc_execute_multi(client, &command, 1, &batch, &results), MC_OK);
  mc_results_free(results);
  batch.size = sizeof batch;
  batch.timeout_us = 5000000;
  batch.options = UINT32_C(1) << 31;
  CHECK_STATUS(mc_execute_multi(client, &command, 1, &batch, &results), MC_INVALID_ARGUMENT);
  CHECK(results == NULL);
  batch.options = 0;
  batch.size = 0;
  CHECK_STATUS(mc_execute_multi(client, &command, 1, &batch, &results), MC_INVALID_ARGUMENT);
  CHECK(results == NULL);
}

/* Quiet writes in a batch are written when it returns; what they ended with is settled later. */
static void quiet_writes_in_a_batch(mc_client *client) {
  mc_command commands[] = {make(MC_OP_SET, "mixed:quiet", "1"), make(MC_OP_GET, "mixed:quiet", NULL)};
  commands[0].options = MC_NOREPLY;
  mc_results *results;
  CHECK_STATUS(mc_execute_multi(client, commands, 2, NULL, &results), MC_OK);
  CHECK_STATUS(mc_results_item(results, 0)->status, MC_OK);
  const mc_item *got = mc_results_item(results, 1);
  CHECK_TEXT(got->value, got->value_len, "1");
  mc_results_free(results);
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  commands_of_all_kinds(client);
  only_writes_fail_as_writes(client);
  a_failure_in_the_middle_stays_there(client);
  the_size_of_the_first_is_the_stride(client);
  the_batch_struct_is_checked(client);
  quiet_writes_in_a_batch(client);
  mc_free(client);
  return check_end();
}
