/* Calls that are wrong: each is told so, and none brings the process down. */
#include "check.h"

#define REFUSED(call) CHECK_STATUS((call), MC_INVALID_ARGUMENT)

/* An output that must be NULL afterwards. */
#define REFUSED_OUT(out, call)                                                                     \
  do {                                                                                             \
    (out) = (void *)&(out);                                                                        \
    REFUSED(call);                                                                                 \
    CHECK((out) == NULL);                                                                          \
  } while (0)

static void reads(mc_client *client, int null_key) {
  const char *key = null_key ? NULL : "k";
  mc_item *item, *own = mc_item_new();
  char buffer[8];
  size_t length = 7;
  uint32_t flags = 7;
  REFUSED_OUT(item, mc_get(client, key, 1, &item));
  REFUSED_OUT(item, mc_gets(client, key, 1, &item));
  REFUSED_OUT(item, mc_gat(client, key, 1, 10, &item));
  REFUSED_OUT(item, mc_gats(client, key, 1, 10, &item));
  REFUSED(mc_get_reuse(client, key, 1, own));
  CHECK_NUMBER(own->status, MC_INVALID_ARGUMENT);
  REFUSED(mc_get_into(client, key, 1, buffer, sizeof buffer, &length, &flags));
  CHECK(length == 0 && flags == 0);
  mc_item_free(own);
}

static void writes(mc_client *client, int null_key) {
  const char *key = null_key ? NULL : "k";
  uint64_t number = 7;
  REFUSED(mc_set(client, key, 1, "x", 1, 0, 0));
  REFUSED(mc_add(client, key, 1, "x", 1, 0, 0));
  REFUSED(mc_replace(client, key, 1, "x", 1, 0, 0));
  REFUSED(mc_append(client, key, 1, "x", 1));
  REFUSED(mc_prepend(client, key, 1, "x", 1));
  REFUSED(mc_cas(client, key, 1, "x", 1, 0, 0, 1));
  REFUSED(mc_delete(client, key, 1));
  REFUSED(mc_touch(client, key, 1, 10));
  REFUSED(mc_incr(client, key, 1, 1, &number));
  CHECK_NUMBER(number, 0);
  number = 7;
  REFUSED(mc_decr(client, key, 1, 1, &number));
  CHECK_NUMBER(number, 0);
}

static void commands(mc_client *client, const mc_command *command) {
  mc_item *item, *own = mc_item_new();
  mc_results *results;
  REFUSED_OUT(item, mc_execute(client, command, &item));
  REFUSED(mc_execute_into(client, command, own));
  CHECK_NUMBER(own->status, MC_INVALID_ARGUMENT);
  REFUSED(mc_execute_kv(client, command, "k", 1, "x", 1, own));
  CHECK_NUMBER(own->status, MC_INVALID_ARGUMENT);
  REFUSED_OUT(results, mc_execute_multi(client, command, 1, NULL, &results));
  mc_item_free(own);
}

static void batches(mc_client *client, int no_arrays) {
  const char *const *keys = no_arrays ? NULL : (const char *const[]){"k"};
  const void *const *values = (const void *const[]){"x"};
  const char *packed = no_arrays ? NULL : "k";
  static const size_t one[] = {1};
  mc_results *results;
  REFUSED_OUT(results, mc_get_multi(client, keys, NULL, 1, &results));
  REFUSED_OUT(results, mc_gets_multi(client, keys, NULL, 1, &results));
  REFUSED_OUT(results, mc_delete_multi(client, keys, NULL, 1, &results));
  REFUSED_OUT(results, mc_touch_multi(client, keys, NULL, 1, 10, &results));
  REFUSED_OUT(results, mc_set_multi(client, keys, NULL, values, NULL, 1, 0, 0, &results));
  REFUSED_OUT(results, mc_get_multi_packed(client, packed, one, 1, NULL, &results));
  REFUSED_OUT(results, mc_delete_multi_packed(client, packed, one, 1, NULL, &results));
  REFUSED_OUT(results, mc_set_multi_packed(client, packed, one, "x", one, 1, 0, 0, NULL, &results));
  REFUSED(mc_set_multi(client, keys, NULL, values, NULL, 1, 0, 0, NULL));
}

