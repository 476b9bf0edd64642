/* Quiet writes: they do not wait, and none of their replies is ever taken for another's. */
#include "check.h"
#include <time.h>

enum { SYNC_US = 10000000 };

static mc_status quiet(mc_client *client, uint32_t op, const char *key, const char *value) {
  mc_item *item = mc_item_new();
  mc_command command = MC_COMMAND_INIT(op);
  command.options = MC_NOREPLY;
  command.key = key;
  command.key_len = MC_CSTR;
  command.value = value;
  command.value_len = value ? strlen(value) : 0;
  mc_status status = mc_execute_into(client, &command, item);
  mc_item_free(item);
  return status;
}

static uint64_t settle(mc_client *client) {
  uint64_t failed = 99;
  CHECK_STATUS(mc_sync(client, SYNC_US, &failed), MC_OK);
  return failed;
}

static void the_next_command_sees_them(mc_client *client) {
  CHECK_NUMBER(settle(client), 0);
  CHECK_STATUS(quiet(client, MC_OP_SET, "quiet", "1"), MC_OK);
  CHECK_VALUE(client, "quiet", "1");
  CHECK_STATUS(quiet(client, MC_OP_INCR, "quiet", NULL), MC_OK);
  CHECK_VALUE(client, "quiet", "2");
  CHECK_STATUS(quiet(client, MC_OP_APPEND, "quiet", "0"), MC_OK);
  CHECK_STATUS(quiet(client, MC_OP_PREPEND, "quiet", "1"), MC_OK);
  CHECK_STATUS(quiet(client, MC_OP_REPLACE, "quiet:none", "x"), MC_OK);
  CHECK_VALUE(client, "quiet", "120");
  CHECK_MISS(client, "quiet:none");
  CHECK_STATUS(quiet(client, MC_OP_TOUCH, "quiet", NULL), MC_OK);
  CHECK_STATUS(quiet(client, MC_OP_DELETE, "quiet", NULL), MC_OK);
  CHECK_MISS(client, "quiet");
  CHECK_NUMBER(settle(client), 1); /* the replace */
}

/* The reply of a quiet write that fails is owed, and read before the reply of what follows. */
static void failures_are_counted_and_answer_nobody(mc_client *client) {
  CHECK_STATUS(check_store(client, "quiet:here", "here"), MC_OK);
  CHECK_STATUS(check_store(client, "quiet:text", "text"), MC_OK);
  CHECK_NUMBER(settle(client), 0);
  for (int round = 0; round < 50; ++round) {
    uint64_t number = 0;
    CHECK_STATUS(quiet(client, MC_OP_ADD, "quiet:here", "other"), MC_OK);
    CHECK_VALUE(client, "quiet:here", "here");
    CHECK_STATUS(quiet(client, MC_OP_ADD, "quiet:here", "other"), MC_OK);
    CHECK_MISS(client, "quiet:absent");
    CHECK_STATUS(quiet(client, MC_OP_ADD, "quiet:here", "other"), MC_OK);
    CHECK_STATUS(check_store(client, "quiet:number", "41"), MC_OK);
    CHECK_STATUS(quiet(client, MC_OP_INCR, "quiet:text", NULL), MC_OK);
    CHECK_STATUS(mc_incr(client, "quiet:number", MC_CSTR, 1, &number), MC_OK);
    CHECK_NUMBER(number, 42);
    CHECK_STATUS(quiet(client, MC_OP_APPEND, "quiet:absent", "x"), MC_OK);
    CHECK_STATUS(mc_add(client, "quiet:here", MC_CSTR, "x", 1, 0, 0), MC_NOT_STORED);
    CHECK_STATUS(quiet(client, MC_OP_ADD, "quiet:here", "other"), MC_OK);
    CHECK_STATUS(mc_delete(client, "quiet:number", MC_CSTR), MC_OK);
  }
  CHECK_NUMBER(settle(client), 50 * 6);
  CHECK_NUMBER(settle(client), 0); /* counted once */
}

static void as_many_as_one_likes(mc_client *client) {
  enum { MANY = 3000 };
  char key[32], value[32];
  for (int i = 0; i < MANY; ++i) {
    snprintf(key, sizeof key, "quiet:many:%d", i % 100);
    snprintf(value, sizeof value, "%d", i);
    CHECK_STATUS(quiet(client, i % 3 == 2 ? MC_OP_ADD : MC_OP_SET, key, value), MC_OK);
  }
  int last = MANY - 1; /* the last set of each key: an add of one that is there changes nothing */
  for (int i = 0; i < 100; ++i) {
    int newest = last - i;
    while (newest % 3 == 2) newest -= 100;
    snprintf(key, sizeof key, "quiet:many:%d", newest % 100);
    snprintf(value, sizeof value, "%d", newest);
    CHECK_VALUE(client, key, value);
  }
  uint64_t failed = settle(client);
  CHECK(failed > 0 && failed <= MANY / 3);
}

