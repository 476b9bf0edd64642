/* What the meta protocol can do beyond the classic commands, and what ASCII makes of it. */
#include "check.h"

static mc_command make(uint32_t op, const char *key) {
  mc_command command = MC_COMMAND_INIT(op);
  command.key = key;
  command.key_len = MC_CSTR;
  return command;
}

static mc_command storing(uint32_t op, const char *key, const char *value) {
  mc_command command = make(op, key);
  command.value = value;
  command.value_len = MC_CSTR;
  return command;
}

/* ---- both protocols ------------------------------------------------------------------------- */

static void whether_there_is_an_item(mc_client *client) {
  CHECK_STATUS(mc_exists(client, "exists", MC_CSTR), MC_NO_VALUE);
  CHECK_STATUS(check_store(client, "exists", "x"), MC_OK);
  CHECK_STATUS(mc_exists(client, "exists", MC_CSTR), MC_OK);
  CHECK_STATUS(mc_exists(client, "exists", 0), MC_ILLEGAL_INPUT);
  CHECK_STATUS(mc_exists(client, NULL, 3), MC_INVALID_ARGUMENT);
  CHECK_STATUS(mc_exists(NULL, "exists", MC_CSTR), MC_INVALID_ARGUMENT);
  CHECK_VALUE(client, "exists", "x");
  mc_item *item;
  mc_command exists = make(MC_OP_EXISTS, "exists");
  if (CHECK_STATUS(mc_execute(client, &exists, &item), MC_OK)) {
    CHECK(item->value == NULL && (item->have & MC_HAVE_VALUE) == 0);
    CHECK_TEXT(item->key, item->key_len, "exists");
  }
  mc_item_free(item);
}

static void counters_that_begin(mc_client *client) {
  uint64_t number = 99;
  CHECK_STATUS(mc_incr_initial(client, "up", MC_CSTR, 2, 10, 60, &number), MC_OK);
  CHECK_NUMBER(number, 10);
  CHECK_STATUS(mc_incr_initial(client, "up", MC_CSTR, 2, 10, 60, &number), MC_OK);
  CHECK_NUMBER(number, 12);
  CHECK_STATUS(mc_decr_initial(client, "down", MC_CSTR, 3, 2, 0, NULL), MC_OK);
  CHECK_STATUS(mc_decr_initial(client, "down", MC_CSTR, 3, 2, 0, &number), MC_OK);
  CHECK_NUMBER(number, 0);
  CHECK_VALUE(client, "up", "12");
  CHECK_STATUS(mc_incr_initial(client, "up", MC_CSTR, 1, 1, -5, &number), MC_INVALID_ARGUMENT);
  CHECK_NUMBER(number, 0);
  number = 99;
  CHECK_STATUS(mc_incr_initial(NULL, "up", MC_CSTR, 1, 1, 0, &number), MC_INVALID_ARGUMENT);
  CHECK_NUMBER(number, 0);
  CHECK_STATUS(check_store(client, "letters", "x"), MC_OK);
  CHECK_STATUS(mc_incr_initial(client, "letters", MC_CSTR, 1, 1, 0, &number), MC_NON_NUMERIC);
  CHECK_NUMBER(number, 0);
}

/* Both in one batch: what was there, and what is made in more than one step. */
static void counters_begin_in_a_batch(mc_client *client) {
  enum { N = 50 };
  char keys[N][16];
  mc_command commands[N];
  mc_results *results;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < N; ++i) {
      snprintf(keys[i], sizeof keys[i], "batch%d", i);
      commands[i] = make(i % 3 ? MC_OP_INCR : MC_OP_EXISTS, keys[i]);
      if (i % 3) {
        commands[i].options = MC_HAS_INITIAL;
        commands[i].initial = (uint64_t)i;
      }
    }
    if (!CHECK_STATUS(mc_execute_multi(client, commands, N, NULL, &results), MC_OK)) return;
    for (int i = 0; i < N; ++i) {
      const mc_item *item = mc_results_item(results, (size_t)i);
      CHECK_TEXT(item->key, item->key_len, keys[i]);
      CHECK_STATUS(item->status, i % 3 ? MC_OK : MC_NO_VALUE);
      if (i % 3) CHECK_NUMBER(item->number, i + round);
    }
    mc_results_free(results);
  }
}