static void servers(mc_client *client) {
  char text[64] = "#";
  size_t needed = 7;
  uint64_t failed = 7;
  mc_client *view;
  mc_results *results;
  mc_stats_list *list;
  REFUSED(mc_close(client));
  REFUSED(mc_sync(client, 1000, &failed));
  CHECK_NUMBER(failed, 0);
  REFUSED_OUT(view, mc_client_with(client, "timeout=1s", &view));
  REFUSED(mc_add_server(client, "127.0.0.1"));
  REFUSED(mc_remove_server(client, "127.0.0.1"));
  REFUSED(mc_set_servers(client, "127.0.0.1"));
  REFUSED(mc_servers(client, text, sizeof text, &needed));
  CHECK(needed == 0 && text[0] == '\0');
  needed = 7, text[0] = '#';
  REFUSED(mc_server_for_key(client, "k", 1, text, sizeof text, &needed));
  CHECK(needed == 0 && text[0] == '\0');
  REFUSED_OUT(results, mc_flush_all(client, 0, &results));
  REFUSED_OUT(results, mc_server_versions(client, &results));
  REFUSED_OUT(results, mc_ping(client, &results));
  REFUSED_OUT(results, mc_verbosity(client, 0, &results));
  REFUSED_OUT(results, mc_cache_memlimit(client, 64, &results));
  REFUSED_OUT(results, mc_delete_all(client, "k", 1, &results));
  REFUSED(mc_flush_all(client, 0, NULL));
  REFUSED(mc_delete_all(client, "k", 1, NULL));
  REFUSED_OUT(list, mc_stats_get(client, "items", MC_CSTR, &list));
  REFUSED_OUT(list, mc_stats_settings(client, &list));
  REFUSED_OUT(list, mc_stats_items(client, &list));
  REFUSED_OUT(list, mc_stats_slabs(client, &list));
  REFUSED_OUT(list, mc_stats_sizes(client, &list));
}

/* Every function with something that is no client, in its place. */
static void no_client(mc_client *client) {
  mc_command get = MC_COMMAND_INIT(MC_OP_GET);
  get.key = "k";
  get.key_len = 1;
  reads(client, 0);
  writes(client, 0);
  commands(client, &get);
  batches(client, 0);
  servers(client);
}

static void no_options(mc_options *options) {
  char text[64] = "#";
  size_t needed = 7;
  mc_client *client;
  REFUSED(mc_options_set(options, "timeout", "1s"));
  REFUSED(mc_options_get(options, "timeout", text, sizeof text, &needed));
  CHECK(needed == 0 && text[0] == '\0');
  REFUSED(mc_options_add_server(options, "127.0.0.1", 1));
  REFUSED_OUT(client, mc_new_with(options, &client));
}

static void no_results(const mc_results *results) {
  size_t count = 7, stride = 7;
  CHECK_NUMBER(mc_results_count(results), 0);
  CHECK_NUMBER(mc_results_failed(results), 0);
  CHECK(mc_results_item(results, 0) == NULL);
  CHECK(mc_results_items(results, &count, &stride) == NULL);
  CHECK_NUMBER(count, 0);
}

static void no_stats(const mc_stats_list *list) {
  size_t count = 7, stride = 7;
  CHECK_NUMBER(mc_stats_servers(list), 0);
  CHECK_NUMBER(mc_stats_count(list, 0), 0);
  CHECK(mc_stats_server(list, 0) == NULL);
  CHECK(mc_stats_entry(list, 0, 0) == NULL);
  CHECK(mc_stats_find(list, 0, "pid", MC_CSTR) == NULL);
  CHECK(mc_stats_entries(list, 0, &count, &stride) == NULL);
  CHECK_NUMBER(count, 0);
}

