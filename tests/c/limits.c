/* The edges: keys, values, flags, times. The server has its default item limit (-I 1m). */
#include "check.h"
#include <time.h>

/* ---- keys ----------------------------------------------------------------------------------- */

static void an_illegal_key(mc_client *client, const char *key, size_t length) {
  mc_item *item = (mc_item *)(void *)client;
  uint64_t number = 9;
  CHECK_STATUS(mc_get(client, key, length, &item), MC_ILLEGAL_INPUT);
  CHECK(item == NULL);
  CHECK_STATUS(mc_gat(client, key, length, 10, &item), MC_ILLEGAL_INPUT);
  CHECK_STATUS(mc_set(client, key, length, "x", 1, 0, 0), MC_ILLEGAL_INPUT);
  CHECK_STATUS(mc_append(client, key, length, "x", 1), MC_ILLEGAL_INPUT);
  CHECK_STATUS(mc_cas(client, key, length, "x", 1, 0, 0, 1), MC_ILLEGAL_INPUT);
  CHECK_STATUS(mc_delete(client, key, length), MC_ILLEGAL_INPUT);
  CHECK_STATUS(mc_touch(client, key, length, 10), MC_ILLEGAL_INPUT);
  CHECK_STATUS(mc_incr(client, key, length, 1, &number), MC_ILLEGAL_INPUT);
  CHECK_NUMBER(number, 0);
  CHECK_STATUS(mc_key_check(key, length), MC_ILLEGAL_INPUT);
}

static void keys_have_1_to_250_bytes(mc_client *client) {
  char key[300];
  memset(key, 'k', sizeof key);
  static const size_t legal[] = {1, 2, 249, 250}, illegal[] = {0, 251, 252, 299};
  for (size_t i = 0; i < 4; ++i) {
    mc_item *item;
    CHECK_STATUS(mc_key_check(key, legal[i]), MC_OK);
    CHECK_STATUS(mc_set(client, key, legal[i], &legal[i], sizeof legal[i], 0, 0), MC_OK);
    if (!CHECK_STATUS(mc_get(client, key, legal[i], &item), MC_OK)) continue;
    CHECK_BYTES(item->key, item->key_len, key, legal[i]);
    CHECK_NUMBER(item->key[legal[i]], 0);
    CHECK_BYTES(item->value, item->value_len, &legal[i], sizeof legal[i]);
    mc_item_free(item);
  }
  for (size_t i = 0; i < 4; ++i) an_illegal_key(client, key, illegal[i]);
  an_illegal_key(client, NULL, 0);
  an_illegal_key(client, "", MC_CSTR);
}

static void no_key_holds_white_space_or_control_bytes(mc_client *client) {
  for (int byte = 0; byte < 256; ++byte) {
    static const size_t places[] = {0, 5, 9};
    for (size_t i = 0; i < 3; ++i) {
      char key[] = "abcdefghij";
      key[places[i]] = (char)byte;
      if (byte <= ' ' || byte == 0x7f) {
        CHECK_STATUS(mc_key_check(key, 10), MC_ILLEGAL_INPUT);
        CHECK_STATUS(mc_set(client, key, 10, "x", 1, 0, 0), MC_ILLEGAL_INPUT);
      } else {
        mc_item *item;
        CHECK_STATUS(mc_set(client, key, 10, "x", 1, 0, 0), MC_OK);
        if (CHECK_STATUS(mc_get(client, key, 10, &item), MC_OK)) CHECK_BYTES(item->key, item->key_len, key, 10);
        mc_item_free(item);
      }
    }
  }
  CHECK_STATUS(check_store(client, "witness", "here"), MC_OK);
  an_illegal_key(client, "witness\r\nflush_all", MC_CSTR);
  an_illegal_key(client, "witness\nflush_all\n", MC_CSTR);
  CHECK_VALUE(client, "witness", "here");
}

/* ---- values --------------------------------------------------------------------------------- */

/* What fits into an item of 1 MiB: a header of 48 bytes, a CAS of 8, the key and a NUL, 4 bytes for
 * flags that are not 0, the value and its line end. */
static size_t largest_value(size_t key_len, uint32_t flags) {
  return 1048576 - 48 - 8 - (key_len + 1) - (flags ? 4 : 0) - 2;
}

static void the_largest_value(mc_client *client, const char *key, uint32_t flags) {
  size_t most = largest_value(strlen(key), flags);
  char *value = malloc(most + 1000);
  mc_item *item;
  if (!CHECK(value != NULL)) exit(1);
  memset(value, 'v', most + 1000);
  if (strlen(key) == 1 && flags == 0) CHECK_NUMBER(most, 1048516);
  CHECK_STATUS(mc_set(client, key, MC_CSTR, value, most - 1, 0, flags), MC_OK);
  CHECK_STATUS(mc_set(client, key, MC_CSTR, value, most, 0, flags), MC_OK);
  value[0] = 'V';
  static const size_t beyond[] = {1, 2, 60, 1000};
  for (size_t i = 0; i < 4; ++i) {
    CHECK_STATUS(mc_set(client, key, MC_CSTR, value, most + beyond[i], 0, flags), MC_TOO_LARGE);
    CHECK_NUMBER(mc_last_error_effect(), MC_EFFECT_NOT_APPLIED);
    CHECK_STATUS(mc_replace(client, key, MC_CSTR, value, most + beyond[i], 0, flags), MC_TOO_LARGE);
  }
  /* Had it been sent, the server would have dropped the old value. */
  if (CHECK_STATUS(mc_get(client, key, MC_CSTR, &item), MC_OK)) {
    value[0] = 'v';
    CHECK_BYTES(item->value, item->value_len, value, most);
    CHECK_NUMBER(item->flags, flags);
    mc_item_free(item);
  }
  CHECK_STATUS(mc_delete(client, key, MC_CSTR), MC_OK);
  free(value);
}

