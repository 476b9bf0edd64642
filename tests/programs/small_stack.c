/* FM-117: calls on threads whose stack is 64 KiB in all: `small_stack SERVER-URI`. Prints how much of
 * it each call took beyond what a thread takes that does nothing. */
#define _GNU_SOURCE
#include "../c/check.h"
#include <pthread.h>
#include <sys/mman.h>

enum { STACK = 64 * 1024, MANY = 100, LARGE = 300000 };

static mc_client *client, *nowhere, *hurried;
static char keys[MANY][32];
static const char *key_list[MANY];
static char large[LARGE];

static void *nothing(void *argument) { return argument; }

static void *get(void *argument) {
  mc_item *item = NULL;
  CHECK_STATUS(mc_get(client, keys[0], MC_CSTR, &item), MC_OK);
  mc_item_free(item);
  CHECK_STATUS(mc_get(client, "absent", MC_CSTR, &item), MC_NO_VALUE);
  return argument;
}

static void *get_large(void *argument) {
  mc_item *item = NULL;
  if (CHECK_STATUS(mc_get(client, "large", MC_CSTR, &item), MC_OK)) CHECK_NUMBER(item->value_len, LARGE);
  mc_item_free(item);
  return argument;
}

static void *set(void *argument) {
  CHECK_STATUS(check_store(client, keys[1], "value"), MC_OK);
  return argument;
}

static void *set_large(void *argument) {
  CHECK_STATUS(mc_set(client, "large", MC_CSTR, large, LARGE, 0, 0), MC_OK);
  return argument;
}

static void *set_multi(void *argument) {
  const void *values[MANY];
  size_t lengths[MANY];
  mc_results *results;
  for (size_t i = 0; i < MANY; ++i) values[i] = large, lengths[i] = i * 30;
  CHECK_STATUS(mc_set_multi(client, key_list, NULL, values, lengths, MANY, 0, 0, &results), MC_OK);
  mc_results_free(results);
  return argument;
}

static void *get_multi(void *argument) {
  mc_results *results;
  CHECK_STATUS(mc_get_multi(client, key_list, NULL, MANY, &results), MC_OK);
  CHECK_NUMBER(mc_results_failed(results), 0);
  mc_results_free(results);
  return argument;
}

static void *execute(void *argument) {
  mc_item *item = mc_item_new();
  mc_command command = MC_COMMAND_INIT(MC_OP_INCR);
  command.key = "number";
  command.key_len = MC_CSTR;
  CHECK_STATUS(check_store(client, "number", "1"), MC_OK);
  CHECK_STATUS(mc_execute_into(client, &command, item), MC_OK);
  CHECK_NUMBER(item->number, 2);
  mc_item_free(item);
  return argument;
}

static void *fail(void *argument) {
  mc_item *item;
  mc_results *results;
  CHECK_STATUS(mc_get(nowhere, "key", MC_CSTR, &item), MC_CONNECT_FAILED);
  CHECK_STATUS(mc_get_multi(nowhere, key_list, NULL, MANY, &results), MC_PARTIAL);
  mc_results_free(results);
  mc_status status = mc_get(hurried, "key", MC_CSTR, &item); /* the answer may be there at once */
  CHECK(status == MC_TIMEOUT || status == MC_NO_VALUE);
  CHECK_STATUS(mc_get(client, "no legal key", MC_CSTR, &item), MC_ILLEGAL_INPUT);
  return argument;
}

static void *make_client(void *argument) {
  mc_client *made;
  CHECK_STATUS(mc_new(argument, &made), MC_OK);
  CHECK_STATUS(check_store(made, keys[2], "value"), MC_OK);
  mc_free(made);
  return argument;
}

/* How deep a thread that runs `work` went into its stack. */
static size_t depth(void *(*work)(void *), void *argument) {
  pthread_attr_t attributes;
  pthread_t thread;
  unsigned char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stack == MAP_FAILED) check_give_up("mmap");
  memset(stack, 0xa5, STACK);
  pthread_attr_init(&attributes);
  if (pthread_attr_setstack(&attributes, stack, STACK) != 0 || pthread_create(&thread, &attributes, work, argument) != 0)
    check_give_up("a thread");
  pthread_join(thread, NULL);
  size_t untouched = 0;
  while (untouched < STACK && stack[untouched] == 0xa5) ++untouched;
  munmap(stack, STACK);
  return STACK - untouched;
}

int main(int argc, char **argv) {
  client = check_begin(argc, argv);
  if (mc_new("memcached+unix:///nonexistent/socket", &nowhere) != MC_OK) check_give_up("a client");
  if (mc_client_with(client, "timeout=1us", &hurried) != MC_OK) check_give_up("a view");
  for (int i = 0; i < MANY; ++i) sprintf(keys[i], "stack:%d", i), key_list[i] = keys[i];
  CHECK_STATUS(check_store(client, keys[0], "value"), MC_OK);
  const struct {
    const char *name;
    void *(*work)(void *);
  } all[] = {{"set", set},           {"get", get},         {"large set", set_large}, {"large get", get_large},
             {"set_multi", set_multi}, {"get_multi", get_multi}, {"execute", execute},     {"failures", fail},
             {"mc_new", make_client}};
  size_t empty = depth(nothing, NULL);
  printf("of %d bytes, an idle thread takes %zu, and beyond that", STACK, empty);
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i) {
    if (i % 2) CHECK_STATUS(mc_close(client), MC_OK); /* connects anew */
    size_t deep = depth(all[i].work, argv[1]);
    CHECK(deep < STACK - 4096);
    printf("%s %s %zu", i ? "," : "", all[i].name, deep - empty);
  }
  puts("");
  mc_free(hurried);
  mc_free(nowhere);
  mc_free(client);
  return check_end();
}
