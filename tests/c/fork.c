/* fork: a client that has connections works on in parent and child, and neither ever reads what the
 * other asked for. `fork SERVER-URI [GETS]`: how many gets each process does (2000).
 *
 * Under valgrind this needs --leak-check=no: a child leaves alone what other threads of its parent
 * may have been changing at the moment of the fork, and so never frees it. */
#include "named.h"
#include <pthread.h>
#include <sys/wait.h>

enum { KEYS = 64, THREADS = 8 };

static unsigned long gets_each;

static void store_keys(mc_client *client) {
  char key[32], value[NAMED_ROOM];
  for (unsigned i = 0; i < KEYS; ++i) {
    sprintf(key, "fork:%u", i);
    size_t length = named_value(value, key, i * 37);
    CHECK_STATUS(mc_set(client, key, MC_CSTR, value, length, 0, 0), MC_OK);
  }
}

/* Every get must hit: nothing is deleted here, so a miss is a wrong answer too. */
static void read_keys(mc_client *client, unsigned long count, uint32_t random) {
  char key[32];
  mc_item *item = mc_item_new();
  for (unsigned long i = 0; i < count; ++i) {
    sprintf(key, "fork:%u", named_next(&random) % KEYS);
    if (!CHECK_STATUS(mc_get_reuse(client, key, MC_CSTR, item), MC_OK)) continue;
    CHECK(named_item(key, item));
  }
  mc_item_free(item);
}

static void read_in_batches(mc_client *client, unsigned long count, uint32_t random) {
  char text[10][32];
  const char *keys[10];
  for (unsigned long done = 0; done < count; done += 10) {
    mc_results *results;
    for (int i = 0; i < 10; ++i) sprintf(text[i], "fork:%u", named_next(&random) % KEYS), keys[i] = text[i];
    if (CHECK_STATUS(mc_get_multi(client, keys, NULL, 10, &results), MC_OK))
      for (size_t i = 0; i < 10; ++i)
        CHECK(mc_results_item(results, i)->status == MC_OK && named_item(keys[i], mc_results_item(results, i)));
    mc_results_free(results);
  }
}

static pid_t fork_or_give_up(void) {
  pid_t child = fork();
  if (child < 0) check_give_up("fork");
  if (child == 0) {
    alarm(CHECK_SECONDS); /* is not inherited */
    atomic_store(&check_failures, 0);
  }
  return child;
}

static _Noreturn void end_child(void) { _exit(check_end()); }

static void wait_for(pid_t child) {
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  if (!CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0)) fprintf(stderr, "  child ended with 0x%x\n", status);
}

static void idle(mc_client *client) {
  read_keys(client, 10, 1); /* warm */
  pid_t child = fork_or_give_up();
  read_keys(client, gets_each, child ? 11 : 22);
  read_in_batches(client, gets_each / 4, child ? 33 : 44);
  if (child == 0) {
    mc_free(client); /* must not say goodbye on the parent's connections */
    end_child();
  }
  wait_for(child);
  read_keys(client, 100, 55);
}

/* The parent is not held up by a child that goes on for long, nor by one that has gone. */
static void generations(mc_client *client) {
  read_keys(client, 10, 1);
  pid_t child = fork_or_give_up();
  if (child == 0) {
    read_keys(client, gets_each / 4, 66);
    pid_t grandchild = fork_or_give_up();
    read_keys(client, gets_each / 4, grandchild ? 77 : 88);
    if (grandchild) wait_for(grandchild);
    end_child();
  }
  read_keys(client, gets_each / 4, 99);
  wait_for(child);
  read_keys(client, gets_each / 4, 111);
}

/* Replies owed at the moment of the fork are the parent's. */
static void owed_replies(mc_client *client) {
  mc_item *item = mc_item_new();
  mc_command add = MC_COMMAND_INIT(MC_OP_ADD);
  add.options = MC_NOREPLY;
  add.key = "fork:1";
  add.key_len = MC_CSTR;
  uint64_t failed = 0;
  CHECK_STATUS(mc_sync(client, 10000000, &failed), MC_OK);
  for (int i = 0; i < 20; ++i) CHECK_STATUS(mc_execute_into(client, &add, item), MC_OK);
  pid_t child = fork_or_give_up();
  read_keys(client, 200, child ? 121 : 131);
  if (child == 0) end_child();
  wait_for(child);
  CHECK_STATUS(mc_sync(client, 10000000, &failed), MC_OK);
  CHECK_NUMBER(failed, 20);
  mc_item_free(item);
}

struct worker {
  pthread_t thread;
  mc_client *client;
  uint32_t random;
};

static atomic_int go_on;

static void *work(void *argument) {
  struct worker *self = argument;
  unsigned long done = 0;
  while (atomic_load(&go_on) || done < gets_each / THREADS) {
    read_keys(self->client, 20, self->random++);
    read_in_batches(self->client, 20, self->random++);
    done += 40;
  }
  return NULL;
}

/* Forks while other threads are in the middle of their commands, several times. */
static void with_threads_running(mc_client *client) {
  struct worker workers[THREADS];
  atomic_store(&go_on, 1);
  for (uint32_t i = 0; i < THREADS; ++i) {
    workers[i].client = client;
    workers[i].random = 1000000 * (i + 1);
    if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) check_give_up("a thread");
  }
  for (uint32_t round = 0; round < 8; ++round) {
    pid_t child = fork_or_give_up();
    if (child == 0) {
      read_keys(client, gets_each / 8, 141 + round);
      read_in_batches(client, gets_each / 8, 151 + round);
      end_child();
    }
    read_keys(client, 50, 161 + round);
    wait_for(child);
  }
  atomic_store(&go_on, 0);
  for (size_t i = 0; i < THREADS; ++i) pthread_join(workers[i].thread, NULL);
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  gets_each = named_count(argc > 2 ? argv[2] : NULL, 2000);
  store_keys(client);
  idle(client);
  generations(client);
  owed_replies(client);
  with_threads_running(client);
  mc_free(client);
  return check_end();
}
