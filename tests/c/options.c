/* Options: their table, setting and getting them as text, and what they do. */
#include "check.h"

/* ---- the table ------------------------------------------------------------------------------ */

enum { MOST = 64 };
struct seen {
  size_t count;
  char name[MOST][32];
  mc_options *fresh;
};

static int belongs_to_a_server(const char *name) {
  return strcmp(name, "weight") == 0 || strcmp(name, "alias") == 0 || strcmp(name, "limit") == 0 || strcmp(name, "clock") == 0 ||
         strcmp(name, "tls_server_name") == 0 || strcmp(name, "gutter") == 0;
}

static void see(void *user, const char *name, const char *type, const char *default_value, const char *doc) {
  struct seen *seen = user;
  char value[256];
  size_t needed = 0;
  if (!CHECK(seen->count < MOST && strlen(name) < sizeof *seen->name)) return;
  CHECK(*name != '\0' && *type != '\0' && strlen(doc) > 10);
  for (size_t i = 0; i < seen->count; ++i) CHECK(strcmp(seen->name[i], name) != 0);
  strcpy(seen->name[seen->count++], name);
  if (belongs_to_a_server(name)) return;
  CHECK_STATUS(mc_options_get(seen->fresh, name, value, sizeof value, &needed), MC_OK);
  CHECK_TEXT(value, strlen(value), default_value);
  CHECK_NUMBER(needed, check_needed(default_value));
  CHECK_STATUS(mc_options_set(seen->fresh, name, default_value), MC_OK);
}

static void the_table_names_every_option_once(void) {
  static const char *const expected[] = {
      "timeout", "connect_timeout", "batch_timeout", "idle_check", "paranoid", "max_connections", "key_prefix",
      "default_noreply", "item_size_max", "max_value_size", "protocol", "tcp_nodelay", "tcp_keepalive",
      "tcp_user_timeout", "tls_ca", "tls_cert", "tls_key", "tls_min_version", "tls_session_resumption",
      "tls_insecure_skip_verify", "username", "password", "auth_over_cleartext", "weight", "alias", "limit", "clock", "tls_server_name"};
  struct seen seen = {0, {{0}}, mc_options_new()};
  CHECK_STATUS(mc_options_each(see, &seen), MC_OK);
  for (size_t i = 0; i < sizeof expected / sizeof *expected; ++i) {
    int found = 0;
    for (size_t k = 0; k < seen.count; ++k) found += strcmp(seen.name[k], expected[i]) == 0;
    if (!CHECK(found == 1)) fprintf(stderr, "  option %s\n", expected[i]);
  }
  mc_options_free(seen.fresh);
}

/* ---- text in, text out ---------------------------------------------------------------------- */

static void a_password_is_set_and_never_got(void) {
  mc_options *options = mc_options_new();
  mc_client *client = NULL;
  char value[64];
  size_t needed = 0;
  CHECK_STATUS(mc_options_set(options, "username", "ann"), MC_OK);
  CHECK_STATUS(mc_options_set(options, "password", "hunter2"), MC_OK);
  CHECK_STATUS(mc_options_get(options, "password", value, sizeof value, &needed), MC_OK);
  CHECK_TEXT(value, strlen(value), "***");
  CHECK_STATUS(mc_options_set(options, "password", "***"), MC_INVALID_ARGUMENT);
  CHECK_STATUS(mc_options_add_server(options, "memcached://bob:hunter2@127.0.0.1:1/", 0), MC_OK);
  CHECK_STATUS(mc_new_with(options, &client), MC_OK);
  CHECK_STATUS(mc_servers(client, value, sizeof value, &needed), MC_OK);
  CHECK_TEXT(value, strlen(value), "127.0.0.1:1");
  CHECK_STATUS(mc_set_servers(client, "127.0.0.1:1?password=hunter2"), MC_INVALID_ARGUMENT);
  CHECK(strstr(mc_last_error(), "hunter2") == NULL);
  mc_free(client);
  CHECK_STATUS(mc_options_set(options, "password", ""), MC_OK);
  CHECK_STATUS(mc_options_get(options, "password", value, sizeof value, &needed), MC_OK);
  CHECK_TEXT(value, strlen(value), "");
  CHECK_STATUS(mc_options_set(options, "password", "hun ter2"), MC_OK);
  CHECK_STATUS(mc_options_add_server(options, "127.0.0.1:2", 0), MC_OK);
  CHECK_STATUS(mc_new_with(options, &client), MC_INVALID_ARGUMENT);
  CHECK(client == NULL && strstr(mc_last_error(), "ter2") == NULL);
  mc_options_free(options);
}

