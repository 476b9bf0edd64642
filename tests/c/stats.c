/* Statistics, and what else is asked of every server. */
#include "check.h"

static const mc_stat *find(const mc_stats_list *list, const char *name) {
  const mc_stat *stat = mc_stats_find(list, 0, name, MC_CSTR);
  if (stat == NULL) fprintf(stderr, "no %s\n", name);
  CHECK(stat != NULL);
  return stat;
}

/* All that a list says holds together, whichever way it is asked. */
static void is_sound(const mc_stats_list *list) {
  for (size_t server = 0; server < mc_stats_servers(list); ++server) {
    const mc_item *item = mc_stats_server(list, server);
    size_t count = 7, stride = 0;
    const mc_stat *first = mc_stats_entries(list, server, &count, &stride);
    if (!CHECK(item != NULL && item->server != NULL && *item->server != '\0')) return;
    CHECK_NUMBER(count, mc_stats_count(list, server));
    CHECK((first == NULL) == (count == 0) && stride >= sizeof *first);
    CHECK(item->status == MC_OK ? item->text == NULL : item->text != NULL && count == 0);
    for (size_t i = 0; i < count; ++i) {
      const mc_stat *stat = mc_stats_entry(list, server, i);
      CHECK((const char *)stat == (const char *)first + i * stride);
      CHECK(stat->kind >= MC_STAT_TEXT && stat->kind <= MC_STAT_BOOLEAN);
      CHECK_NUMBER(strlen(stat->name), stat->name_len);
      CHECK_NUMBER(strlen(stat->field), stat->field_len);
      CHECK_NUMBER(stat->text[stat->text_len], 0);
      CHECK(stat->name_len > 0 && stat->name + stat->name_len == stat->field + stat->field_len);
      CHECK(stat->has_index ? stat->field != stat->name : stat->field == stat->name && stat->index == 0);
      CHECK(mc_stats_find(list, server, stat->name, stat->name_len) == stat);
    }
    CHECK(mc_stats_entry(list, server, count) == NULL);
    CHECK(mc_stats_find(list, server, "no such name", MC_CSTR) == NULL);
  }
  CHECK(mc_stats_server(list, mc_stats_servers(list)) == NULL);
  CHECK(mc_stats_entry(list, mc_stats_servers(list), 0) == NULL);
  CHECK_NUMBER(mc_stats_count(list, mc_stats_servers(list)), 0);
}

static void general(mc_client *client) {
  mc_stats_list *list, *same;
  mc_item *item;
  if (!CHECK_STATUS(mc_stats_get(client, NULL, 0, &list), MC_OK)) return;
  is_sound(list);
  CHECK_NUMBER(mc_stats_servers(list), 1);
  const mc_stat *pid = find(list, "pid"), *version = find(list, "version");
  const mc_stat *user = find(list, "rusage_user"), *accepting = find(list, "accepting_conns");
  const mc_stat *misses = find(list, "get_misses");
  if (!pid || !version || !user || !accepting || !misses) return;
  CHECK(pid->kind == MC_STAT_INTEGER && pid->number > 1 && pid->integer == (int64_t)pid->number);
  CHECK(version->kind == MC_STAT_TEXT && version->text_len >= 3 && version->number == 0);
  CHECK(user->kind == MC_STAT_REAL && user->real >= 0 && user->real < 1000);
  CHECK(accepting->kind == MC_STAT_BOOLEAN && accepting->boolean == 1 && accepting->number == 1);
  CHECK_STATUS(mc_get(client, "stats:missing", MC_CSTR, &item), MC_NO_VALUE);
  /* The name "" of an empty argument, in each spelling. */
  if (CHECK_STATUS(mc_stats_get(client, "", MC_CSTR, &same), MC_OK)) {
    const mc_stat *now = find(same, "get_misses");
    if (now) CHECK_NUMBER(now->number, misses->number + 1);
    mc_stats_list_free(same);
  }
  mc_stats_list_free(list);
}

static void settings(mc_client *client) {
  mc_stats_list *list, *same;
  if (!CHECK_STATUS(mc_stats_settings(client, &list), MC_OK)) return;
  is_sound(list);
  const mc_stat *factor = find(list, "growth_factor"), *evictions = find(list, "evictions");
  const mc_stat *bytes = find(list, "maxbytes"), *inter = find(list, "inter");
  if (factor && evictions && bytes && inter) {
    CHECK(factor->kind == MC_STAT_REAL && factor->real == 1.25);
    CHECK_TEXT(factor->text, factor->text_len, "1.25");
    CHECK(evictions->kind == MC_STAT_BOOLEAN && evictions->boolean == 1);
    CHECK_TEXT(evictions->text, evictions->text_len, "on");
    CHECK(bytes->kind == MC_STAT_INTEGER && inter->kind == MC_STAT_TEXT);
  }
  if (CHECK_STATUS(mc_stats_get(client, "settings?", 8, &same), MC_OK)) {
    CHECK_NUMBER(mc_stats_count(same, 0), mc_stats_count(list, 0));
    mc_stats_list_free(same);
  }
  mc_stats_list_free(list);
}

