/* Batches whose keys and values lie one behind the other: what a binding has at hand. */
#include "check.h"

static void set_get_delete(mc_client *client) {
  static const size_t key_lens[] = {1, 2, 3, 4}, value_lens[] = {3, 0, 1, 2};
  static const size_t read_lens[] = {3, 1, 4, 2, 4, 1};
  mc_results *results;
  CHECK_STATUS(mc_set_multi_packed(client, "abbcccdddd", key_lens, "AAACDD", value_lens, 4, 0, 5, NULL, &results), MC_OK);
  CHECK_NUMBER(mc_results_count(results), 4);
  CHECK_TEXT(mc_results_item(results, 2)->key, mc_results_item(results, 2)->key_len, "ccc");
  mc_results_free(results);
  static const char *const values[] = {"C", "AAA", NULL, "", "DD", "AAA"};
  static const char *const keys[] = {"ccc", "a", "none", "bb", "dddd", "a"};
  CHECK_STATUS(mc_get_multi_packed(client, "cccanonebbdddda", read_lens, 6, NULL, &results), MC_OK);
  for (size_t i = 0; i < 6; ++i) {
    const mc_item *item = mc_results_item(results, i);
    CHECK_TEXT(item->key, item->key_len, keys[i]);
    CHECK_STATUS(item->status, values[i] ? MC_OK : MC_NO_VALUE);
    if (values[i]) CHECK_TEXT(item->value, item->value_len, values[i]);
    if (values[i]) CHECK_NUMBER(item->flags, 5);
  }
  mc_results_free(results);
  CHECK_STATUS(mc_delete_multi_packed(client, "anonedddd", (const size_t[]){1, 4, 4}, 3, NULL, &results), MC_OK);
  CHECK_STATUS(mc_results_item(results, 0)->status, MC_OK);
  CHECK_STATUS(mc_results_item(results, 1)->status, MC_NOT_FOUND);
  CHECK_STATUS(mc_results_item(results, 2)->status, MC_OK);
  mc_results_free(results);
  CHECK_MISS(client, "a");
  CHECK_VALUE(client, "ccc", "C");
}

static void an_empty_key_is_illegal_and_alone(mc_client *client) {
  static const size_t key_lens[] = {1, 0, 1}, value_lens[] = {1, 1, 1};
  mc_results *results;
  CHECK_STATUS(mc_set_multi_packed(client, "xy", key_lens, "123", value_lens, 3, 0, 0, NULL, &results), MC_MULTI_STORAGE);
  CHECK_STATUS(mc_results_item(results, 1)->status, MC_ILLEGAL_INPUT);
  mc_results_free(results);
  CHECK_VALUE(client, "x", "1");
  CHECK_VALUE(client, "y", "3");
  CHECK_STATUS(mc_get_multi_packed(client, "xy", key_lens, 3, NULL, &results), MC_PARTIAL);
  CHECK_STATUS(mc_results_item(results, 0)->status, MC_OK);
  CHECK_STATUS(mc_results_item(results, 1)->status, MC_ILLEGAL_INPUT);
  CHECK_STATUS(mc_results_item(results, 2)->status, MC_OK);
  mc_results_free(results);
}

static void only_empty_values(mc_client *client) {
  static const size_t key_lens[] = {1, 1}, value_lens[] = {0, 0};
  CHECK_STATUS(mc_set_multi_packed(client, "vw", key_lens, NULL, value_lens, 2, 0, 0, NULL, NULL), MC_OK);
  CHECK_VALUE(client, "v", "");
  CHECK_VALUE(client, "w", "");
}

static void nothing_at_all(mc_client *client) {
  mc_results *results;
  CHECK_STATUS(mc_get_multi_packed(client, NULL, NULL, 0, NULL, &results), MC_OK);
  CHECK_NUMBER(mc_results_count(results), 0);
  mc_results_free(results);
  CHECK_STATUS(mc_set_multi_packed(client, NULL, NULL, NULL, NULL, 0, 0, 0, NULL, NULL), MC_OK);
  CHECK_STATUS(mc_delete_multi_packed(client, NULL, NULL, 0, NULL, NULL), MC_OK);
}

/* Lengths whose sum is no length: nothing may be read by them. */
static void lengths_beyond_memory_are_refused(mc_client *client) {
  static const size_t huge[] = {SIZE_MAX / 2, SIZE_MAX / 2, 100}, one[] = {1, 1, 1};
  mc_results *results;
  CHECK_STATUS(mc_get_multi_packed(client, "abc", huge, 3, NULL, &results), MC_INVALID_ARGUMENT);
  CHECK(results == NULL);
  CHECK_STATUS(mc_set_multi_packed(client, "abc", one, "abc", huge, 3, 0, 0, NULL, &results), MC_INVALID_ARGUMENT);
  CHECK(results == NULL);
  CHECK_STATUS(mc_get_multi_packed(client, "abc", NULL, 3, NULL, &results), MC_INVALID_ARGUMENT);
  CHECK(results == NULL);
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  set_get_delete(client);
  an_empty_key_is_illegal_and_alone(client);
  only_empty_values(client);
  nothing_at_all(client);
  lengths_beyond_memory_are_refused(client);
  mc_free(client);
  return check_end();
}
