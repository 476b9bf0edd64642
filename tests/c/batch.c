/* Many keys in one call: an entry for each, in order, whatever became of it. */
#include "check.h"

#define N(array) (sizeof(array) / sizeof *(array))

/* Entry i of some results, its status and key checked; a failure says which line wanted it. */
#define ENTRY(results, i, status, key) entry(__LINE__, (results), (i), (status), (key))
#define VALUE_ENTRY(results, i, key, value) value_entry(__LINE__, (results), (i), (key), (value))
#define MISS_ENTRY(results, i, key) miss_entry(__LINE__, (results), (i), (key))

static const mc_item *entry(int line, const mc_results *results, size_t i, mc_status status, const char *key) {
  const mc_item *item = mc_results_item(results, i);
  if (!CHECK(item != NULL)) exit(1);
  if (!(CHECK_STATUS(item->status, status) & CHECK_TEXT(item->key, item->key_len, key)))
    fprintf(stderr, "  in entry %zu, at line %d\n", i, line);
  return item;
}

static void value_entry(int line, const mc_results *results, size_t i, const char *key, const char *value) {
  const mc_item *item = entry(line, results, i, MC_OK, key);
  if (!CHECK_TEXT(item->value, item->value_len, value)) fprintf(stderr, "  in entry %zu, at line %d\n", i, line);
}

static void miss_entry(int line, const mc_results *results, size_t i, const char *key) {
  const mc_item *item = entry(line, results, i, MC_NO_VALUE, key);
  if (!CHECK(item->value == NULL && item->value_len == 0)) fprintf(stderr, "  in entry %zu, at line %d\n", i, line);
}

static void store_letters(mc_client *client) {
  static const char *const keys[] = {"a", "b", "c", "empty"};
  static const void *const values[] = {"A", "BB", "CCC", NULL};
  static const size_t lens[] = {1, 2, 3, 0};
  mc_results *results;
  CHECK_STATUS(mc_set_multi(client, keys, NULL, values, lens, 4, 0, 7, &results), MC_OK);
  CHECK_NUMBER(mc_results_count(results), 4);
  CHECK_NUMBER(mc_results_failed(results), 0);
  for (size_t i = 0; i < 4; ++i) ENTRY(results, i, MC_OK, keys[i]);
  mc_results_free(results);
}

static void order_doubles_and_misses(mc_client *client) {
  static const char *const keys[] = {"c", "none", "a", "c", "none", "empty", "b", "a"};
  mc_results *results;
  if (!CHECK_STATUS(mc_get_multi(client, keys, NULL, N(keys), &results), MC_OK)) return;
  CHECK_NUMBER(mc_results_count(results), N(keys));
  CHECK_NUMBER(mc_results_failed(results), 0); /* a miss is no failure */
  VALUE_ENTRY(results, 0, "c", "CCC");
  MISS_ENTRY(results, 1, "none");
  VALUE_ENTRY(results, 2, "a", "A");
  VALUE_ENTRY(results, 3, "c", "CCC");
  MISS_ENTRY(results, 4, "none");
  VALUE_ENTRY(results, 5, "empty", "");
  VALUE_ENTRY(results, 6, "b", "BB");
  VALUE_ENTRY(results, 7, "a", "A");
  CHECK_NUMBER(mc_results_item(results, 0)->flags, 7);
  CHECK(mc_results_item(results, N(keys)) == NULL);
  CHECK(mc_results_item(results, (size_t)-1) == NULL);
  mc_results_free(results);
}

static void lengths_end_the_keys(mc_client *client) {
  static const char *const keys[] = {"abc", "b", "bcd"};
  static const size_t lens[] = {1, MC_CSTR, 1};
  mc_results *results;
  if (!CHECK_STATUS(mc_get_multi(client, keys, lens, 3, &results), MC_OK)) return;
  VALUE_ENTRY(results, 0, "a", "A");
  VALUE_ENTRY(results, 1, "b", "BB");
  VALUE_ENTRY(results, 2, "b", "BB");
  mc_results_free(results);
}

static void the_stride_leads_from_item_to_item(mc_client *client) {
  static const char *const keys[] = {"a", "none", "b", "c"};
  mc_results *results;
  if (!CHECK_STATUS(mc_get_multi(client, keys, NULL, 4, &results), MC_OK)) return;
  size_t count = 0, stride = 0;
  const char *at = (const char *)mc_results_items(results, &count, &stride);
  CHECK_NUMBER(count, 4);
  CHECK(stride >= sizeof(mc_item));
  for (size_t i = 0; i < count; ++i)
    CHECK((const mc_item *)(const void *)(at + i * stride) == mc_results_item(results, i));
  mc_results_free(results);
}