static void a_batch_follows_quiet_writes(mc_client *client) {
  static const char *const keys[] = {"quiet:a", "quiet:none", "quiet:b"};
  mc_results *results;
  CHECK_STATUS(quiet(client, MC_OP_SET, "quiet:a", "A"), MC_OK);
  CHECK_STATUS(quiet(client, MC_OP_ADD, "quiet:a", "X"), MC_OK);
  CHECK_STATUS(quiet(client, MC_OP_SET, "quiet:b", "B"), MC_OK);
  if (CHECK_STATUS(mc_get_multi(client, keys, NULL, 3, &results), MC_OK)) {
    CHECK_TEXT(mc_results_item(results, 0)->value, mc_results_item(results, 0)->value_len, "A");
    CHECK_STATUS(mc_results_item(results, 1)->status, MC_NO_VALUE);
    CHECK_TEXT(mc_results_item(results, 2)->value, mc_results_item(results, 2)->value_len, "B");
    mc_results_free(results);
  }
  CHECK_NUMBER(settle(client), 1);
}

/* What is wrong before a byte is sent is said at once, quiet or not. */
static void what_can_be_refused_is_refused(mc_client *client) {
  char *large = calloc(1, 2000001);
  memset(large, 'x', 2000000);
  CHECK_STATUS(quiet(client, MC_OP_SET, "two words", "x"), MC_ILLEGAL_INPUT);
  CHECK_STATUS(quiet(client, MC_OP_SET, "quiet:large", large), MC_TOO_LARGE);
  CHECK_STATUS(quiet(client, MC_OP_CAS, "quiet:large", "no cas"), MC_INVALID_ARGUMENT);
  CHECK_NUMBER(settle(client), 0);
  free(large);
}

static void quiet_by_default(mc_client *plain, const char *uri) {
  mc_client *client = check_client_with(uri, (const char *const[]){"default_noreply", "on", NULL});
  CHECK_STATUS(check_store(client, "quiet:default", "1"), MC_OK);
  CHECK_STATUS(mc_add(client, "quiet:default", MC_CSTR, "2", 1, 0, 0), MC_OK); /* nobody waited */
  CHECK_VALUE(client, "quiet:default", "1");
  CHECK_NUMBER(settle(client), 1);
  mc_command add = MC_COMMAND_INIT(MC_OP_ADD);
  add.options = MC_REPLY; /* this one is to be waited for */
  add.key = "quiet:default";
  add.key_len = MC_CSTR;
  mc_item *item = mc_item_new();
  CHECK_STATUS(mc_execute_into(client, &add, item), MC_NOT_STORED);
  mc_item_free(item);
  /* Numbers are waited for, whatever the default: the caller asked for one. */
  uint64_t number = 0;
  CHECK_STATUS(mc_incr(client, "quiet:default", MC_CSTR, 1, &number), MC_OK);
  CHECK_NUMBER(number, 2);
  CHECK_STATUS(mc_delete(client, "quiet:default", MC_CSTR), MC_OK);
  CHECK_MISS(client, "quiet:default");
  CHECK_NUMBER(settle(client), 0);
  CHECK_MISS(plain, "quiet:default");
  mc_free(client);
}

/* MC_OK means written: it takes effect even if the client is gone the moment after. */
static void written_is_written(mc_client *plain, const char *uri) {
  mc_client *client;
  if (!CHECK_STATUS(mc_new(uri, &client), MC_OK)) return;
  CHECK_STATUS(quiet(client, MC_OP_SET, "quiet:gone", "x"), MC_OK);
  mc_free(client);
  mc_status status = MC_NO_VALUE;
  for (time_t end = time(NULL) + 10; status != MC_OK && time(NULL) < end;) {
    mc_item *item;
    status = mc_get(plain, "quiet:gone", MC_CSTR, &item);
    mc_item_free(item);
  }
  CHECK_STATUS(status, MC_OK);
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  the_next_command_sees_them(client);
  failures_are_counted_and_answer_nobody(client);
  as_many_as_one_likes(client);
  a_batch_follows_quiet_writes(client);
  what_can_be_refused_is_refused(client);
  quiet_by_default(client, argv[1]);
  written_is_written(client, argv[1]);
  mc_free(client);
  return check_end();
}
