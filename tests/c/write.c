/* Writing one key: set, add, replace, append, prepend, cas, delete, touch. */
#include "check.h"

static void set_replaces_value_and_flags(mc_client *client) {
  CHECK_STATUS(mc_set(client, "write:set", MC_CSTR, "one", 3, 0, 1), MC_OK);
  CHECK_STATUS(mc_set(client, "write:set", MC_CSTR, "second", MC_CSTR, 0, 2), MC_OK);
  mc_item *item;
  if (!CHECK_STATUS(mc_get(client, "write:set", MC_CSTR, &item), MC_OK)) return;
  CHECK_TEXT(item->value, item->value_len, "second");
  CHECK_NUMBER(item->flags, 2);
  mc_item_free(item);
}

static void add_stores_only_what_is_new(mc_client *client) {
  CHECK_STATUS(mc_add(client, "write:add", MC_CSTR, "first", 5, 0, 0), MC_OK);
  CHECK_STATUS(mc_add(client, "write:add", MC_CSTR, "second", 6, 0, 0), MC_NOT_STORED);
  CHECK_VALUE(client, "write:add", "first");
}

static void replace_stores_only_what_is_there(mc_client *client) {
  CHECK_STATUS(mc_replace(client, "write:replace", MC_CSTR, "x", 1, 0, 0), MC_NOT_STORED);
  CHECK_MISS(client, "write:replace");
  CHECK_STATUS(check_store(client, "write:replace", "first"), MC_OK);
  CHECK_STATUS(mc_replace(client, "write:replace", MC_CSTR, "second", 6, 0, 0), MC_OK);
  CHECK_VALUE(client, "write:replace", "second");
}

static void append_and_prepend_leave_the_flags(mc_client *client) {
  CHECK_STATUS(mc_append(client, "write:ends", MC_CSTR, "x", 1), MC_NOT_STORED);
  CHECK_STATUS(mc_prepend(client, "write:ends", MC_CSTR, "x", 1), MC_NOT_STORED);
  CHECK_MISS(client, "write:ends");
  CHECK_STATUS(mc_set(client, "write:ends", MC_CSTR, "b", 1, 0, 9), MC_OK);
  CHECK_STATUS(mc_append(client, "write:ends", MC_CSTR, "c\r\n", 3), MC_OK);
  CHECK_STATUS(mc_prepend(client, "write:ends", MC_CSTR, "a", 1), MC_OK);
  CHECK_STATUS(mc_append(client, "write:ends", MC_CSTR, NULL, 0), MC_OK);
  mc_item *item;
  if (!CHECK_STATUS(mc_get(client, "write:ends", MC_CSTR, &item), MC_OK)) return;
  CHECK_TEXT(item->value, item->value_len, "abc\r\n");
  CHECK_NUMBER(item->flags, 9);
  mc_item_free(item);
}

static uint64_t cas_of(mc_client *client, const char *key) {
  mc_item *item;
  if (!CHECK_STATUS(mc_gets(client, key, MC_CSTR, &item), MC_OK)) return 0;
  uint64_t cas = item->cas;
  mc_item_free(item);
  return cas;
}

static void cas_stores_only_what_is_unchanged(mc_client *client) {
  CHECK_STATUS(mc_cas(client, "write:cas", MC_CSTR, "x", 1, 0, 0, 12345), MC_NOT_FOUND);
  CHECK_MISS(client, "write:cas");
  CHECK_STATUS(check_store(client, "write:cas", "1"), MC_OK);
  uint64_t cas = cas_of(client, "write:cas");
  CHECK_STATUS(mc_cas(client, "write:cas", MC_CSTR, "2", 1, 0, 4, cas), MC_OK);
  CHECK_STATUS(mc_cas(client, "write:cas", MC_CSTR, "3", 1, 0, 0, cas), MC_CAS_FAILURE);
  CHECK_STATUS(mc_cas(client, "write:cas", MC_CSTR, "4", 1, 0, 0, UINT64_MAX), MC_CAS_FAILURE);
  CHECK_STATUS(mc_cas(client, "write:cas", MC_CSTR, "5", 1, 0, 0, 0), MC_INVALID_ARGUMENT);
  mc_item *item;
  if (!CHECK_STATUS(mc_get(client, "write:cas", MC_CSTR, &item), MC_OK)) return;
  CHECK_TEXT(item->value, item->value_len, "2");
  CHECK_NUMBER(item->flags, 4);
  mc_item_free(item);
}

static void delete_takes_it_away(mc_client *client) {
  CHECK_STATUS(check_store(client, "write:delete", "x"), MC_OK);
  CHECK_STATUS(mc_delete(client, "write:delete", MC_CSTR), MC_OK);
  CHECK_MISS(client, "write:delete");
  CHECK_STATUS(mc_delete(client, "write:delete", MC_CSTR), MC_NOT_FOUND);
}

static void touch_changes_only_the_time_to_live(mc_client *client) {
  CHECK_STATUS(mc_touch(client, "write:touch", MC_CSTR, 100), MC_NOT_FOUND);
  CHECK_STATUS(check_store(client, "write:touch", "x"), MC_OK);
  CHECK_STATUS(mc_touch(client, "write:touch", MC_CSTR, 100), MC_OK);
  CHECK_STATUS(mc_touch(client, "write:touch", MC_CSTR, 0), MC_OK);
  CHECK_VALUE(client, "write:touch", "x");
  CHECK_STATUS(mc_touch(client, "write:touch", MC_CSTR, MC_EXPIRE_NOW), MC_OK);
  CHECK_MISS(client, "write:touch");
}

/* A value is data whatever it looks like: none of these may become a command. */
static void values_are_never_commands(mc_client *client) {
  static const char *const values[] = {"\r\nset write:injected 0 0 1\r\nx\r\n", "\r\nflush_all\r\n",
                                       "x\r\nquit\r\n", "\r\n", " noreply"};
  CHECK_STATUS(check_store(client, "write:witness", "here"), MC_OK);
  for (size_t i = 0; i < sizeof values / sizeof *values; ++i) {
    CHECK_STATUS(check_store(client, "write:value", values[i]), MC_OK);
    CHECK_VALUE(client, "write:value", values[i]);
    CHECK_STATUS(mc_delete(client, "write:value", MC_CSTR), MC_OK);
    CHECK_STATUS(mc_add(client, "write:value", MC_CSTR, values[i], MC_CSTR, 0, 0), MC_OK);
    CHECK_STATUS(mc_append(client, "write:value", MC_CSTR, values[i], MC_CSTR), MC_OK);
  }
  CHECK_MISS(client, "write:injected");
  CHECK_VALUE(client, "write:witness", "here");
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  set_replaces_value_and_flags(client);
  add_stores_only_what_is_new(client);
  replace_stores_only_what_is_there(client);
  append_and_prepend_leave_the_flags(client);
  cas_stores_only_what_is_unchanged(client);
  delete_takes_it_away(client);
  touch_changes_only_the_time_to_live(client);
  values_are_never_commands(client);
  mc_free(client);
  return check_end();
}
