/* FM-115: `in_locale SERVER-URI LOCALE` prints what calls answer that read or write numbers, or look
 * at the kind of a character: the same in every locale. */
#include "../c/check.h"
#include <locale.h>

static void try_uri(const char *uri) {
  mc_client *client;
  mc_status status = mc_new(uri, &client);
  printf("%s: %s", uri, mc_status_name(status));
  if (status == MC_OK) {
    char servers[256];
    CHECK_STATUS(mc_servers(client, servers, sizeof servers, NULL), MC_OK);
    printf(" %s", servers);
  }
  puts("");
  mc_free(client);
}

static void try_option(mc_options *options, const char *name, const char *value) {
  char text[64] = "";
  mc_status status = mc_options_set(options, name, value);
  mc_options_get(options, name, text, sizeof text, NULL);
  printf("%s = %s: %s, %s\n", name, value, mc_status_name(status), text);
}

static void try_key(mc_client *client, const char *key) {
  mc_item *item;
  mc_status set = mc_set(client, key, MC_CSTR, key, strlen(key), 0, 4000000000u);
  mc_status got = mc_get(client, key, MC_CSTR, &item);
  printf("%s: %s %s", key, mc_status_name(set), mc_status_name(got));
  if (got == MC_OK) printf(" '%s' %u", item->value, item->flags);
  puts("");
  mc_item_free(item);
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  if (argc != 3 || setlocale(LC_ALL, argv[2]) == NULL) check_give_up("no such locale");

  static const char *const uris[] = {"memcached://127.0.0.1:11212/?timeout=1500ms", "MEMCACHED+UNIX:///Info/I.sock",
                                     "memcached://LOCALHOST/", "Invalid://x", "memcached://127.0.0.1:1.000/"};
  for (size_t i = 0; i < sizeof uris / sizeof *uris; ++i) try_uri(uris[i]);

  mc_options *options = mc_options_new();
  static const char *const values[][2] = {{"timeout", "1.5s"},        {"timeout", "1,5s"},  {"timeout", "250ms"},
                                          {"item_size_max", "1.000k"}, {"PARANOID", "on"},   {"paranoid", "ON"},
                                          {"item_size_max", "4M"},     {"idle_check", "\xd9\xa5s"}};
  for (size_t i = 0; i < sizeof values / sizeof *values; ++i) try_option(options, values[i][0], values[i][1]);
  mc_options_free(options);

  static const char *const keys[] = {"plain", "Iı", "\xa0", "ğüşiöç", "\xe0\xa5\xa7\xe0\xa5\xa8", "a\x85z", "\xc2\xa0", "a b"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; ++i) try_key(client, keys[i]);

  uint64_t number = 0;
  CHECK_STATUS(check_store(client, "number", "1234567"), MC_OK);
  CHECK_STATUS(mc_incr(client, "number", MC_CSTR, 1000000, &number), MC_OK);
  CHECK_NUMBER(number, 2234567);
  CHECK_VALUE(client, "number", "2234567");
  mc_free(client);
  return check_end();
}