/* What statistics with the field `field` add up to. */
static uint64_t sum(const mc_stats_list *list, const char *field) {
  uint64_t all = 0;
  for (size_t i = 0; i < mc_stats_count(list, 0); ++i) {
    const mc_stat *stat = mc_stats_entry(list, 0, i);
    if (stat->has_index && strcmp(stat->field, field) == 0) all += stat->number;
  }
  return all;
}

static void slab_classes(mc_client *client) {
  static char value[20000];
  static const size_t lengths[] = {10, 500, sizeof value};
  mc_results *flushed;
  mc_stats_list *list;
  char name[64];
  if (CHECK_STATUS(mc_flush_all(client, 0, &flushed), MC_OK)) mc_results_free(flushed);
  memset(value, 'x', sizeof value);
  for (size_t i = 0; i < 3; ++i) {
    snprintf(name, sizeof name, "stats:%zu", i);
    CHECK_STATUS(mc_set(client, name, MC_CSTR, value, lengths[i], 0, 0), MC_OK);
  }
  if (CHECK_STATUS(mc_stats_items(client, &list), MC_OK)) {
    is_sound(list);
    CHECK(sum(list, "number") >= 3 && sum(list, "mem_requested") > sizeof value);
    const mc_stat *first = mc_stats_entry(list, 0, 0);
    snprintf(name, sizeof name, "items:%llu:number", (unsigned long long)first->index);
    CHECK(strcmp(first->name, name) == 0 && strcmp(first->field, "number") == 0);
    mc_stats_list_free(list);
  }
  if (CHECK_STATUS(mc_stats_slabs(client, &list), MC_OK)) {
    is_sound(list);
    const mc_stat *active = find(list, "active_slabs");
    CHECK(sum(list, "used_chunks") >= 3 && active && !active->has_index && active->number >= 3);
    mc_stats_list_free(list);
  }
  if (CHECK_STATUS(mc_stats_sizes(client, &list), MC_OK)) {
    is_sound(list);
    const mc_stat *status = find(list, "sizes_status");
    if (status) CHECK(status->kind == MC_STAT_BOOLEAN && !status->boolean && !status->has_index);
    mc_stats_list_free(list);
  }
}

/* Lists hold no reference to the client. */
static void a_list_outlives_its_client(const char *uri) {
  mc_client *client;
  mc_stats_list *list = NULL;
  if (!CHECK_STATUS(mc_new(uri, &client), MC_OK)) return;
  CHECK_STATUS(mc_stats_get(client, "settings", MC_CSTR, &list), MC_OK);
  mc_free(client);
  is_sound(list);
  mc_stats_list_free(list);
  mc_stats_list_free(list);
  CHECK_NUMBER(mc_stats_servers(list), 0);
}

static void what_is_not_asked_for(mc_client *client) {
  static const char *const illegal[] = {" ", "items ", "two  words", "items\r\nflush_all", "\x7f"};
  static const char *const unsupported[] = {"cachedump 1 1", "detail dump", "sizes_enable", "sizes_disable"};
  mc_stats_list *list;
  CHECK_STATUS(check_store(client, "stats:witness", "x"), MC_OK);
  for (size_t i = 0; i < sizeof illegal / sizeof *illegal; ++i) {
    CHECK_STATUS(mc_stats_get(client, illegal[i], MC_CSTR, &list), MC_ILLEGAL_INPUT);
    CHECK(list == NULL);
  }
  for (size_t i = 0; i < sizeof unsupported / sizeof *unsupported; ++i) {
    CHECK_STATUS(mc_stats_get(client, unsupported[i], MC_CSTR, &list), MC_UNSUPPORTED);
    CHECK(list == NULL);
  }
  if (CHECK_STATUS(mc_stats_get(client, "no such group", MC_CSTR, &list), MC_PARTIAL)) {
    CHECK_STATUS(mc_stats_server(list, 0)->status, MC_UNKNOWN_COMMAND);
    is_sound(list);
    mc_stats_list_free(list);
  }
  if (CHECK_STATUS(mc_stats_get(client, "reset", MC_CSTR, &list), MC_OK)) {
    CHECK_NUMBER(mc_stats_count(list, 0), 0);
    is_sound(list);
    mc_stats_list_free(list);
  }
  CHECK_VALUE(client, "stats:witness", "x");
}