static void nonsense_is_refused(mc_client *client) {
  mc_item *item;
  mc_command command = make(MC_OP_GET, "k");
  command.stale_ttl = 5;
  CHECK_STATUS(mc_execute(client, &command, &item), MC_INVALID_ARGUMENT);
  command = make(MC_OP_DELETE, "k");
  command.options = MC_DROP_VALUE;
  CHECK_STATUS(mc_execute(client, &command, &item), MC_INVALID_ARGUMENT);
  command = storing(MC_OP_SET, "k", "x");
  command.options = MC_HAS_OWN_CAS;
  CHECK_STATUS(mc_execute(client, &command, &item), MC_INVALID_ARGUMENT);
  CHECK_MISS(client, "k");
}

/* ---- ASCII ---------------------------------------------------------------------------------- */

static void ascii_says_what_it_takes(mc_client *client) {
  CHECK_STATUS(check_store(client, "stale", "x"), MC_OK);
  CHECK_STATUS(mc_invalidate(client, "stale", MC_CSTR, 60), MC_UNSUPPORTED);
  CHECK(strstr(mc_last_error(), "protocol=meta") != NULL);
  CHECK(strstr(mc_last_error(), "1.6.10") != NULL);
  CHECK_NUMBER(mc_last_error_effect(), MC_EFFECT_NOT_APPLIED);
  CHECK_VALUE(client, "stale", "x");
  mc_item *item = mc_item_new();
  mc_command get = make(MC_OP_GET, "stale");
  get.options = MC_WANT_TTL | MC_WANT_SIZE | MC_WANT_CAS;
  CHECK_STATUS(mc_execute_into(client, &get, item), MC_OK);
  CHECK_NUMBER(item->have, MC_HAVE_VALUE | MC_HAVE_FLAGS | MC_HAVE_CAS);
  mc_item_free(item);
}

/* ---- meta ----------------------------------------------------------------------------------- */

static void what_is_told_of_an_item(mc_client *client) {
  mc_item *item = mc_item_new();
  mc_command set = storing(MC_OP_SET, "told", "hello");
  set.ttl = 1000;
  set.options = MC_WANT_CAS;
  CHECK_STATUS(mc_execute_into(client, &set, item), MC_OK);
  uint64_t cas = item->cas;
  CHECK((item->have & MC_HAVE_CAS) && cas != 0);
  mc_command get = make(MC_OP_GET, "told");
  get.options = MC_WANT_CAS | MC_WANT_TTL | MC_WANT_SIZE | MC_WANT_LAST_ACCESS | MC_WANT_HIT_BEFORE;
  CHECK_STATUS(mc_execute_into(client, &get, item), MC_OK);
  CHECK_TEXT(item->value, item->value_len, "hello");
  CHECK_NUMBER(item->cas, cas);
  CHECK(item->ttl > 900 && item->ttl <= 1000);
  CHECK_NUMBER(item->item_size, 5);
  CHECK(item->last_access < 600 && item->hit_before == 0);
  mc_item *copy = mc_item_copy(item);
  CHECK(copy != NULL && copy->item_size == 5 && copy->have == item->have);
  mc_item_free(copy);
  CHECK_STATUS(mc_execute_into(client, &get, item), MC_OK);
  CHECK_NUMBER(item->hit_before, 1);
  mc_item_free(item);
}

static void a_lease_has_one_winner(mc_client *client) {
  mc_item *item = mc_item_new();
  mc_command get = make(MC_OP_GET, "leased");
  get.lease_ttl = 60;
  CHECK_STATUS(mc_execute_into(client, &get, item), MC_OK);
  CHECK_TEXT(item->value, item->value_len, "");
  CHECK_NUMBER(item->marks, MC_MARK_WON);
  CHECK_STATUS(mc_execute_into(client, &get, item), MC_NO_VALUE);
  CHECK(item->value == NULL);
  CHECK_NUMBER(item->marks, MC_MARK_OTHER_WON);
  CHECK_STATUS(check_store(client, "leased", "x"), MC_OK);
  CHECK_STATUS(mc_execute_into(client, &get, item), MC_OK);
  CHECK_TEXT(item->value, item->value_len, "x");
  CHECK_NUMBER(item->marks, 0);
  mc_item_free(item);
}

