/* Clients that ask more than one server for a key, or tell errors as misses; the others are servers in memory. */
#include "check.h"

static mc_client *of(const char *servers) {
  mc_client *client = NULL;
  if (mc_new(servers, &client) != MC_OK) check_give_up(servers);
  return client;
}

/* Nobody listens there. */
#define NOBODY "memcached+unix:///nonexistent/memcached.sock"

static int heard, heard_status;

static void hear(void *user, const mc_event *event) {
  CHECK(user == &heard);
  if (event->what != MC_EVENT_ERROR_AS_MISS) return;
  ++heard;
  heard_status = event->status;
  CHECK(strlen(event->text) > 0 && event->server != NULL);
}

static void errors_are_misses(void) {
  mc_client *client = NULL;
  mc_item *item = (mc_item *)(void *)&client;
  mc_options *options = mc_options_new();
  uint64_t number = 7;
  CHECK_STATUS(mc_options_add_server(options, NOBODY, 0), MC_OK);
  CHECK_STATUS(mc_options_set(options, "errors_as_misses", "on"), MC_OK);
  CHECK_STATUS(mc_options_set_observer(options, hear, &heard, NULL), MC_OK);
  CHECK_STATUS(mc_new_with(options, &client), MC_OK);
  CHECK_STATUS(mc_get(client, "k", 1, &item), MC_NO_VALUE);
  CHECK(item == NULL);
  CHECK_STATUS(mc_last_error_status(), MC_CONNECT_FAILED);
  CHECK_NUMBER(mc_last_error_errno() != 0, 1);
  CHECK(strstr(mc_last_error_server(), "nonexistent") != NULL);
  CHECK_STATUS(mc_exists(client, "k", 1), MC_NO_VALUE);
  CHECK_STATUS(mc_set(client, "k", 1, "v", 1, 0, 0), MC_NOT_STORED);
  CHECK_NUMBER(mc_last_error_effect(), MC_EFFECT_NOT_APPLIED);
  CHECK_STATUS(mc_delete(client, "k", 1), MC_NOT_FOUND);
  CHECK_STATUS(mc_incr_initial(client, "k", 1, 1, 5, 0, &number), MC_NOT_FOUND);
  CHECK_NUMBER(number, 0);
  CHECK_NUMBER(heard, 5);
  CHECK(mc_status_is(heard_status, MC_CLASS_CONNECTION));
  /* The item has the cause. */
  mc_command get = MC_COMMAND_INIT(MC_OP_GET);
  get.key = "k";
  get.key_len = MC_CSTR;
  item = mc_item_new();
  CHECK_STATUS(mc_execute_into(client, &get, item), MC_NO_VALUE);
  CHECK_STATUS(item->status, MC_NO_VALUE);
  CHECK(item->text != NULL && strlen(item->text) > 0 && item->value == NULL);
  mc_item_free(item);
  char buffer[4];
  size_t length = 9;
  CHECK_STATUS(mc_get_into(client, "k", 1, buffer, sizeof buffer, &length, NULL), MC_NO_VALUE);
  CHECK_NUMBER(length, 0);
  /* Results too: texts are theirs, and freed with them. */
  mc_results *results = NULL;
  const char *keys[] = {"a", "b"};
  CHECK_STATUS(mc_get_multi(client, keys, NULL, 2, &results), MC_OK);
  CHECK_NUMBER(mc_results_failed(results), 0);
  CHECK_STATUS(mc_results_item(results, 1)->status, MC_NO_VALUE);
  CHECK(strlen(mc_results_item(results, 1)->text) > 0);
  mc_results_free(results);
  /* A mistake stays one. */
  CHECK_STATUS(mc_get(client, "no key", MC_CSTR, &item), MC_ILLEGAL_INPUT);
  CHECK_STATUS(mc_set(client, "k", 1, "v", 1, -5, 0), MC_INVALID_ARGUMENT);
  mc_free(client);
  mc_options_free(options);
}