static void an_illegal_key_is_its_own_failure(mc_client *client) {
  static const char *const keys[] = {"a", "two words", "b", "", "line\r\nflush_all", "c"};
  static const void *const values[] = {"1", "2", "3", "4", "5", "6"};
  static const mc_status expected[] = {MC_OK, MC_ILLEGAL_INPUT, MC_OK, MC_ILLEGAL_INPUT, MC_ILLEGAL_INPUT, MC_OK};
  mc_results *results;
  CHECK_STATUS(mc_get_multi(client, keys, NULL, N(keys), &results), MC_PARTIAL);
  CHECK_NUMBER(mc_results_failed(results), 3);
  for (size_t i = 0; i < N(keys); ++i) ENTRY(results, i, expected[i], keys[i]);
  VALUE_ENTRY(results, 5, "c", "CCC");
  mc_results_free(results);
  CHECK_STATUS(mc_set_multi(client, keys, NULL, values, NULL, N(keys), 0, 0, &results), MC_MULTI_STORAGE);
  CHECK_NUMBER(mc_results_failed(results), 3);
  for (size_t i = 0; i < N(keys); ++i) ENTRY(results, i, expected[i], keys[i]);
  CHECK(mc_results_item(results, 1)->text != NULL);
  mc_results_free(results);
  CHECK_VALUE(client, "a", "1");
  CHECK_VALUE(client, "c", "6");
  CHECK_STATUS(mc_set_multi(client, keys, NULL, values, NULL, N(keys), 0, 0, NULL), MC_MULTI_STORAGE);
}

static void a_too_large_value_is_its_own_failure(mc_client *client) {
  static const char *const keys[] = {"a", "large", "c"};
  size_t lens[] = {1, 2000000, 1};
  char *large = calloc(1, lens[1]);
  const void *values[] = {"x", large, "z"};
  mc_results *results;
  CHECK_STATUS(mc_set_multi(client, keys, NULL, values, lens, 3, 0, 0, &results), MC_MULTI_STORAGE);
  CHECK_NUMBER(mc_results_failed(results), 1);
  ENTRY(results, 0, MC_OK, "a");
  ENTRY(results, 1, MC_TOO_LARGE, "large");
  ENTRY(results, 2, MC_OK, "c");
  mc_results_free(results);
  CHECK_VALUE(client, "a", "x");
  CHECK_VALUE(client, "c", "z");
  CHECK_MISS(client, "large");
  free(large);
}

static void nothing_is_a_batch_too(mc_client *client) {
  mc_results *results = NULL;
  CHECK_STATUS(mc_get_multi(client, NULL, NULL, 0, &results), MC_OK);
  CHECK(results != NULL);
  CHECK_NUMBER(mc_results_count(results), 0);
  size_t count = 9, stride = 9;
  CHECK((mc_results_items(results, &count, &stride), count == 0));
  CHECK(mc_results_item(results, 0) == NULL);
  mc_results_free(results);
  CHECK_STATUS(mc_set_multi(client, NULL, NULL, NULL, NULL, 0, 0, 0, NULL), MC_OK);
  CHECK_STATUS(mc_execute_multi(client, NULL, 0, NULL, &results), MC_OK);
  CHECK_NUMBER(mc_results_count(results), 0);
  mc_results_free(results);
}

static void writes_need_no_results(mc_client *client) {
  static const char *const keys[] = {"quiet:a", "quiet:b"};
  static const void *const values[] = {"1", "2"};
  CHECK_STATUS(mc_set_multi(client, keys, NULL, values, NULL, 2, 0, 0, NULL), MC_OK);
  CHECK_VALUE(client, "quiet:b", "2");
  CHECK_STATUS(mc_touch_multi(client, keys, NULL, 2, 100, NULL), MC_OK);
  CHECK_STATUS(mc_delete_multi(client, keys, NULL, 2, NULL), MC_OK);
  CHECK_MISS(client, "quiet:a");
  CHECK_STATUS(mc_delete_multi(client, keys, NULL, 2, NULL), MC_OK); /* misses are no failures */
}

static void gets_delete_and_touch_many(mc_client *client) {
  static const char *const keys[] = {"many:a", "many:none", "many:b"};
  mc_results *results;
  CHECK_STATUS(check_store(client, "many:a", "1"), MC_OK);
  CHECK_STATUS(check_store(client, "many:b", "2"), MC_OK);
  if (CHECK_STATUS(mc_gets_multi(client, keys, NULL, 3, &results), MC_OK)) {
    const mc_item *a = ENTRY(results, 0, MC_OK, "many:a"), *b = ENTRY(results, 2, MC_OK, "many:b");
    CHECK((a->have & MC_HAVE_CAS) && (b->have & MC_HAVE_CAS) && a->cas != 0 && a->cas != b->cas);
    MISS_ENTRY(results, 1, "many:none");
    CHECK_STATUS(mc_cas(client, "many:b", MC_CSTR, "3", 1, 0, 0, b->cas), MC_OK);
    mc_results_free(results);
  }
  if (CHECK_STATUS(mc_touch_multi(client, keys, NULL, 3, 100, &results), MC_OK)) {
    ENTRY(results, 0, MC_OK, "many:a");
    ENTRY(results, 1, MC_NOT_FOUND, "many:none");
    ENTRY(results, 2, MC_OK, "many:b");
    mc_results_free(results);
  }
  if (CHECK_STATUS(mc_delete_multi(client, keys, NULL, 3, &results), MC_OK)) {
    ENTRY(results, 0, MC_OK, "many:a");
    ENTRY(results, 1, MC_NOT_FOUND, "many:none");
    ENTRY(results, 2, MC_OK, "many:b");
    mc_results_free(results);
  }
  CHECK_MISS(client, "many:a");
  CHECK_MISS(client, "many:b");
}

