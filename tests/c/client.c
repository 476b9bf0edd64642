/* Clients: making them, views, changing their servers, closing, several servers. */
#include "check.h"

static void what_cannot_be_a_client(void) {
  static const struct { const char *servers; mc_status status; } cases[] = {
      {"memcached://", MC_INVALID_URI},        {"127.0.0.1:99999", MC_INVALID_URI},
      {"127.0.0.1:port", MC_INVALID_URI},      {"127.0.0.1:0", MC_INVALID_URI},
      {"memcached://[::1", MC_INVALID_URI},    {"memcached+unix://relative/path", MC_INVALID_URI},
      {"127.0.0.1:11211/path", MC_INVALID_URI}, {"127.0.0.1#fragment", MC_INVALID_URI},
      {"carrier-pigeon://127.0.0.1/", MC_UNKNOWN_PROTOCOL}, {"127.0.0.1?nonsense=1", MC_UNKNOWN_OPTION},
      {"127.0.0.1,127.0.0.1:11211", MC_INVALID_ARGUMENT}, /* the same server twice */
      {"127.0.0.1?timeout=1s,127.0.0.2?timeout=2s", MC_INVALID_URI}, /* of one client, and they differ */
      {"discover://127.0.0.1/,127.0.0.2", MC_INVALID_ARGUMENT} /* an endpoint, and a server beside it */};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    mc_client *client = (mc_client *)(void *)&client;
    if (!CHECK_STATUS(mc_new(cases[i].servers, &client), cases[i].status)) fprintf(stderr, "  %s\n", cases[i].servers);
    CHECK(client == NULL);
    CHECK(*mc_last_error() != '\0');
  }
}

/* What was left out when the library was built says so. */
static void tls_is_there_or_not(void) {
  mc_client *client;
  const int built_in = (mc_features() & MC_FEATURE_TLS) != 0;
  CHECK_STATUS(mc_new("memcacheds://127.0.0.1/", &client), built_in ? MC_OK : MC_UNSUPPORTED);
  CHECK((client != NULL) == built_in);
  mc_free(client);
}

static void no_server_is_a_client_too(void) {
  mc_client *client;
  mc_item *item;
  for (int i = 0; i < 2; ++i) {
    if (!CHECK_STATUS(mc_new(i ? " \n\t" : "", &client), MC_OK)) continue;
    CHECK_STATUS(mc_get(client, "a", 1, &item), MC_NO_AVAILABLE_SERVERS);
    CHECK(item == NULL);
    CHECK_STATUS(mc_set(client, "a", 1, "x", 1, 0, 0), MC_NO_AVAILABLE_SERVERS);
    CHECK_NUMBER(mc_last_error_effect(), MC_EFFECT_NOT_APPLIED);
    mc_results *results = NULL;
    CHECK_STATUS(mc_get_multi(client, (const char *const[]){"a", "b"}, NULL, 2, &results), MC_PARTIAL);
    if (CHECK(results != NULL)) CHECK_NUMBER(mc_results_failed(results), 2);
    mc_results_free(results);
    mc_free(client);
  }
}

static void options_may_stand_in_the_uri(const char *uri) {
  char text[512];
  mc_client *client;
  snprintf(text, sizeof text, "%s%ckey_prefix=uri%%3A&timeout=5s&alias=somebody", uri, strchr(uri, '?') ? '&' : '?');
  if (!CHECK_STATUS(mc_new(text, &client), MC_OK)) return;
  CHECK_STATUS(check_store(client, "key", "value"), MC_OK);
  char name[64];
  size_t needed;
  CHECK_STATUS(mc_server_for_key(client, "key", MC_CSTR, name, sizeof name, &needed), MC_OK);
  CHECK_TEXT(name, strlen(name), "somebody");
  CHECK_NUMBER(needed, check_needed("somebody"));
  mc_free(client);
}

static void a_view_has_options_of_its_own(mc_client *client) {
  mc_client *view, *view_of_view;
  if (!CHECK_STATUS(mc_client_with(client, "key_prefix=view:&timeout=5s", &view), MC_OK)) return;
  CHECK_STATUS(check_store(view, "key", "seen"), MC_OK);
  CHECK_VALUE(client, "view:key", "seen");
  CHECK_MISS(client, "key");
  if (CHECK_STATUS(mc_client_with(view, "timeout=2s", &view_of_view), MC_OK)) {
    CHECK_VALUE(view_of_view, "key", "seen");
    mc_free(view_of_view);
  }
  CHECK_VALUE(view, "key", "seen");
  mc_client *none = view;
  CHECK_STATUS(mc_client_with(client, "timeout=soon", &none), MC_INVALID_ARGUMENT);
  CHECK(none == NULL);
  CHECK_STATUS(mc_client_with(client, "nonsense=1", &none), MC_UNKNOWN_OPTION);
  CHECK(none == NULL);
  CHECK_STATUS(mc_client_with(client, "max_connections=2", &none), MC_INVALID_ARGUMENT); /* is shared */
  CHECK(none == NULL);
  mc_free(view);
  CHECK_VALUE(client, "view:key", "seen");
}

