/* batch: many keys at once. A batch goes to all of its servers at the same time, and each of its
 * commands has a status of its own.
 *
 *     batch [SERVER-URI]
 */
#include <memcached2.h>
#include <stdio.h>

enum { COUNT = 5 };

static const char *const KEYS[COUNT] = {"batch:one", "batch:two", "batch:three", "batch:four", "batch:five"};
static const void *const VALUES[COUNT] = {"1", "22", "333", "4444", "55555"};

/* Prints what became of each command of a batch, and frees it. */
static void show(const char *title, mc_status status, mc_results *results) {
  printf("%s: %s\n", title, mc_status_name(status));
  for (size_t i = 0; i < mc_results_count(results); ++i) {
    const mc_item *item = mc_results_item(results, i); /* lives as long as the results */
    printf("  %-12s %-14s %s\n", item->key, mc_status_name(item->status), item->value ? item->value : "");
  }
  mc_results_free(results);
}

int main(int argc, char **argv) {
  mc_client *client;
  if (mc_new(argc > 1 ? argv[1] : "memory://", &client) != MC_OK) {
    fprintf(stderr, "batch: %s\n", mc_last_error());
    return 1;
  }

  /* NULL for the lengths: all keys and values end at a NUL. NULL for the results: the status says
   * whether all were stored (MC_OK) or some were not (MC_MULTI_STORAGE). */
  mc_status status = mc_set_multi(client, KEYS, NULL, VALUES, NULL, COUNT, 300, 0, NULL);
  printf("set: %s\n", mc_status_name(status));

  /* The results come in the order of the keys, doubles and misses included. */
  const char *wanted[] = {"batch:two", "batch:none", "batch:four", "batch:two"};
  mc_results *results;
  status = mc_get_multi(client, wanted, NULL, 4, &results);
  show("get", status, results);

  /* One command that cannot be carried out fails alone: MC_PARTIAL, and the others stand. */
  const char *mixed[] = {"batch:one", "not a key", "batch:five"};
  status = mc_get_multi(client, mixed, NULL, 3, &results);
  show("get, one illegal", status, results);

  /* Commands of any kind in one batch. */
  mc_command commands[3] = {MC_COMMAND_INIT(MC_OP_INCR), MC_COMMAND_INIT(MC_OP_APPEND), MC_COMMAND_INIT(MC_OP_GET)};
  const char *keys[] = {"batch:one", "batch:two", "batch:three"};
  for (size_t i = 0; i < 3; ++i) {
    commands[i].key = keys[i];
    commands[i].key_len = MC_CSTR;
  }
  commands[0].delta = 41;
  commands[1].value = "!";
  commands[1].value_len = 1;
  status = mc_execute_multi(client, commands, 3, NULL, &results);
  if (results != NULL) printf("batch:one is now %llu\n", (unsigned long long)mc_results_item(results, 0)->number);
  show("mixed", status, results);

  status = mc_delete_multi(client, KEYS, NULL, COUNT, &results);
  show("delete", status, results);

  mc_free(client);
  return status == MC_OK ? 0 : 1;
}
