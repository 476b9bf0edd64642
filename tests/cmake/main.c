/* What any program does: store a value in the server given, and read it back. */
#include <memcached2.h>
#include <stdio.h>
#include <string.h>

static const char KEY[] = "consumer:c";
static const char VALUE[] = "a value";

int main(int argc, char **argv) {
  mc_client *client;
  mc_item *item = NULL;
  mc_status status;
  if (argc != 2 || strcmp(mc_version(), MEMCACHED2_VERSION_STRING) != 0) return 2;
  status = mc_new(argv[1], &client);
  if (status == MC_OK) status = mc_set(client, KEY, MC_CSTR, VALUE, sizeof VALUE, 60, 7);
  if (status == MC_OK) status = mc_get(client, KEY, MC_CSTR, &item);
  if (status != MC_OK) {
    fprintf(stderr, "%s: %s\n", mc_status_name(status), mc_last_error());
    mc_free(client);
    return 1;
  }
  status = item->value_len == sizeof VALUE && strcmp(item->value, VALUE) == 0 && item->flags == 7;
  mc_item_free(item);
  mc_free(client);
  return status ? 0 : 3;
}