enum { MANY = 10000, KEY_ROOM = 32 };

/* Every third key is not stored; the values name their keys. */
static void ten_thousand_keys(mc_client *client) {
  char(*text)[KEY_ROOM] = malloc(MANY * sizeof *text);
  const char **keys = malloc(MANY * sizeof *keys), **stored = malloc(MANY * sizeof *stored);
  size_t n = 0;
  mc_results *results;
  if (!CHECK(text != NULL && keys != NULL && stored != NULL)) exit(1);
  for (size_t i = 0; i < MANY; ++i) {
    snprintf(text[i], KEY_ROOM, "ten-thousand:%zu", i);
    keys[i] = text[i];
    if (i % 3 != 2) stored[n++] = text[i];
  }
  CHECK_STATUS(mc_set_multi(client, stored, NULL, (const void *const *)stored, NULL, n, 0, 0, &results), MC_OK);
  CHECK_NUMBER(mc_results_count(results), n);
  mc_results_free(results);
  if (CHECK_STATUS(mc_get_multi(client, keys, NULL, MANY, &results), MC_OK)) {
    CHECK_NUMBER(mc_results_count(results), MANY);
    for (size_t i = 0; i < MANY; ++i)
      if (i % 3 == 2) MISS_ENTRY(results, i, keys[i]);
      else VALUE_ENTRY(results, i, keys[i], keys[i]);
    mc_results_free(results);
  }
  CHECK_STATUS(mc_delete_multi(client, keys, NULL, MANY, &results), MC_OK);
  CHECK_NUMBER(mc_results_count(results), MANY);
  for (size_t i = 0; i < MANY; ++i)
    ENTRY(results, i, i % 3 == 2 ? MC_NOT_FOUND : MC_OK, keys[i]);
  mc_results_free(results);
  free(text);
  free(keys);
  free(stored);
}

/* 12 MB out in one call, 48 MB back in one: neither side may wait for the other to read. */
static void more_than_any_buffer_holds(mc_client *client) {
  enum { VALUES = 24, SIZE = 500000, ROUNDS = 4 };
  const char *keys[VALUES * ROUNDS];
  const void *values[VALUES];
  size_t lens[VALUES];
  char names[VALUES][KEY_ROOM], *bytes = malloc(SIZE + VALUES);
  mc_results *results;
  if (!CHECK(bytes != NULL)) exit(1);
  for (size_t i = 0; i < SIZE + VALUES; ++i) bytes[i] = (char)(i * 7 + i / 253);
  for (size_t i = 0; i < VALUES; ++i) {
    snprintf(names[i], KEY_ROOM, "heavy:%zu", i);
    for (size_t round = 0; round < ROUNDS; ++round) keys[round * VALUES + i] = names[i];
    values[i] = bytes + i;
    lens[i] = SIZE;
  }
  CHECK_STATUS(mc_set_multi(client, keys, NULL, values, lens, VALUES, 0, 0, NULL), MC_OK);
  if (CHECK_STATUS(mc_get_multi(client, keys, NULL, VALUES * ROUNDS, &results), MC_OK)) {
    for (size_t i = 0; i < VALUES * ROUNDS; ++i) {
      const mc_item *item = ENTRY(results, i, MC_OK, keys[i]);
      CHECK_BYTES(item->value, item->value_len, values[i % VALUES], SIZE);
      CHECK_NUMBER(item->value[SIZE], 0);
    }
    mc_results_free(results);
  }
  CHECK_STATUS(mc_delete_multi(client, keys, NULL, VALUES, NULL), MC_OK);
  free(bytes);
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  store_letters(client);
  order_doubles_and_misses(client);
  lengths_end_the_keys(client);
  the_stride_leads_from_item_to_item(client);
  an_illegal_key_is_its_own_failure(client);
  a_too_large_value_is_its_own_failure(client);
  nothing_is_a_batch_too(client);
  writes_need_no_results(client);
  gets_delete_and_touch_many(client);
  ten_thousand_keys(client);
  more_than_any_buffer_holds(client);
  mc_free(client);
  return check_end();
}