static void an_item_becomes_stale(mc_client *client) {
  CHECK_STATUS(mc_invalidate(client, "stale", MC_CSTR, 60), MC_NOT_FOUND);
  CHECK_STATUS(check_store(client, "stale", "old"), MC_OK);
  CHECK_STATUS(mc_invalidate(client, "stale", MC_CSTR, 60), MC_OK);
  CHECK_STATUS(mc_invalidate(client, "stale", MC_CSTR, -1), MC_INVALID_ARGUMENT);
  mc_item *item;
  if (CHECK_STATUS(mc_get(client, "stale", MC_CSTR, &item), MC_OK)) {
    CHECK_TEXT(item->value, item->value_len, "old");
    CHECK_NUMBER(item->marks, MC_MARK_WON | MC_MARK_STALE);
  }
  mc_item_free(item);
  if (CHECK_STATUS(mc_get(client, "stale", MC_CSTR, &item), MC_OK))
    CHECK_NUMBER(item->marks, MC_MARK_STALE | MC_MARK_OTHER_WON);
  mc_item_free(item);
  CHECK_STATUS(check_store(client, "stale", "new"), MC_OK);
  CHECK_VALUE(client, "stale", "new");
}

static void conditions(mc_client *client) {
  mc_item *item = mc_item_new();
  mc_command set = storing(MC_OP_SET, "compared", "5");
  set.options = MC_WANT_CAS;
  CHECK_STATUS(mc_execute_into(client, &set, item), MC_OK);
  mc_command delete_ = make(MC_OP_DELETE, "compared"), incr = make(MC_OP_INCR, "compared");
  delete_.cas = item->cas;
  incr.cas = item->cas;
  CHECK_STATUS(mc_execute_into(client, &incr, item), MC_OK);
  CHECK_NUMBER(item->number, 6);
  CHECK_STATUS(mc_execute_into(client, &delete_, item), MC_CAS_FAILURE);
  CHECK_NUMBER(item->effect, MC_EFFECT_NOT_APPLIED);
  CHECK_VALUE(client, "compared", "6");
  mc_item_free(item);
}

/* Keys of any bytes come back as they were, in items and in results. */
static void keys_of_any_bytes(const char *uri) {
  const char *const options[] = {"protocol", "meta", "binary_keys", "on", "key_prefix", "p:", NULL};
  mc_client *client = check_client_with(uri, options);
  const char key[] = "a b\r\n\0c";
  const size_t len = sizeof key - 1;
  mc_item *item;
  CHECK_STATUS(mc_set(client, key, len, "x", 1, 0, 0), MC_OK);
  if (CHECK_STATUS(mc_get(client, key, len, &item), MC_OK)) {
    CHECK_BYTES(item->key, item->key_len, key, len);
    CHECK_TEXT(item->value, item->value_len, "x");
  }
  mc_item_free(item);
  const char *const keys[] = {"plain", key, "none at all"};
  const size_t lens[] = {5, len, 11};
  mc_results *results;
  if (CHECK_STATUS(mc_get_multi(client, keys, lens, 3, &results), MC_OK)) {
    for (size_t i = 0; i < 3; ++i) {
      const mc_item *one = mc_results_item(results, i);
      CHECK_BYTES(one->key, one->key_len, keys[i], lens[i]);
      CHECK(one->key[one->key_len] == '\0');
      CHECK_STATUS(one->status, i == 1 ? MC_OK : MC_NO_VALUE);
    }
    mc_results_free(results);
  }
  CHECK_STATUS(mc_delete(client, key, len), MC_OK);
  CHECK_STATUS(mc_exists(client, key, len), MC_NO_VALUE);
  mc_free(client);
}

static void both(mc_client *client) {
  mc_results *results;
  if (mc_flush_all(client, 0, &results) != MC_OK) check_give_up("flush_all");
  mc_results_free(results);
  whether_there_is_an_item(client);
  counters_that_begin(client);
  counters_begin_in_a_batch(client);
  nonsense_is_refused(client);
}

int main(int argc, char **argv) {
  mc_free(check_begin(argc, argv));
  const char *const in_ascii[] = {"protocol", "ascii", NULL}, *const in_meta[] = {"protocol", "meta", NULL};
  mc_client *ascii = check_client_with(argv[1], in_ascii), *meta = check_client_with(argv[1], in_meta);
  both(ascii);
  ascii_says_what_it_takes(ascii);
  both(meta);
  what_is_told_of_an_item(meta);
  a_lease_has_one_winner(meta);
  an_item_becomes_stale(meta);
  conditions(meta);
  keys_of_any_bytes(argv[1]);
  mc_free(ascii);
  mc_free(meta);
  return check_end();
}
