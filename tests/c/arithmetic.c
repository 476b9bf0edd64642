/* Numbers that the server counts: incr and decr. */
#include "check.h"

static void incr_and_decr_answer_the_new_number(mc_client *client) {
  uint64_t number = 0;
  CHECK_STATUS(check_store(client, "number", "10"), MC_OK);
  CHECK_STATUS(mc_incr(client, "number", MC_CSTR, 1, &number), MC_OK);
  CHECK_NUMBER(number, 11);
  CHECK_STATUS(mc_incr(client, "number", MC_CSTR, 989, &number), MC_OK);
  CHECK_NUMBER(number, 1000);
  CHECK_STATUS(mc_decr(client, "number", MC_CSTR, 1, &number), MC_OK);
  CHECK_NUMBER(number, 999);
  CHECK_STATUS(mc_incr(client, "number", MC_CSTR, 0, &number), MC_OK);
  CHECK_NUMBER(number, 999);
  CHECK_STATUS(mc_decr(client, "number", MC_CSTR, 0, &number), MC_OK);
  CHECK_NUMBER(number, 999);
}

static void they_end_where_64_bits_end(mc_client *client) {
  uint64_t number = 0;
  CHECK_STATUS(check_store(client, "edge", "18446744073709551614"), MC_OK);
  CHECK_STATUS(mc_incr(client, "edge", MC_CSTR, 1, &number), MC_OK);
  CHECK_NUMBER(number, UINT64_MAX);
  CHECK_STATUS(mc_incr(client, "edge", MC_CSTR, 1, &number), MC_OK);
  CHECK_NUMBER(number, 0); /* incr goes round */
  CHECK_STATUS(mc_incr(client, "edge", MC_CSTR, UINT64_MAX, &number), MC_OK);
  CHECK_NUMBER(number, UINT64_MAX);
  CHECK_STATUS(mc_decr(client, "edge", MC_CSTR, 5, &number), MC_OK);
  CHECK_NUMBER(number, UINT64_MAX - 5);
  CHECK_STATUS(mc_decr(client, "edge", MC_CSTR, UINT64_MAX, &number), MC_OK);
  CHECK_NUMBER(number, 0); /* decr does not */
}

static void decr_pads_what_it_shortens(mc_client *client) {
  uint64_t number = 0;
  CHECK_STATUS(check_store(client, "shorter", "10"), MC_OK);
  CHECK_STATUS(mc_decr(client, "shorter", MC_CSTR, 1, &number), MC_OK);
  CHECK_NUMBER(number, 9);
  CHECK_VALUE(client, "shorter", "9 ");
  CHECK_STATUS(mc_incr(client, "shorter", MC_CSTR, 1, &number), MC_OK);
  CHECK_NUMBER(number, 10);
}

static void what_is_not_there_is_not_found(mc_client *client) {
  uint64_t number = 77;
  CHECK_STATUS(mc_incr(client, "absent", MC_CSTR, 1, &number), MC_NOT_FOUND);
  CHECK_NUMBER(number, 0);
  number = 77;
  CHECK_STATUS(mc_decr(client, "absent", MC_CSTR, 1, &number), MC_NOT_FOUND);
  CHECK_NUMBER(number, 0);
  CHECK(mc_status_is_miss(MC_NOT_FOUND));
  CHECK_MISS(client, "absent");
}

static void what_is_no_number_stays_as_it_is(mc_client *client) {
  static const char *const values[] = {"", "abc", "12abc", "1.5", "99999999999999999999999"};
  for (size_t i = 0; i < sizeof values / sizeof *values; ++i) {
    uint64_t number = 77;
    CHECK_STATUS(check_store(client, "text", values[i]), MC_OK);
    CHECK_STATUS(mc_incr(client, "text", MC_CSTR, 1, &number), MC_NON_NUMERIC);
    CHECK_NUMBER(number, 0);
    CHECK_STATUS(mc_decr(client, "text", MC_CSTR, 1, &number), MC_NON_NUMERIC);
    CHECK_VALUE(client, "text", values[i]); /* and the connection is in step */
  }
}

static void a_delta_that_is_not_said_is_1(mc_client *client) {
  mc_command command = MC_COMMAND_INIT(MC_OP_INCR);
  command.key = "delta";
  command.key_len = MC_CSTR;
  mc_item *item = mc_item_new();
  CHECK_STATUS(check_store(client, "delta", "100"), MC_OK);
  CHECK_STATUS(mc_execute_into(client, &command, item), MC_OK);
  CHECK_NUMBER(item->number, 101);
  CHECK(item->have & MC_HAVE_NUMBER);
  command.options = MC_HAS_DELTA; /* 0, and said so */
  CHECK_STATUS(mc_execute_into(client, &command, item), MC_OK);
  CHECK_NUMBER(item->number, 101);
  command.delta = 9;
  CHECK_STATUS(mc_execute_into(client, &command, item), MC_OK);
  CHECK_NUMBER(item->number, 110);
  command.op = MC_OP_DECR;
  command.options = 0;
  command.delta = 0;
  CHECK_STATUS(mc_execute_into(client, &command, item), MC_OK);
  CHECK_NUMBER(item->number, 109);
  mc_item_free(item);
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  incr_and_decr_answer_the_new_number(client);
  they_end_where_64_bits_end(client);
  decr_pads_what_it_shortens(client);
  what_is_not_there_is_not_found(client);
  what_is_no_number_stays_as_it_is(client);
  a_delta_that_is_not_said_is_1(client);
  mc_free(client);
  return check_end();
}
