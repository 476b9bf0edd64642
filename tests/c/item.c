/* Items: their life, their copies, and that they need no client. */
#include "check.h"

static void a_new_item_says_nothing(void) {
  mc_item *item = mc_item_new();
  if (!CHECK(item != NULL)) return;
  CHECK_NUMBER(item->have, 0);
  CHECK(item->value == NULL);
  CHECK_NUMBER(item->value_len, 0);
  mc_item *copy = mc_item_copy(item);
  CHECK(copy != NULL && copy != item);
  mc_item_free(item);
  mc_item_free(copy);
}

static void nothing_is_copied_to_nothing(void) {
  CHECK(mc_item_copy(NULL) == NULL);
  mc_item_free(NULL);
}

static void a_copy_stands_alone(mc_client *client) {
  CHECK_STATUS(mc_set(client, "item:copy", MC_CSTR, "a\0b", 3, 0, 77), MC_OK);
  mc_item *item;
  if (!CHECK_STATUS(mc_gets(client, "item:copy", MC_CSTR, &item), MC_OK)) return;
  mc_item *copy = mc_item_copy(item);
  uint64_t cas = item->cas;
  mc_item_free(item);
  if (!CHECK(copy != NULL)) return;
  CHECK_NUMBER(copy->status, MC_OK);
  CHECK_TEXT(copy->key, copy->key_len, "item:copy");
  CHECK_BYTES(copy->value, copy->value_len, "a\0b", 3);
  CHECK_NUMBER(copy->value[3], 0);
  CHECK_NUMBER(copy->flags, 77);
  CHECK_NUMBER(copy->cas, cas);
  CHECK((copy->have & MC_HAVE_CAS) && (copy->have & MC_HAVE_FLAGS));
  /* A copy is an item like any other: it can be filled again. */
  CHECK_STATUS(check_store(client, "item:other", "something longer than before"), MC_OK);
  CHECK_STATUS(mc_get_reuse(client, "item:other", MC_CSTR, copy), MC_OK);
  CHECK_TEXT(copy->value, copy->value_len, "something longer than before");
  mc_item_free(copy);
}

static void a_copy_keeps_what_went_wrong(mc_client *client) {
  mc_item *item = mc_item_new();
  CHECK_STATUS(mc_get_reuse(client, "no key", MC_CSTR, item), MC_ILLEGAL_INPUT);
  mc_item *copy = mc_item_copy(item);
  mc_item_free(item);
  if (!CHECK(copy != NULL)) return;
  CHECK_NUMBER(copy->status, MC_ILLEGAL_INPUT);
  CHECK(copy->value == NULL);
  CHECK(copy->text != NULL && *copy->text != '\0');
  mc_item_free(copy);
}

/* What a failure left in an item must not show in what comes after it, and the reverse. */
static void each_use_starts_anew(mc_client *client) {
  mc_item *item = mc_item_new();
  mc_command incr = MC_COMMAND_INIT(MC_OP_INCR);
  incr.key = "item:number";
  incr.key_len = MC_CSTR;
  CHECK_STATUS(mc_set(client, "item:number", MC_CSTR, "41", 2, 0, 3), MC_OK);
  for (int i = 0; i < 3; ++i) {
    CHECK_STATUS(mc_execute_into(client, &incr, item), MC_OK);
    CHECK((item->have & MC_HAVE_NUMBER) && !(item->have & MC_HAVE_FLAGS));
    CHECK_NUMBER(item->number, 42 + i);
    CHECK_NUMBER(item->value_len, 0);
    CHECK_STATUS(mc_get_reuse(client, "no key", MC_CSTR, item), MC_ILLEGAL_INPUT);
    CHECK_NUMBER(item->number, 0);
    CHECK(item->text != NULL && *item->text != '\0');
    CHECK_STATUS(mc_get_reuse(client, "item:number", MC_CSTR, item), MC_OK);
    CHECK(item->text == NULL || *item->text == '\0');
    CHECK(!(item->have & MC_HAVE_NUMBER));
    CHECK_NUMBER(item->number, 0);
    CHECK_NUMBER(item->flags, 3);
    CHECK_NUMBER(item->sys_errno, 0);
  }
  mc_item_free(item);
}

static void items_of_results(const char *uri) {
  static const char *const keys[] = {"item:a", "item:none", "item:b"};
  mc_client *client;
  if (!CHECK_STATUS(mc_new(uri, &client), MC_OK)) return;
  CHECK_STATUS(check_store(client, "item:a", "A"), MC_OK);
  CHECK_STATUS(check_store(client, "item:b", "B"), MC_OK);
  mc_results *results;
  mc_item *single;
  CHECK_STATUS(mc_get(client, "item:a", MC_CSTR, &single), MC_OK);
  if (!CHECK_STATUS(mc_get_multi(client, keys, NULL, 3, &results), MC_OK)) return;
  mc_free(client); /* neither items nor results need it any more */

  mc_item *inside = (mc_item *)(uintptr_t)mc_results_item(results, 0);
  mc_item_free(inside); /* belongs to the results: ignored */
  CHECK_TEXT(inside->value, inside->value_len, "A");
  mc_item *copies[3];
  for (size_t i = 0; i < 3; ++i) copies[i] = mc_item_copy(mc_results_item(results, i));
  mc_results_free(results);
  CHECK_TEXT(copies[0]->value, copies[0]->value_len, "A");
  CHECK_NUMBER(copies[1]->status, MC_NO_VALUE);
  CHECK_TEXT(copies[1]->key, copies[1]->key_len, "item:none");
  CHECK_TEXT(copies[2]->value, copies[2]->value_len, "B");
  for (size_t i = 0; i < 3; ++i) mc_item_free(copies[i]);
  CHECK_TEXT(single->value, single->value_len, "A");
  mc_item_free(single);
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  a_new_item_says_nothing();
  nothing_is_copied_to_nothing();
  a_copy_stands_alone(client);
  a_copy_keeps_what_went_wrong(client);
  each_use_starts_anew(client);
  items_of_results(argv[1]);
  mc_free(client);
  return check_end();
}