static void a_view_outlives_its_client(const char *uri) {
  mc_client *client, *view;
  if (!CHECK_STATUS(mc_new(uri, &client), MC_OK)) return;
  CHECK_STATUS(check_store(client, "client:view", "x"), MC_OK);
  if (CHECK_STATUS(mc_client_with(client, "timeout=5s", &view), MC_OK)) {
    mc_free(client);
    CHECK_VALUE(view, "client:view", "x");
    mc_free(view);
  }
}

static void closed_connections_open_again(mc_client *client) {
  CHECK_STATUS(check_store(client, "client:close", "x"), MC_OK);
  for (int i = 0; i < 3; ++i) {
    CHECK_STATUS(mc_close(client), MC_OK);
    CHECK_VALUE(client, "client:close", "x");
  }
}

/* ---- servers -------------------------------------------------------------------------------- */

static size_t count_servers(mc_client *client, char *text, size_t room) {
  size_t needed = 0, n = 0;
  CHECK_STATUS(mc_servers(client, text, room, &needed), MC_OK);
  CHECK_NUMBER(needed, check_needed(text));
  for (const char *at = text; *at; at += strcspn(at, ", \n"), at += strspn(at, ", \n")) n++;
  return n;
}

static void servers_come_and_go(const char *uri, const char *second) {
  mc_client *client;
  char text[1024], again[1024];
  if (!CHECK_STATUS(mc_new(uri, &client), MC_OK)) return;
  CHECK_STATUS(check_store(client, "client:servers", "x"), MC_OK);
  CHECK_NUMBER(count_servers(client, text, sizeof text), 1);
  CHECK_STATUS(mc_add_server(client, second), MC_OK);
  CHECK_NUMBER(count_servers(client, text, sizeof text), 2);
  CHECK_STATUS(mc_add_server(client, second), MC_INVALID_ARGUMENT); /* it is there */
  CHECK_STATUS(mc_add_server(client, "memcached://"), MC_INVALID_URI);
  CHECK_NUMBER(count_servers(client, again, sizeof again), 2);
  CHECK(strcmp(text, again) == 0);
  CHECK_STATUS(mc_set_servers(client, text), MC_OK); /* what comes out goes in */
  CHECK_STATUS(mc_remove_server(client, second), MC_OK);
  CHECK_STATUS(mc_remove_server(client, second), MC_INVALID_ARGUMENT);
  CHECK_NUMBER(count_servers(client, text, sizeof text), 1);
  CHECK_VALUE(client, "client:servers", "x");
  CHECK_STATUS(mc_set_servers(client, "127.0.0.1:nonsense"), MC_INVALID_URI);
  CHECK_VALUE(client, "client:servers", "x"); /* as it was */
  CHECK_STATUS(mc_set_servers(client, ""), MC_OK);
  mc_item *item;
  CHECK_STATUS(mc_get(client, "client:servers", MC_CSTR, &item), MC_NO_AVAILABLE_SERVERS);
  CHECK_STATUS(mc_set_servers(client, uri), MC_OK);
  CHECK_VALUE(client, "client:servers", "x");
  mc_free(client);
}

static void a_short_buffer_for_servers(mc_client *client) {
  char text[512], part[512];
  size_t needed = 0, again = 0;
  CHECK_STATUS(mc_servers(client, text, sizeof text, &needed), MC_OK);
  CHECK_STATUS(mc_servers(client, NULL, 0, &again), MC_OK); /* only asks */
  CHECK_NUMBER(again, needed);
  CHECK_STATUS(mc_servers(client, part, strlen(text), &again), MC_BUFFER_TOO_SMALL);
  CHECK_NUMBER(again, needed);
  CHECK_STATUS(mc_servers(client, part, strlen(text) + 1, &again), MC_OK);
  CHECK(strcmp(text, part) == 0);
  CHECK_STATUS(mc_server_for_key(client, "two words", MC_CSTR, text, sizeof text, &needed), MC_ILLEGAL_INPUT);
}

enum { KEYS = 300 };

