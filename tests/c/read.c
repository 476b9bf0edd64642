/* Reading one key: get, gets, gat, gats, into an item of one's own, into a buffer of one's own. */
#include "check.h"

static void a_hit_has_key_value_and_flags(mc_client *client) {
  CHECK_STATUS(mc_set(client, "read:hit", 8, "value", 5, 0, 4294967295u), MC_OK);
  mc_item *item;
  if (!CHECK_STATUS(mc_get(client, "read:hit, and what follows the key", 8, &item), MC_OK)) return;
  CHECK_NUMBER(item->status, MC_OK);
  CHECK_TEXT(item->key, item->key_len, "read:hit");
  CHECK_TEXT(item->value, item->value_len, "value");
  CHECK(item->have & MC_HAVE_FLAGS);
  CHECK_NUMBER(item->flags, 4294967295u);
  CHECK(!(item->have & MC_HAVE_CAS)); /* nobody asked for it */
  mc_item_free(item);
}

static void a_miss_has_no_item(mc_client *client) {
  mc_item *item = (mc_item *)(void *)client; /* anything that is not NULL */
  CHECK_STATUS(mc_get(client, "read:miss", MC_CSTR, &item), MC_NO_VALUE);
  CHECK(item == NULL);
  CHECK_STATUS(mc_gets(client, "read:miss", MC_CSTR, &item), MC_NO_VALUE);
  CHECK(item == NULL);
  CHECK_STATUS(mc_gat(client, "read:miss", MC_CSTR, 10, &item), MC_NO_VALUE);
  CHECK(item == NULL);
  CHECK_STATUS(mc_gats(client, "read:miss", MC_CSTR, 10, &item), MC_NO_VALUE);
  CHECK(item == NULL);
}

static void gets_brings_a_cas_that_changes_with_the_item(mc_client *client) {
  CHECK_STATUS(check_store(client, "read:cas", "1"), MC_OK);
  mc_item *first, *second;
  if (!CHECK_STATUS(mc_gets(client, "read:cas", MC_CSTR, &first), MC_OK)) return;
  CHECK_STATUS(check_store(client, "read:cas", "2"), MC_OK);
  if (CHECK_STATUS(mc_gets(client, "read:cas", MC_CSTR, &second), MC_OK)) {
    CHECK(first->have & MC_HAVE_CAS);
    CHECK(second->have & MC_HAVE_CAS);
    CHECK(first->cas != 0 && second->cas != 0 && first->cas != second->cas);
    CHECK_TEXT(first->value, first->value_len, "1");
    CHECK_TEXT(second->value, second->value_len, "2");
    mc_item_free(second);
  }
  mc_item_free(first);
}

static void gat_reads_and_touches(mc_client *client) {
  mc_item *item;
  CHECK_STATUS(mc_set(client, "read:gat", MC_CSTR, "value", 5, 0, 7), MC_OK);
  if (CHECK_STATUS(mc_gat(client, "read:gat", MC_CSTR, 1000, &item), MC_OK)) {
    CHECK_TEXT(item->value, item->value_len, "value");
    CHECK_NUMBER(item->flags, 7);
    mc_item_free(item);
  }
  CHECK_VALUE(client, "read:gat", "value");
  if (CHECK_STATUS(mc_gats(client, "read:gat", MC_CSTR, MC_EXPIRE_NOW, &item), MC_OK)) {
    CHECK_TEXT(item->value, item->value_len, "value");
    CHECK(item->have & MC_HAVE_CAS);
    CHECK(item->cas != 0);
    mc_item_free(item);
  }
  CHECK_MISS(client, "read:gat");
}

