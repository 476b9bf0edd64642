/* quickstart: connect, set, get, a miss, an error, free. What a newcomer copies.
 *
 *     quickstart [SERVER-URI]
 *     quickstart                             a store inside this process: no server needed
 *     quickstart memcached://localhost/      a real memcached
 */
#include <memcached2.h>
#include <stdio.h>

int main(int argc, char **argv) {
  const char *servers = argc > 1 ? argv[1] : "memory://";

  /* One client for the whole program, used by all of its threads. Nothing is connected yet. */
  mc_client *client;
  if (mc_new(servers, &client) != MC_OK) {
    fprintf(stderr, "quickstart: %s\n", mc_last_error());
    return 1;
  }

  /* Set: key, value, seconds to live (0: for ever), and a number of your own that comes back. */
  mc_status status = mc_set(client, "greeting", MC_CSTR, "hello, world", MC_CSTR, 3600, 0);
  if (status != MC_OK) {
    fprintf(stderr, "quickstart: set: %s: %s\n", mc_status_name(status), mc_last_error());
    mc_free(client);
    return 1;
  }
  printf("set   greeting = hello, world\n");

  /* Get: MC_OK, and only MC_OK, hands out an item; it is yours until you free it. */
  mc_item *item;
  status = mc_get(client, "greeting", MC_CSTR, &item);
  if (status == MC_OK) {
    printf("get   greeting = %s (%zu bytes)\n", item->value, item->value_len);
    mc_item_free(item);
  }

  /* A miss is no error: it tells that there is nothing under this key. */
  status = mc_get(client, "nobody's key", 6, &item); /* the length makes the key "nobody" */
  if (mc_status_is_miss(status)) printf("miss  nobody\n");

  /* An error is no miss: here the key is one that no server could hold. */
  status = mc_get(client, "two words", MC_CSTR, &item);
  if (status != MC_OK && !mc_status_is_miss(status))
    printf("error %s: %s\n", mc_status_name(status), mc_last_error());

  mc_free(client);
  return status == MC_ILLEGAL_INPUT ? 0 : 1;
}
