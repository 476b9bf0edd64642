/* A loop of the program's own carries operations: callbacks, the form without them, batches, what is
 * refused, and what is under way when the loop is freed. */
#include "check.h"
#include <poll.h>

#define REFUSED(call) CHECK_STATUS((call), MC_INVALID_ARGUMENT)

/* What was told. */
struct told {
  int count;
  mc_status status;
  uint64_t id;
  char value[32];
  size_t value_len;
};

static void note(void *user, const mc_completion *completion) {
  struct told *told = user;
  ++told->count;
  told->status = completion->status;
  told->id = completion->id;
  told->value_len = 0;
  CHECK(completion->user == user && completion->reserved == 0);
  CHECK(completion->item != NULL && completion->results == NULL);
  CHECK_NUMBER(completion->item->status, completion->status);
  if (completion->item->value_len < sizeof told->value && completion->item->value != NULL) {
    told->value_len = completion->item->value_len;
    memcpy(told->value, completion->item->value, told->value_len);
  }
}

/* Wait and process, as a program does, until nothing is left. */
static void drive(mc_loop *loop) {
  while (mc_loop_pending(loop) > 0) {
    int64_t us = mc_loop_timeout_us(loop);
    struct pollfd waited = {.fd = mc_loop_fd(loop), .events = POLLIN, .revents = 0};
    poll(&waited, 1, us < 0 ? -1 : (int)((us + 999) / 1000));
    if (!CHECK_STATUS(mc_loop_process(loop), MC_OK)) return;
  }
}

static mc_command command(uint32_t op, const char *key, const char *value) {
  mc_command made = MC_COMMAND_INIT(op);
  made.key = key;
  made.key_len = MC_CSTR;
  made.value = value;
  made.value_len = value == NULL ? 0 : MC_CSTR;
  return made;
}

static void callbacks(mc_loop *loop) {
  struct told set = {0}, got = {0}, missed = {0};
  char key[] = "loop:a", value[] = "one";
  mc_command commands[] = {command(MC_OP_SET, key, value), command(MC_OP_GET, "loop:a", NULL),
                           command(MC_OP_GET, "loop:none", NULL)};
  struct told *users[] = {&set, &got, &missed};
  uint64_t ids[3] = {0};
  for (int i = 0; i < 3; ++i)
    CHECK_STATUS(mc_loop_submit(loop, &commands[i], &ids[i], note, users[i]), MC_OK);
  /* Key and value are the loop's now. */
  memset(key, 'x', sizeof key - 1);
  memset(value, 'x', sizeof value - 1);
  CHECK_NUMBER(mc_loop_pending(loop), 3);
  CHECK_NUMBER(set.count, 0);
  drive(loop);
  CHECK_NUMBER(set.count + got.count + missed.count, 3);
  CHECK_NUMBER(set.status, MC_OK);
  CHECK_BYTES(got.value, got.value_len, "one", 3);
  CHECK_NUMBER(missed.status, MC_NO_VALUE);
  CHECK(ids[0] != ids[1] && set.id == ids[0] && got.id == ids[1] && missed.id == ids[2]);
  CHECK_STATUS(mc_loop_cancel(loop, ids[0]), MC_NOT_FOUND);
}

static void without_callbacks(mc_loop *loop) {
  const mc_completion *completion;
  mc_command commands[3] = {command(MC_OP_SET, "loop:b", "two"), command(MC_OP_INCR, "loop:none", NULL),
                            command(MC_OP_GET, "loop:b", NULL)};
  uint64_t lone, batch;
  int user;
  CHECK_STATUS(mc_loop_next(loop, &completion), MC_WOULD_BLOCK);
  CHECK(completion == NULL);
  CHECK_STATUS(mc_loop_submit_multi(loop, commands, 3, NULL, &batch, NULL, &user), MC_OK);
  CHECK_STATUS(mc_loop_submit(loop, &commands[2], &lone, NULL, &user), MC_OK);
  while (mc_loop_pending(loop) > 0) {
    CHECK_STATUS(mc_loop_run(loop, -1), MC_OK);
    while (mc_loop_next(loop, &completion) == MC_OK) {
      CHECK(completion->user == &user);
      if (completion->id == lone) {
        CHECK_NUMBER(completion->status, MC_OK);
        CHECK_TEXT(completion->item->value, completion->item->value_len, "two");
        continue;
      }
      CHECK_NUMBER(completion->id, batch);
      CHECK(completion->item == NULL);
      mc_results *results = completion->results;
      CHECK_NUMBER(mc_results_count(results), 3);
      CHECK_NUMBER(mc_results_item(results, 1)->status, MC_NOT_FOUND);
      const mc_item *item = mc_results_item(results, 2);
      CHECK_TEXT(item->key, item->key_len, "loop:b");
      CHECK_TEXT(item->value, item->value_len, "two");
      mc_results_free(results);
    }
  }
}