static void an_item_can_be_used_again(mc_client *client) {
  mc_item *item = mc_item_new();
  if (!CHECK(item != NULL)) return;
  char large[50000];
  memset(large, 'x', sizeof large);
  CHECK_STATUS(mc_set(client, "read:large", MC_CSTR, large, sizeof large, 0, 1), MC_OK);
  CHECK_STATUS(mc_set(client, "read:small", MC_CSTR, "s", 1, 0, 2), MC_OK);
  for (int i = 0; i < 3; ++i) {
    CHECK_STATUS(mc_get_reuse(client, "read:small", MC_CSTR, item), MC_OK);
    CHECK_TEXT(item->value, item->value_len, "s");
    CHECK_TEXT(item->key, item->key_len, "read:small");
    CHECK_NUMBER(item->flags, 2);
    CHECK_STATUS(mc_get_reuse(client, "read:large", MC_CSTR, item), MC_OK);
    CHECK_BYTES(item->value, item->value_len, large, sizeof large);
    CHECK_NUMBER(item->flags, 1);
    CHECK_STATUS(mc_get_reuse(client, "read:missing", MC_CSTR, item), MC_NO_VALUE);
    CHECK_NUMBER(item->status, MC_NO_VALUE);
    CHECK(item->value == NULL);
    CHECK_NUMBER(item->value_len, 0);
    CHECK(!(item->have & MC_HAVE_FLAGS));
    CHECK_STATUS(mc_get_reuse(client, "not a key", MC_CSTR, item), MC_ILLEGAL_INPUT);
    CHECK_NUMBER(item->status, MC_ILLEGAL_INPUT);
    CHECK(item->value == NULL);
    CHECK(item->text != NULL && *item->text != '\0');
  }
  mc_item_free(item);
}

static void a_buffer_is_filled_and_nothing_beside_it(mc_client *client) {
  char buffer[8];
  size_t length = 99;
  uint32_t flags = 99;
  CHECK_STATUS(mc_set(client, "read:into", MC_CSTR, "12345", 5, 0, 6), MC_OK);
  memset(buffer, '#', sizeof buffer);
  CHECK_STATUS(mc_get_into(client, "read:into", MC_CSTR, buffer, 5, &length, &flags), MC_OK);
  CHECK_NUMBER(length, 5);
  CHECK_NUMBER(flags, 6);
  CHECK_BYTES(buffer, sizeof buffer, "12345###", 8);
  memset(buffer, '#', sizeof buffer);
  CHECK_STATUS(mc_get_into(client, "read:into", MC_CSTR, buffer, 8, &length, &flags), MC_OK);
  CHECK_BYTES(buffer, 5, "12345", 5);
  CHECK_STATUS(mc_get_into(client, "read:none", MC_CSTR, buffer, 8, &length, &flags), MC_NO_VALUE);
  CHECK_NUMBER(length, 0);
  CHECK_NUMBER(flags, 0);
}

static void a_buffer_too_small_says_what_is_needed(mc_client *client, size_t size) {
  char *value = malloc(size), *buffer = malloc(size);
  if (!CHECK(value != NULL && buffer != NULL)) exit(1);
  memset(value, 'v', size);
  CHECK_STATUS(mc_set(client, "read:tight", MC_CSTR, value, size, 0, 3), MC_OK);
  CHECK_STATUS(check_store(client, "read:next", "next"), MC_OK);
  const size_t caps[] = {0, 1, size / 2, size - 1};
  for (size_t i = 0; i < sizeof caps / sizeof *caps; ++i) {
    size_t length = 0;
    uint32_t flags = 0;
    buffer[caps[i]] = '#';
    CHECK_STATUS(mc_get_into(client, "read:tight", MC_CSTR, buffer, caps[i], &length, &flags),
                 MC_BUFFER_TOO_SMALL);
    CHECK_NUMBER(length, size);
    CHECK_NUMBER(buffer[caps[i]], '#');
    CHECK_VALUE(client, "read:next", "next"); /* the connection is in step */
  }
  size_t length = 0;
  uint32_t flags = 0;
  CHECK_STATUS(mc_get_into(client, "read:tight", MC_CSTR, NULL, 0, &length, &flags), MC_BUFFER_TOO_SMALL);
  CHECK_NUMBER(length, size);
  CHECK_STATUS(mc_get_into(client, "read:tight", MC_CSTR, buffer, size, &length, &flags), MC_OK);
  CHECK_BYTES(buffer, length, value, size);
  free(value);
  free(buffer);
}