static void what_is_set_is_got(void) {
  static const char *const pairs[][2] = {
      {"timeout", "250ms"},     {"timeout", "none"},        {"batch_timeout", "2s"}, {"idle_check", "1ms"},
      {"paranoid", "on"},       {"paranoid", "off"},        {"max_connections", "3"}, {"key_prefix", "app:"},
      {"default_noreply", "on"}, {"item_size_max", "2m"},   {"protocol", "ascii"},   {"tcp_nodelay", "off"},
      {"shortcut", "off"}};
  mc_options *options = mc_options_new();
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; ++i) {
    char value[64];
    size_t needed = 0;
    CHECK_STATUS(mc_options_set(options, pairs[i][0], pairs[i][1]), MC_OK);
    CHECK_STATUS(mc_options_get(options, pairs[i][0], value, sizeof value, &needed), MC_OK);
    CHECK_TEXT(value, strlen(value), pairs[i][1]);
    CHECK_NUMBER(needed, check_needed(pairs[i][1]));
  }
  mc_options_free(options);
}

static void what_is_refused_changes_nothing(void) {
  static const char *const bad[][2] = {
      {"timeout", ""},        {"timeout", "abc"},      {"timeout", "-1s"},           {"timeout", "1 s"},
      {"paranoid", "maybe"},  {"max_connections", "0"}, {"max_connections", "many"}, {"item_size_max", "9999999g"},
      {"key_prefix", "a b"},  {"protocol", "telepathy"}};
  mc_options *options = mc_options_new();
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    char before[64], after[64];
    size_t needed;
    CHECK_STATUS(mc_options_get(options, bad[i][0], before, sizeof before, &needed), MC_OK);
    mc_status status = mc_options_set(options, bad[i][0], bad[i][1]);
    if (!CHECK(mc_status_is(status, MC_CLASS_CLIENT))) fprintf(stderr, "  %s=%s\n", bad[i][0], bad[i][1]);
    CHECK(strstr(mc_last_error(), bad[i][0]) != NULL);
    CHECK_STATUS(mc_options_get(options, bad[i][0], after, sizeof after, &needed), MC_OK);
    CHECK(strcmp(before, after) == 0);
  }
  char value[8];
  size_t needed;
  CHECK_STATUS(mc_options_set(options, "nonsense", "1"), MC_UNKNOWN_OPTION);
  CHECK_STATUS(mc_options_get(options, "nonsense", value, sizeof value, &needed), MC_UNKNOWN_OPTION);
  mc_options_free(options);
}

static void a_short_buffer_is_told_what_is_needed(void) {
  mc_options *options = mc_options_new();
  char buffer[16];
  CHECK_STATUS(mc_options_set(options, "key_prefix", "12345"), MC_OK);
  for (size_t cap = 0; cap <= 8; ++cap) {
    size_t needed = 99;
    memset(buffer, '#', sizeof buffer);
    mc_status status = mc_options_get(options, "key_prefix", cap ? buffer : NULL, cap, &needed);
    CHECK_STATUS(status, cap == 0 || cap > 5 ? MC_OK : MC_BUFFER_TOO_SMALL); /* no buffer: only asks */
    CHECK_NUMBER(needed, check_needed("12345"));
    CHECK_NUMBER(buffer[cap], '#');
    if (cap > 0) CHECK_BYTES(buffer, strlen(buffer), "12345", cap > 5 ? 5 : cap - 1);
  }
  mc_options_free(options);
}

/* ---- what they do --------------------------------------------------------------------------- */

#define CLIENT_WITH(uri, ...) check_client_with((uri), (const char *const[]){__VA_ARGS__, NULL})