static void keys_are_spread_over_the_servers(const char *uri, const char *second) {
  char both[1024], names[2][256] = {"", ""}, keys[KEYS][16];
  const char *list[KEYS];
  size_t share[2] = {0, 0};
  mc_client *client;
  mc_results *results;
  snprintf(both, sizeof both, "%s, %s", uri, second);
  if (!CHECK_STATUS(mc_new(both, &client), MC_OK)) return;
  for (size_t i = 0; i < KEYS; ++i) {
    char name[256], twice[256];
    size_t needed;
    snprintf(keys[i], sizeof keys[i], "spread:%zu", i);
    list[i] = keys[i];
    CHECK_STATUS(mc_server_for_key(client, keys[i], MC_CSTR, name, sizeof name, &needed), MC_OK);
    CHECK_STATUS(mc_server_for_key(client, keys[i], MC_CSTR, twice, sizeof twice, &needed), MC_OK);
    CHECK(strcmp(name, twice) == 0);
    size_t which = names[0][0] == '\0' || strcmp(names[0], name) == 0 ? 0 : 1;
    strcpy(names[which], name);
    share[which]++;
  }
  CHECK(share[0] > KEYS / 10 && share[1] > KEYS / 10);
  CHECK_STATUS(mc_set_multi(client, list, NULL, (const void *const *)list, NULL, KEYS, 0, 0, NULL), MC_OK);
  if (CHECK_STATUS(mc_get_multi(client, list, NULL, KEYS, &results), MC_OK)) {
    for (size_t i = 0; i < KEYS; ++i) {
      const mc_item *item = mc_results_item(results, i);
      CHECK_STATUS(item->status, MC_OK);
      CHECK_TEXT(item->key, item->key_len, keys[i]);
      CHECK_TEXT(item->value, item->value_len, keys[i]);
    }
    mc_results_free(results);
  }
  if (CHECK_STATUS(mc_server_versions(client, &results), MC_OK)) CHECK_NUMBER(mc_results_count(results), 2);
  mc_results_free(results);
  mc_free(client);
}

/* One server down: its keys fail, those of the other one do not, and no key moves. */
static void a_server_that_is_down_fails_its_own_keys(const char *uri) {
  char both[1024], keys[KEYS][16];
  const char *list[KEYS];
  mc_client *client;
  mc_results *results;
  size_t failed = 0;
  snprintf(both, sizeof both, "%s memcached+unix:///nonexistent/socket?alias=gone", uri);
  if (!CHECK_STATUS(mc_new(both, &client), MC_OK)) return;
  for (size_t i = 0; i < KEYS; ++i) {
    snprintf(keys[i], sizeof keys[i], "down:%zu", i);
    list[i] = keys[i];
  }
  CHECK_STATUS(mc_set_multi(client, list, NULL, (const void *const *)list, NULL, KEYS, 0, 0, &results), MC_MULTI_STORAGE);
  for (size_t i = 0; i < KEYS; ++i) {
    char name[256];
    size_t needed;
    CHECK_STATUS(mc_server_for_key(client, keys[i], MC_CSTR, name, sizeof name, &needed), MC_OK);
    int gone = strcmp(name, "gone") == 0;
    const mc_item *item = mc_results_item(results, i);
    CHECK_STATUS(item->status, gone ? MC_CONNECT_FAILED : MC_OK);
    if (gone) CHECK_NUMBER(item->effect, MC_EFFECT_NOT_APPLIED);
    if (gone) CHECK(item->server != NULL && strcmp(item->server, "gone") == 0);
    failed += gone;
  }
  CHECK_NUMBER(mc_results_failed(results), failed);
  CHECK(failed > KEYS / 10 && failed < KEYS);
  mc_results_free(results);
  CHECK_STATUS(mc_flush_all(client, 0, &results), MC_PARTIAL);
  if (CHECK(results != NULL)) {
    CHECK_NUMBER(mc_results_count(results), 2);
    CHECK_NUMBER(mc_results_failed(results), 1);
  }
  mc_results_free(results);
  mc_free(client);
}

/* Another name for the same server, unless a second one is given. */
static const char *second_server(int argc, char **argv, char *text, size_t room) {
  if (argc > 2) return argv[2];
  const char *host = strstr(argv[1], "127.0.0.1"), *slash = strrchr(argv[1], '/');
  if (host) snprintf(text, room, "%.*slocalhost%s", (int)(host - argv[1]), argv[1], host + 9);
  else if (slash) snprintf(text, room, "%.*s/.%s", (int)(slash - argv[1]), argv[1], slash);
  else check_give_up("no second spelling for this server");
  return text;
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  char text[512];
  const char *second = second_server(argc, argv, text, sizeof text);
  what_cannot_be_a_client();
  tls_is_there_or_not();
  no_server_is_a_client_too();
  options_may_stand_in_the_uri(argv[1]);
  a_view_has_options_of_its_own(client);
  a_view_outlives_its_client(argv[1]);
  closed_connections_open_again(client);
  servers_come_and_go(argv[1], second);
  a_short_buffer_for_servers(client);
  keys_are_spread_over_the_servers(argv[1], second);
  a_server_that_is_down_fails_its_own_keys(argv[1]);
  mc_free(client);
  return check_end();
}