static void an_old_cluster_is_read(mc_client *client) {
  mc_client *old = of("memory://policies-old"), *both = NULL, *view = NULL;
  CHECK_STATUS(mc_client_with_fallback(NULL, old, &both), MC_INVALID_ARGUMENT);
  CHECK(both == NULL);
  CHECK_STATUS(mc_client_with_fallback(client, NULL, &both), MC_INVALID_ARGUMENT);
  CHECK_STATUS(mc_client_with_fallback(client, old, NULL), MC_INVALID_ARGUMENT);
  if (!CHECK_STATUS(mc_client_with_fallback(client, old, &both), MC_OK)) return;
  CHECK_STATUS(check_store(old, "moving", "old"), MC_OK);
  CHECK_VALUE(both, "moving", "old");
  CHECK_MISS(both, "neither");
  CHECK_STATUS(mc_exists(both, "moving", MC_CSTR), MC_OK);
  CHECK_STATUS(mc_exists(both, "neither", MC_CSTR), MC_NO_VALUE);
  mc_item *item = NULL;
  if (CHECK_STATUS(mc_gets(both, "moving", MC_CSTR, &item), MC_OK)) {
    CHECK_NUMBER(item->have & MC_HAVE_CAS, 0);
    CHECK_TEXT(item->value, item->value_len, "old");
    CHECK(strstr(item->server, "policies-old") != NULL);
  }
  mc_item_free(item);
  char buffer[8];
  size_t length;
  CHECK_STATUS(mc_get_into(both, "moving", MC_CSTR, buffer, sizeof buffer, &length, NULL), MC_OK);
  CHECK_BYTES(buffer, length, "old", 3);
  CHECK_STATUS(mc_get_into(both, "moving", MC_CSTR, buffer, 1, &length, NULL), MC_BUFFER_TOO_SMALL);
  CHECK_NUMBER(length, 3);
  CHECK_STATUS(mc_add(both, "moving", MC_CSTR, "new", 3, 0, 0), MC_OK);
  CHECK_VALUE(both, "moving", "new");
  CHECK_VALUE(old, "moving", "old");
  CHECK_STATUS(mc_delete(both, "moving", MC_CSTR), MC_OK);
  CHECK_MISS(both, "moving");
  CHECK_MISS(old, "moving");
  CHECK_STATUS(check_store(old, "later", "1"), MC_OK);
  mc_loop *loop = (mc_loop *)(void *)&length;
  CHECK_STATUS(mc_loop_new(both, &loop), MC_UNSUPPORTED);
  CHECK(loop == NULL);
  /* A view keeps both, whoever is freed first. */
  CHECK_STATUS(mc_client_with(both, "timeout=5s", &view), MC_OK);
  mc_free(both);
  mc_free(old);
  CHECK_VALUE(view, "later", "1");
  mc_free(view);
}

static void all_servers_hold_the_same(void) {
  mc_client *all = of("memory://policies-a?replicate=all,memory://policies-b"), *one = NULL;
  mc_results *results = NULL;
  const char *keys[] = {"k", "none"};
  one = of("memory://policies-b");
  CHECK_STATUS(check_store(all, "k", "1"), MC_OK);
  CHECK_VALUE(one, "k", "1");
  uint64_t number = 0;
  CHECK_STATUS(mc_incr(all, "k", 1, 6, &number), MC_OK);
  CHECK_NUMBER(number, 7);
  CHECK_VALUE(one, "k", "7");
  CHECK_STATUS(mc_cas(all, "k", 1, "8", 1, 0, 0, 1), MC_UNSUPPORTED);
  CHECK_STATUS(mc_incr_initial(all, "made", MC_CSTR, 1, 5, 0, &number), MC_OK);
  CHECK_NUMBER(number, 5);
  CHECK_VALUE(one, "made", "5");
  CHECK_STATUS(mc_get_multi(all, keys, NULL, 2, &results), MC_OK);
  CHECK_STATUS(mc_results_item(results, 0)->status, MC_OK);
  CHECK_STATUS(mc_results_item(results, 1)->status, MC_NO_VALUE);
  mc_results_free(results);
  mc_free(all);
  /* One of them is dead. */
  all = of("memory://policies-b?replicate=all," NOBODY);
  CHECK_VALUE(all, "k", "7");
  CHECK_STATUS(check_store(all, "k", "8"), MC_CONNECT_FAILED);
  CHECK_NUMBER(mc_last_error_effect(), MC_EFFECT_APPLIED);
  CHECK_VALUE(one, "k", "8");
  mc_free(all);
  all = of(NOBODY "?replicate=any,memory://policies-b");
  CHECK_STATUS(check_store(all, "k", "9"), MC_OK);
  CHECK_VALUE(all, "k", "9");
  mc_free(all);
  mc_free(one);
}

static void others_stand_in(void) {
  mc_client *client = of(NOBODY "?failover=gutter,memory://policies-g?gutter=on&clock=manual");
  mc_client *view = NULL;
  CHECK_STATUS(check_store(client, "k", "1"), MC_OK);
  CHECK_VALUE(client, "k", "1");
  CHECK_STATUS(mc_memory_advance(client, 11), MC_OK);
  CHECK_MISS(client, "k");
  CHECK_STATUS(mc_client_with(client, "failover=miss", &view), MC_OK);
  CHECK_MISS(view, "k");
  CHECK(mc_status_is(mc_last_error_status(), MC_CLASS_CONNECTION));
  CHECK_STATUS(check_store(view, "k", "1"), MC_NOT_STORED);
  mc_free(view);
  CHECK_STATUS(mc_client_with(client, "failover=error", &view), MC_OK);
  CHECK(mc_status_is(check_store(view, "k", "1"), MC_CLASS_CONNECTION));
  mc_free(view);
  mc_free(client);
  client = of(NOBODY "?failover=next,memory://policies-n");
  CHECK_STATUS(check_store(client, "a", "1"), MC_OK);
  CHECK_STATUS(check_store(client, "b", "2"), MC_OK);
  CHECK_VALUE(client, "a", "1");
  CHECK_VALUE(client, "b", "2");
  mc_free(client);
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  errors_are_misses();
  an_old_cluster_is_read(client);
  all_servers_hold_the_same();
  others_stand_in();
  mc_free(client);
  return check_end();
}