static void a_prefix_is_put_on_and_taken_off(mc_client *plain, const char *uri) {
  mc_client *client = CLIENT_WITH(uri, "key_prefix", "app:");
  static const char *const keys[] = {"one", "none"};
  CHECK_STATUS(check_store(client, "one", "1"), MC_OK);
  CHECK_VALUE(plain, "app:one", "1");
  CHECK_MISS(plain, "one");
  mc_item *item;
  if (CHECK_STATUS(mc_get(client, "one", MC_CSTR, &item), MC_OK)) {
    CHECK_TEXT(item->key, item->key_len, "one");
    mc_item_free(item);
  }
  mc_results *results;
  if (CHECK_STATUS(mc_get_multi(client, keys, NULL, 2, &results), MC_OK)) {
    for (size_t i = 0; i < 2; ++i)
      CHECK_TEXT(mc_results_item(results, i)->key, mc_results_item(results, i)->key_len, keys[i]);
    mc_results_free(results);
  }
  char key[251];
  memset(key, 'k', 250);
  key[246] = '\0'; /* 4 + 246 are 250 */
  CHECK_STATUS(check_store(client, key, "x"), MC_OK);
  key[246] = 'k', key[247] = '\0';
  CHECK_STATUS(check_store(client, key, "x"), MC_ILLEGAL_INPUT);
  mc_free(client);
}

static void an_item_limit_of_ones_own(mc_client *plain, const char *uri) {
  char value[2048] = {0};
  mc_client *client = CLIENT_WITH(uri, "item_size_max", "1k");
  CHECK_STATUS(mc_set(client, "options:item", MC_CSTR, value, sizeof value, 0, 0), MC_TOO_LARGE);
  CHECK_STATUS(mc_set(client, "options:item", MC_CSTR, value, 500, 0, 0), MC_OK);
  CHECK_STATUS(mc_set(plain, "options:item", MC_CSTR, value, sizeof value, 0, 0), MC_OK);
  mc_free(client);
}

/* What the server announces beyond the limit is an error, never a miss, and costs the connection. */
static void a_limit_of_what_is_received(mc_client *plain, const char *uri) {
  char value[2000];
  mc_client *client = CLIENT_WITH(uri, "max_value_size", "1000");
  memset(value, 'x', sizeof value);
  CHECK_STATUS(mc_set(plain, "options:large", MC_CSTR, value, sizeof value, 0, 0), MC_OK);
  CHECK_STATUS(mc_set(plain, "options:fits", MC_CSTR, value, 1000, 0, 0), MC_OK);
  mc_item *item;
  mc_status status = mc_get(client, "options:large", MC_CSTR, &item);
  CHECK(status != MC_OK && !mc_status_is_miss(status) && item == NULL);
  if (CHECK_STATUS(mc_get(client, "options:fits", MC_CSTR, &item), MC_OK)) CHECK_NUMBER(item->value_len, 1000);
  mc_item_free(item);
  mc_free(client);
}

static void every_way_of_driving(mc_client *plain, const char *uri) {
  static const char *const ways[][2] = {{"shortcut", "off"}, {"paranoid", "on"}, {"idle_check", "0"},
                                        {"timeout", "none"}, {"max_connections", "1"}, {"protocol", "ascii"}};
  for (size_t i = 0; i < sizeof ways / sizeof *ways; ++i) {
    mc_client *client = CLIENT_WITH(uri, ways[i][0], ways[i][1]);
    uint64_t number = 0;
    CHECK_STATUS(check_store(client, "options:way", "41"), MC_OK);
    CHECK_VALUE(client, "options:way", "41");
    CHECK_STATUS(mc_incr(client, "options:way", MC_CSTR, 1, &number), MC_OK);
    CHECK_NUMBER(number, 42);
    CHECK_MISS(client, "options:none");
    CHECK_VALUE(plain, "options:way", "42");
    mc_free(client);
  }
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  the_table_names_every_option_once();
  what_is_set_is_got();
  a_password_is_set_and_never_got();
  what_is_refused_changes_nothing();
  a_short_buffer_is_told_what_is_needed();
  a_prefix_is_put_on_and_taken_off(client, argv[1]);
  an_item_limit_of_ones_own(client, argv[1]);
  a_limit_of_what_is_received(client, argv[1]);
  every_way_of_driving(client, argv[1]);
  mc_free(client);
  return check_end();
}