/* The entries of the second server, which is down, and of the first. */
static void entries(mc_status status, mc_results *results, mc_status first) {
  CHECK_STATUS(status, MC_PARTIAL);
  if (!CHECK(results != NULL)) return;
  CHECK_NUMBER(mc_results_count(results), 2);
  CHECK_STATUS(mc_results_item(results, 0)->status, first);
  CHECK_STATUS(mc_results_item(results, 1)->status, MC_CONNECT_FAILED);
  CHECK(strcmp(mc_results_item(results, 1)->server, "gone") == 0);
  mc_results_free(results);
}

static void with_one_server_down(const char *uri) {
  char both[1024];
  mc_client *client;
  mc_results *results;
  mc_stats_list *list;
  snprintf(both, sizeof both, "%s memcached+unix:///nonexistent/socket?alias=gone&reconnect=simple", uri);
  if (!CHECK_STATUS(mc_new(both, &client), MC_OK)) return;
  if (CHECK_STATUS(mc_stats_get(client, NULL, 0, &list), MC_PARTIAL)) {
    is_sound(list);
    CHECK_NUMBER(mc_stats_servers(list), 2);
    CHECK(mc_stats_count(list, 0) > 10 && mc_stats_count(list, 1) == 0);
    CHECK_STATUS(mc_stats_server(list, 1)->status, MC_CONNECT_FAILED);
    CHECK_NUMBER(mc_stats_server(list, 1)->phase, MC_PHASE_CONNECT);
    mc_stats_list_free(list);
  }
  mc_status status = mc_ping(client, &results);
  entries(status, results, MC_OK);
  status = mc_verbosity(client, 0, &results);
  entries(status, results, MC_OK);
  status = mc_cache_memlimit(client, 256, &results);
  entries(status, results, MC_OK);
  status = mc_cache_memlimit(client, 1, &results);
  entries(status, results, MC_CLIENT_ERROR);
  status = mc_delete_all(client, "stats:none", MC_CSTR, &results);
  entries(status, results, MC_NOT_FOUND);
  mc_free(client);
}

static void without_results(mc_client *client) {
  mc_results *results;
  CHECK_STATUS(check_store(client, "stats:key", "x"), MC_OK);
  CHECK_STATUS(mc_delete_all(client, "stats:keyless", 9, NULL), MC_OK);
  CHECK_MISS(client, "stats:key");
  CHECK_STATUS(mc_delete_all(client, "stats:key", MC_CSTR, NULL), MC_OK); /* a miss is no failure */
  CHECK_STATUS(mc_verbosity(client, 0, NULL), MC_OK);
  CHECK_STATUS(mc_cache_memlimit(client, 256, NULL), MC_OK);
  CHECK_STATUS(mc_cache_memlimit(client, 1, NULL), MC_PARTIAL);
  CHECK_STATUS(mc_flush_all(client, 0, NULL), MC_OK);
  CHECK_STATUS(mc_cache_memlimit(client, UINT64_C(1) << 32, NULL), MC_INVALID_ARGUMENT);
  /* Whoever asks for a sign of life wants to see it. */
  CHECK_STATUS(mc_ping(client, NULL), MC_INVALID_ARGUMENT);
  CHECK_STATUS(mc_delete_all(client, "two words", MC_CSTR, NULL), MC_ILLEGAL_INPUT);
  if (CHECK_STATUS(mc_delete_all(client, "two words", MC_CSTR, &results), MC_ILLEGAL_INPUT) && CHECK(results != NULL)) {
    const mc_item *item = mc_results_item(results, 0);
    CHECK_STATUS(item->status, MC_ILLEGAL_INPUT);
    CHECK_TEXT(item->key, item->key_len, "two words");
    CHECK_NUMBER(item->effect, MC_EFFECT_NOT_APPLIED);
  }
  mc_results_free(results);
  if (CHECK_STATUS(mc_delete_all(client, "stats:key", MC_CSTR, &results), MC_OK)) {
    const mc_item *item = mc_results_item(results, 0);
    CHECK_STATUS(item->status, MC_NOT_FOUND);
    CHECK_TEXT(item->key, item->key_len, "stats:key");
    mc_results_free(results);
  }
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  general(client);
  settings(client);
  slab_classes(client);
  a_list_outlives_its_client(argv[1]);
  what_is_not_asked_for(client);
  with_one_server_down(argv[1]);
  without_results(client);
  mc_stats_list_free(NULL);
  mc_free(client);
  return check_end();
}