static void an_empty_value_needs_no_buffer(mc_client *client) {
  size_t length = 99;
  uint32_t flags = 99;
  CHECK_STATUS(mc_set(client, "read:empty", MC_CSTR, NULL, 0, 0, 5), MC_OK);
  CHECK_STATUS(mc_get_into(client, "read:empty", MC_CSTR, NULL, 0, &length, &flags), MC_OK);
  CHECK_NUMBER(length, 0);
  CHECK_NUMBER(flags, 5);
  mc_item *item;
  if (!CHECK_STATUS(mc_get(client, "read:empty", MC_CSTR, &item), MC_OK)) return;
  CHECK_TEXT(item->value, item->value_len, ""); /* not NULL: there is a value */
  mc_item_free(item);
}

/* The same value by all three ways of reading. */
static void comes_back(mc_client *client, const char *value, size_t length) {
  CHECK_STATUS(mc_set(client, "read:any", MC_CSTR, value, length, 0, 0), MC_OK);
  mc_item *item;
  if (CHECK_STATUS(mc_get(client, "read:any", MC_CSTR, &item), MC_OK)) {
    CHECK_BYTES(item->value, item->value_len, value, length);
    CHECK_NUMBER(item->value[item->value_len], 0);
    CHECK_STATUS(mc_get_reuse(client, "read:any", MC_CSTR, item), MC_OK);
    CHECK_BYTES(item->value, item->value_len, value, length);
    CHECK_NUMBER(item->value[item->value_len], 0);
    mc_item_free(item);
  }
  char *buffer = malloc(length + 1);
  size_t got = 0;
  uint32_t flags;
  if (!CHECK(buffer != NULL)) exit(1);
  CHECK_STATUS(mc_get_into(client, "read:any", MC_CSTR, buffer, length, &got, &flags), MC_OK);
  CHECK_BYTES(buffer, got, value, length);
  free(buffer);
}

static void values_are_bytes(mc_client *client) {
  static const char *const like_replies[] = {
      "END\r\n", "\r\nEND\r\n", "\r\n", "\r", "\n", "VALUE read:any 0 3\r\nabc\r\nEND\r\n", "STORED\r\n",
      "SERVER_ERROR out of memory\r\n"};
  for (size_t i = 0; i < sizeof like_replies / sizeof *like_replies; ++i)
    comes_back(client, like_replies[i], strlen(like_replies[i]));
  char all[512];
  for (size_t i = 0; i < sizeof all; ++i) all[i] = (char)i;
  comes_back(client, all, sizeof all);
  comes_back(client, "\0", 1);
}

static void values_of_any_size(mc_client *client) {
  static const size_t around[] = {2,     100,   1400,  2048,   4096,   8192,   16384,
                                  32768, 65536, 98304, 131072, 262144, 524288, 1000000};
  size_t most = 1000002;
  char *value = malloc(most);
  if (!CHECK(value != NULL)) exit(1);
  for (size_t i = 0; i < most; ++i) value[i] = (char)(i * 31 + i / 251);
  for (size_t i = 0; i < sizeof around / sizeof *around; ++i)
    for (size_t length = around[i] - 2; length <= around[i] + 2; ++length)
      comes_back(client, value + i, length < most - i ? length : most - i);
  /* Headers in front of the value move the places where one receive ends. */
  for (size_t length = 16200; length < 16400; ++length) comes_back(client, value, length);
  free(value);
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  a_hit_has_key_value_and_flags(client);
  a_miss_has_no_item(client);
  gets_brings_a_cas_that_changes_with_the_item(client);
  gat_reads_and_touches(client);
  an_item_can_be_used_again(client);
  a_buffer_is_filled_and_nothing_beside_it(client);
  a_buffer_too_small_says_what_is_needed(client, 100);
  a_buffer_too_small_says_what_is_needed(client, 1000000);
  an_empty_value_needs_no_buffer(client);
  values_are_bytes(client);
  values_of_any_size(client);
  mc_free(client);
  return check_end();
}