static void null_arguments_of_servers(mc_client *client) {
  mc_results *results;
  mc_stats_list *list;
  REFUSED(mc_server_versions(client, NULL));
  REFUSED(mc_ping(client, NULL));
  REFUSED_OUT(results, mc_delete_all(client, NULL, 1, &results));
  REFUSED_OUT(results, mc_delete_all(client, NULL, MC_CSTR, &results));
  REFUSED_OUT(results, mc_delete_all(client, "k", (size_t)-2, &results));
  REFUSED_OUT(results, mc_flush_all(client, -1, &results));
  REFUSED_OUT(results, mc_cache_memlimit(client, UINT64_MAX, &results));
  REFUSED(mc_stats_get(client, "items", MC_CSTR, NULL));
  REFUSED_OUT(list, mc_stats_get(client, NULL, 1, &list));
  REFUSED_OUT(list, mc_stats_get(client, NULL, MC_CSTR, &list));
  REFUSED_OUT(list, mc_stats_get(client, "items", (size_t)-2, &list));
  REFUSED(mc_stats_settings(client, NULL));
  REFUSED(mc_stats_items(client, NULL));
  REFUSED(mc_stats_slabs(client, NULL));
  REFUSED(mc_stats_sizes(client, NULL));
  if (!CHECK_STATUS(mc_stats_settings(client, &list), MC_OK)) return;
  CHECK(mc_stats_find(list, 0, NULL, 1) == NULL && mc_stats_find(list, 0, NULL, 0) == NULL);
  CHECK(mc_stats_entries(list, 0, NULL, NULL) != NULL);
  no_results((const mc_results *)(const void *)list);
  no_stats((const mc_stats_list *)(const void *)client);
  mc_results_free((mc_results *)(void *)list);
  CHECK_NUMBER(mc_stats_servers(list), 1);
  mc_stats_list_free(list);
  no_stats(list);
  mc_stats_list_free(list);
}

/* NULL for each other pointer in turn, the client being one. */
static void null_arguments(mc_client *client) {
  static const size_t one[] = {1};
  static const char *const keys[] = {"k"}, *const null_key[] = {NULL};
  static const void *const values[] = {"x"}, *const null_value[] = {NULL};
  mc_results *results;
  mc_client *out;
  char text[64];
  size_t needed;
  reads(client, 1);
  writes(client, 1);
  commands(client, NULL);
  batches(client, 1);
  REFUSED(mc_get(client, "k", 1, NULL));
  REFUSED(mc_gets(client, "k", 1, NULL));
  REFUSED(mc_gat(client, "k", 1, 10, NULL));
  REFUSED(mc_gats(client, "k", 1, 10, NULL));
  REFUSED(mc_get_reuse(client, "k", 1, NULL));
  REFUSED(mc_get_into(client, "k", 1, NULL, 10, &needed, &(uint32_t){0}));
  REFUSED(mc_set(client, "k", 1, NULL, 1, 0, 0));
  REFUSED(mc_set(client, "k", 1, NULL, MC_CSTR, 0, 0));
  REFUSED(mc_append(client, "k", 1, NULL, 1));
  REFUSED(mc_cas(client, "k", 1, NULL, 1, 0, 0, 1));
  REFUSED(mc_get_multi(client, keys, one, 1, NULL));
  REFUSED(mc_gets_multi(client, keys, one, 1, NULL));
  REFUSED(mc_get_multi_packed(client, "k", one, 1, NULL, NULL));
  REFUSED_OUT(results, mc_set_multi(client, keys, one, NULL, NULL, 1, 0, 0, &results));
  REFUSED_OUT(results, mc_set_multi_packed(client, "k", one, NULL, one, 1, 0, 0, NULL, &results));
  REFUSED_OUT(results, mc_set_multi_packed(client, "k", one, "x", NULL, 1, 0, 0, NULL, &results));
  REFUSED_OUT(results, mc_set_multi_packed(client, "k", NULL, "x", one, 1, 0, 0, NULL, &results));
  REFUSED_OUT(out, mc_client_with(client, NULL, &out));
  REFUSED(mc_client_with(client, "timeout=1s", NULL));
  REFUSED(mc_add_server(client, NULL));
  REFUSED(mc_remove_server(client, NULL));
  REFUSED(mc_set_servers(client, NULL));
  REFUSED(mc_servers(client, NULL, 10, &needed));
  REFUSED(mc_server_for_key(client, NULL, 1, text, sizeof text, &needed));
  REFUSED(mc_server_for_key(client, "k", 1, NULL, 10, &needed));
  REFUSED(mc_key_check(NULL, 1));
  REFUSED(mc_key_check(NULL, MC_CSTR));
  REFUSED_OUT(out, mc_new(NULL, &out));
  REFUSED(mc_new("127.0.0.1", NULL));
  REFUSED(mc_options_each(NULL, NULL));
  /* Inside an array a bad pointer is its own entry's failure. */
  CHECK_STATUS(mc_get_multi(client, null_key, one, 1, &results), MC_PARTIAL);
  CHECK_STATUS(mc_results_item(results, 0)->status, MC_INVALID_ARGUMENT);
  mc_results_free(results);
  CHECK_STATUS(mc_set_multi(client, keys, one, null_value, one, 1, 0, 0, &results), MC_MULTI_STORAGE);
  CHECK_STATUS(mc_results_item(results, 0)->status, MC_INVALID_ARGUMENT);
  mc_results_free(results);
  CHECK_STATUS(mc_set_multi(client, keys, one, values, one, 1, 0, 0, NULL), MC_OK);
}