/* A size that only the server can judge: the two halves fit, the whole does not. It says no more
 * than this. */
static void appending_beyond_the_limit(mc_client *client) {
  size_t half = 600000;
  char *value = calloc(1, half);
  mc_item *item;
  CHECK_STATUS(mc_set(client, "a", 1, value, half, 0, 0), MC_OK);
  CHECK_STATUS(mc_append(client, "a", 1, value, half), MC_NOT_STORED);
  if (CHECK_STATUS(mc_get(client, "a", 1, &item), MC_OK)) CHECK_NUMBER(item->value_len, half);
  mc_item_free(item);
  free(value);
}

static void empty_values(mc_client *client) {
  CHECK_STATUS(mc_set(client, "empty", MC_CSTR, NULL, 0, 0, 0), MC_OK);
  CHECK_VALUE(client, "empty", "");
  CHECK_STATUS(mc_set(client, "empty", MC_CSTR, "ignored", 0, 0, 0), MC_OK);
  CHECK_VALUE(client, "empty", "");
  CHECK_STATUS(mc_set(client, "empty", MC_CSTR, "", MC_CSTR, 0, 0), MC_OK);
  CHECK_VALUE(client, "empty", "");
  CHECK_STATUS(mc_append(client, "empty", MC_CSTR, "", 0), MC_OK);
  CHECK_VALUE(client, "empty", "");
}

/* ---- times ---------------------------------------------------------------------------------- */

enum { DAY = 86400 };

static void a_time_to_live_is_a_duration(mc_client *client) {
  static const int64_t lasting[] = {0, 100, 30 * DAY - 1, 30 * DAY, 30 * DAY + 1, 31 * DAY, 365 * DAY,
                                    INT64_C(100) * 365 * DAY, INT64_MAX - 1, INT64_MAX};
  static const int64_t wrong[] = {-1, -2, -100, -INT64_MAX};
  for (size_t i = 0; i < sizeof lasting / sizeof *lasting; ++i) {
    mc_item *item;
    CHECK_STATUS(mc_set(client, "ttl", MC_CSTR, "x", 1, lasting[i], 0), MC_OK);
    CHECK_VALUE(client, "ttl", "x");
    CHECK_STATUS(mc_touch(client, "ttl", MC_CSTR, lasting[i]), MC_OK);
    CHECK_VALUE(client, "ttl", "x");
    CHECK_STATUS(mc_gat(client, "ttl", MC_CSTR, lasting[i], &item), MC_OK);
    mc_item_free(item);
    CHECK_VALUE(client, "ttl", "x");
  }
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; ++i) {
    mc_item *item;
    CHECK_STATUS(mc_set(client, "ttl", MC_CSTR, "y", 1, wrong[i], 0), MC_INVALID_ARGUMENT);
    CHECK_STATUS(mc_add(client, "ttl:new", MC_CSTR, "y", 1, wrong[i], 0), MC_INVALID_ARGUMENT);
    CHECK_STATUS(mc_touch(client, "ttl", MC_CSTR, wrong[i]), MC_INVALID_ARGUMENT);
    CHECK_STATUS(mc_gat(client, "ttl", MC_CSTR, wrong[i], &item), MC_INVALID_ARGUMENT);
    CHECK(item == NULL);
  }
  CHECK_VALUE(client, "ttl", "x");
  CHECK_MISS(client, "ttl:new");
}

static void expired_at_once(mc_client *client) {
  CHECK_STATUS(check_store(client, "now", "x"), MC_OK);
  CHECK_STATUS(mc_set(client, "now", MC_CSTR, "y", 1, MC_EXPIRE_NOW, 0), MC_OK);
  CHECK_MISS(client, "now");
}

static void a_second_passes(mc_client *client) {
  CHECK_STATUS(mc_set(client, "second", MC_CSTR, "x", 1, 1, 0), MC_OK);
  mc_status status = MC_OK;
  for (time_t end = time(NULL) + 10; status == MC_OK && time(NULL) < end;) {
    mc_item *item;
    status = mc_get(client, "second", MC_CSTR, &item);
    mc_item_free(item);
    nanosleep(&(struct timespec){0, 20000000}, NULL);
  }
  CHECK_STATUS(status, MC_NO_VALUE);
}

static void a_moment_instead_of_a_duration(mc_client *client) {
  int64_t today = (int64_t)time(NULL);
  const struct { int64_t moment; int lives; } cases[] = {
      {today + 1000, 1}, {today + 400 * DAY, 1}, {INT64_MAX, 1}, {today - 10, 0}, {1, 0}, {100, 0}, {30 * DAY, 0}};
  mc_command set = MC_COMMAND_INIT(MC_OP_SET);
  set.key = "moment";
  set.key_len = MC_CSTR;
  set.value = "x";
  set.value_len = 1;
  set.options = MC_TTL_IS_UNIX_TIME;
  mc_item *item = mc_item_new();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    set.ttl = cases[i].moment;
    CHECK_STATUS(mc_execute_into(client, &set, item), MC_OK);
    if (cases[i].lives) CHECK_VALUE(client, "moment", "x");
    else CHECK_MISS(client, "moment");
  }
  mc_item_free(item);
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  keys_have_1_to_250_bytes(client);
  no_key_holds_white_space_or_control_bytes(client);
  the_largest_value(client, "k", 0);
  the_largest_value(client, "k", 1);
  the_largest_value(client, "a-longer-key", 4294967295u);
  appending_beyond_the_limit(client);
  empty_values(client);
  a_time_to_live_is_a_duration(client);
  expired_at_once(client);
  a_second_passes(client);
  a_moment_instead_of_a_duration(client);
  mc_free(client);
  return check_end();
}