/* Large enough to be read straight to their places, among small ones. */
static void values(mc_loop *loop) {
  enum { SIZE = 300000, COUNT = 50 };
  static char large[SIZE];
  mc_command commands[COUNT];
  char keys[COUNT][16];
  const mc_completion *completion;
  for (size_t i = 0; i < SIZE; ++i) large[i] = (char)(i * 2654435761u >> 16);
  for (int round = 0; round < 2; ++round) {
    for (size_t i = 0; i < COUNT; ++i) {
      snprintf(keys[i], sizeof keys[i], "loop:%zu", i);
      commands[i] = command(round == 0 ? MC_OP_SET : MC_OP_GET, keys[i], NULL);
      commands[i].value = round == 0 ? large : NULL;
      commands[i].value_len = round == 0 ? (i % 5 == 0 ? SIZE : i) : 0;
    }
    CHECK_STATUS(mc_loop_submit_multi(loop, commands, COUNT, NULL, NULL, NULL, NULL), MC_OK);
    CHECK_STATUS(mc_loop_run(loop, -1), MC_OK);
    if (!CHECK_STATUS(mc_loop_next(loop, &completion), MC_OK)) return;
    CHECK_NUMBER(completion->status, MC_OK);
    for (size_t i = 0; round == 1 && i < COUNT; ++i) {
      const mc_item *item = mc_results_item(completion->results, i);
      CHECK_BYTES(item->value, item->value_len, large, i % 5 == 0 ? SIZE : i);
    }
    mc_results_free(completion->results);
  }
}

static void refused(mc_client *client, mc_loop *loop) {
  struct told told = {0};
  mc_loop *none = loop;
  mc_command get = command(MC_OP_GET, "loop:a", NULL), bad = command(MC_OP_GET, "no key", NULL);
  uint64_t id = 7;
  const mc_completion *completion = (const mc_completion *)loop;
  REFUSED(mc_loop_new(NULL, &none));
  CHECK(none == NULL);
  REFUSED(mc_loop_new(client, NULL));
  REFUSED(mc_loop_new((mc_client *)loop, &none));
  REFUSED(mc_loop_submit(NULL, &get, &id, note, &told));
  CHECK_NUMBER(id, 0);
  REFUSED(mc_loop_submit(loop, NULL, &id, note, &told));
  CHECK_STATUS(mc_loop_submit(loop, &bad, &id, note, &told), MC_ILLEGAL_INPUT);
  get.size = 1;
  REFUSED(mc_loop_submit(loop, &get, NULL, note, &told));
  get.size = sizeof get;
  get.op = MC_OP_STATS;
  REFUSED(mc_loop_submit(loop, &get, NULL, note, &told));
  REFUSED(mc_loop_submit_multi(loop, NULL, 3, NULL, &id, note, &told));
  REFUSED(mc_loop_next(loop, NULL));
  REFUSED(mc_loop_next(NULL, &completion));
  CHECK(completion == NULL);
  REFUSED(mc_loop_process(NULL));
  REFUSED(mc_loop_run((mc_loop *)client, 1));
  REFUSED(mc_loop_cancel(NULL, 1));
  REFUSED(mc_loop_wake(NULL));
  CHECK(mc_loop_fd(NULL) == -1 && mc_loop_timeout_us(NULL) == -1 && mc_loop_pending(NULL) == 0);
  CHECK_STATUS(mc_loop_cancel(loop, 12345), MC_NOT_FOUND);
  CHECK_NUMBER(mc_loop_pending(loop), 0);
  CHECK_STATUS(mc_loop_process(loop), MC_OK);
  CHECK_NUMBER(told.count, 0);
}

static void freed(mc_client *client) {
  mc_loop *loop;
  struct told told = {0};
  mc_command set = command(MC_OP_SET, "loop:c", "three");
  mc_loop_free(NULL);
  mc_loop_free((mc_loop *)client);
  if (!CHECK_STATUS(mc_loop_new(client, &loop), MC_OK)) return;
  for (int i = 0; i < 10; ++i) CHECK_STATUS(mc_loop_submit(loop, &set, NULL, note, &told), MC_OK);
  CHECK_STATUS(mc_loop_submit_multi(loop, &set, 1, NULL, NULL, NULL, NULL), MC_OK);
  mc_loop_free(loop);
  CHECK_NUMBER(told.count, 10);
  CHECK_NUMBER(told.status, MC_CANCELLED);
  REFUSED(mc_loop_process(loop));
  mc_loop_free(loop);
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv), *memory;
  if (mc_new("memory://", &memory) != MC_OK) check_give_up("memory");
  mc_client *clients[] = {client, memory};
  for (size_t i = 0; i < 2; ++i) {
    mc_loop *loop;
    if (mc_loop_new(clients[i], &loop) != MC_OK) check_give_up("loop");
    callbacks(loop);
    without_callbacks(loop);
    values(loop);
    refused(clients[i], loop);
    CHECK_STATUS(mc_loop_wake(loop), MC_OK);
    freed(clients[i]);
    mc_free(clients[i]);
    callbacks(loop);
    mc_loop_free(loop);
  }
  return check_end();
}