static void null_arguments_of_options(void) {
  mc_options *options = mc_options_new();
  char text[8];
  size_t needed;
  REFUSED(mc_options_set(options, NULL, "1s"));
  REFUSED(mc_options_set(options, "timeout", NULL));
  REFUSED(mc_options_get(options, NULL, text, sizeof text, &needed));
  REFUSED(mc_options_get(options, "timeout", NULL, 8, &needed));
  REFUSED(mc_options_add_server(options, NULL, 1));
  REFUSED(mc_new_with(options, NULL));
  mc_options_free(options);
}

static void lengths_that_are_none(mc_client *client) {
  mc_item *item;
  static const size_t lengths[] = {(size_t)-2, (size_t)1 << 63, ((size_t)1 << 63) - 1};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; ++i) {
    mc_status status = mc_get(client, "k", lengths[i], &item);
    CHECK((status == MC_INVALID_ARGUMENT || status == MC_ILLEGAL_INPUT) && item == NULL);
    status = mc_set(client, "k", 1, "x", lengths[i], 0, 0);
    CHECK(status == MC_INVALID_ARGUMENT || status == MC_TOO_LARGE);
  }
  REFUSED_OUT(item, mc_get(client, "k", (size_t)-2, &item));
  mc_results *results;
  REFUSED_OUT(results, mc_get_multi(client, (const char *const[]){"k"}, NULL, SIZE_MAX, &results));
}

static void other_handles_and_freed_ones(const char *uri) {
  mc_client *client, *freed;
  mc_results *results;
  mc_options *options = mc_options_new();
  if (!CHECK_STATUS(mc_new(uri, &client), MC_OK) || !CHECK_STATUS(mc_new(uri, &freed), MC_OK)) return;
  if (!CHECK_STATUS(mc_get_multi(client, (const char *const[]){"k"}, NULL, 1, &results), MC_OK)) return;
  no_client((mc_client *)(void *)options);
  no_client((mc_client *)(void *)results);
  no_options((mc_options *)(void *)client);
  no_options((mc_options *)(void *)results);
  no_results((const mc_results *)(const void *)client);
  no_results((const mc_results *)(const void *)options);
  /* Freeing what is of another kind frees nothing. */
  mc_free((mc_client *)(void *)options);
  mc_options_free((mc_options *)(void *)results);
  mc_results_free((mc_results *)(void *)client);
  CHECK_STATUS(mc_options_set(options, "timeout", "1s"), MC_OK);
  CHECK_NUMBER(mc_results_count(results), 1);
  CHECK_STATUS(check_store(client, "misuse", "x"), MC_OK);

  CHECK_STATUS(check_store(freed, "misuse", "x"), MC_OK);
  mc_free(freed);
  no_client(freed);
  mc_free(freed);
  mc_options_free(options);
  no_options(options);
  mc_options_free(options);
  mc_results_free(results);
  no_results(results);
  mc_results_free(results);
  CHECK_VALUE(client, "misuse", "x");
  mc_free(client);
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  no_client(NULL);
  no_options(NULL);
  no_results(NULL);
  no_stats(NULL);
  null_arguments(client);
  null_arguments_of_servers(client);
  null_arguments_of_options();
  lengths_that_are_none(client);
  other_handles_and_freed_ones(argv[1]);
  mc_free(NULL);
  mc_options_free(NULL);
  mc_results_free(NULL);
  mc_stats_list_free(NULL);
  mc_item_free(NULL);
  CHECK_STATUS(check_store(client, "misuse", "fine"), MC_OK);
  CHECK_VALUE(client, "misuse", "fine");
  mc_free(client);
  return check_end();
}
