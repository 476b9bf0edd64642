/* One connection by itself: a dialogue, its views, what is refused, and a server that closes. */
#include "check.h"
#include <poll.h>
#include <signal.h>

#define REFUSED(call) CHECK_STATUS((call), MC_INVALID_ARGUMENT)

/* The next line is this one, its end included. */
#define CHECK_LINE(conn, expected)                                                                 \
  do {                                                                                             \
    const char *line_ = "before";                                                                  \
    size_t length_ = 7;                                                                            \
    if (CHECK_STATUS(mc_conn_read_until((conn), NULL, 0, 0, &line_, &length_), MC_OK))             \
      CHECK_BYTES(line_, length_, (expected), sizeof(expected) - 1);                               \
  } while (0)

static mc_conn *open_one(const char *uri) {
  mc_conn *conn;
  if (mc_conn_new(uri, &conn) != MC_OK || mc_conn_connect(conn) != MC_OK) check_give_up(uri);
  return conn;
}

static void say(mc_conn *conn, const char *command) {
  size_t sent = 7;
  CHECK_STATUS(mc_conn_send_command(conn, command, MC_CSTR, &sent), MC_OK);
  CHECK_NUMBER(sent, strlen(command));
}

static void a_dialogue(const char *uri) {
  mc_conn *conn = open_one(uri);
  const char *value;
  size_t length;
  int32_t available = 7;
  CHECK(mc_conn_is_up(conn));
  CHECK_STATUS(mc_conn_line_available(conn, &available), MC_OK);
  CHECK_NUMBER(available, 0);
  say(conn, "set conn:a 9 0 5\r\none\r\n\r\n");
  CHECK_LINE(conn, "STORED\r\n");
  say(conn, "get conn:a conn:none\r\n");
  CHECK_LINE(conn, "VALUE conn:a 9 5\r\n");
  CHECK_STATUS(mc_conn_read_length(conn, 5, &value, NULL), MC_OK);
  CHECK_BYTES(value, 5, "one\r\n", 5);
  CHECK_STATUS(mc_conn_read_until(conn, "END", MC_CSTR, 0, &value, &length), MC_OK);
  CHECK_BYTES(value, length, "\r\nEND", 5);
  CHECK_LINE(conn, "\r\n");
  CHECK_STATUS(mc_conn_consume_from_buffer(conn, 100, &value, &length), MC_OK);
  CHECK(value != NULL && length == 0);
  /* A view stays as it is until the next call, with more behind it in the buffer. */
  say(conn, "get conn:a\r\nget conn:a\r\n");
  CHECK_STATUS(mc_conn_read_length(conn, 18, &value, &length), MC_OK);
  CHECK_BYTES(value, length, "VALUE conn:a 9 5\r\n", 18);
  mc_conn_free(conn);
}

static void large_values(const char *uri) {
  enum { SIZE = 1000000 };
  static char large[SIZE];
  char head[64];
  const char *value;
  size_t length;
  mc_conn *conn = open_one(uri);
  for (size_t i = 0; i < SIZE; ++i) large[i] = (char)(i * 2654435761u >> 16);
  for (int round = 0; round < 3; ++round) {
    snprintf(head, sizeof head, "set conn:large 0 0 %d\r\n", SIZE);
    say(conn, head);
    CHECK_STATUS(mc_conn_send_command(conn, large, SIZE, NULL), MC_OK);
    /* By itself: behind a large value, in the same record of TLS, memcached 1.6 does not see the next. */
    say(conn, "\r\n");
    CHECK_LINE(conn, "STORED\r\n");
    say(conn, "get conn:large\r\n");
    CHECK_LINE(conn, "VALUE conn:large 0 1000000\r\n");
    if (CHECK_STATUS(mc_conn_read_length(conn, SIZE, &value, &length), MC_OK))
      CHECK_BYTES(value, length, large, SIZE);
    CHECK_LINE(conn, "\r\n");
    CHECK_LINE(conn, "END\r\n");
  }
  mc_conn_free(conn);
}

static void its_uri(void) {
  const mc_uri *parts;
  char text[64], cut[4];
  size_t needed = 7;
  mc_conn *conn;
  if (!CHECK_STATUS(mc_conn_new("cache.test:7/?timeout=50ms", &conn), MC_OK)) return;
  CHECK_STATUS(mc_conn_uri(conn, text, sizeof text, &needed), MC_OK);
  CHECK_TEXT(text, needed, "cache.test:7/?timeout=50ms");
  CHECK_STATUS(mc_conn_uri(conn, NULL, 0, &needed), MC_OK);
  CHECK_NUMBER(needed, strlen(text));
  CHECK_STATUS(mc_conn_uri(conn, cut, sizeof cut, NULL), MC_BUFFER_TOO_SMALL);
  CHECK_TEXT(cut, strlen(cut), "cac");
  if (CHECK_STATUS(mc_conn_parse_uri(conn, &parts), MC_OK)) {
    CHECK_TEXT(parts->protocol, strlen(parts->protocol), "memcached");
    CHECK_TEXT(parts->host, strlen(parts->host), "cache.test");
    CHECK(*parts->path == '\0' && *parts->store == '\0' && parts->port == 7);
  }
  mc_conn_free(conn);
  conn = (mc_conn *)&needed;
  CHECK_STATUS(mc_conn_new("memcached://:x/", &conn), MC_INVALID_URI);
  CHECK(conn == NULL);
}

/* A server that has closed: a status, however often, and no signal; then a new connection. */
static void closed(const char *uri) {
  const char *line;
  size_t length;
  struct sigaction action;
  mc_conn *conn = open_one(uri);
  sigaction(SIGPIPE, NULL, &action);
  CHECK(action.sa_handler == SIG_DFL);
  say(conn, "quit\r\n");
  if (mc_conn_fileno(conn) >= 0) {
    struct pollfd waiting = {.fd = mc_conn_fileno(conn), .events = POLLIN};
    CHECK_NUMBER(poll(&waiting, 1, 20000), 1);
  }
  mc_status status = MC_OK;
  for (int i = 0; i < 1000 && status == MC_OK; ++i)
    status = mc_conn_send_command(conn, "get a\r\n", MC_CSTR, NULL);
  CHECK_STATUS(status, MC_SERVER_DISCONNECT);
  CHECK(mc_last_error_errno() == 32 || mc_last_error_errno() == 104);
  CHECK(*mc_last_error_server() != '\0' && mc_last_error_phase() == MC_PHASE_SEND);
  CHECK(!mc_conn_is_up(conn));
  line = "before", length = 7;
  CHECK_STATUS(mc_conn_read_until(conn, NULL, 0, 0, &line, &length), MC_SERVER_DISCONNECT);
  CHECK(line == NULL && length == 0);
  CHECK_STATUS(mc_conn_connect(conn), MC_OK);
  say(conn, "get conn:none\r\n");
  CHECK_LINE(conn, "END\r\n");
  CHECK_STATUS(mc_conn_reset(conn), MC_OK);
  CHECK_STATUS(mc_conn_reset(conn), MC_OK);
  CHECK_NUMBER(mc_conn_fileno(conn), -1);
  mc_conn_free(conn);
}

static void without_waiting(const char *uri) {
  const char *line;
  size_t length, sent;
  mc_conn *conn = open_one(uri);
  CHECK_STATUS(mc_conn_setblocking(conn, 0), MC_OK);
  CHECK_STATUS(mc_conn_read_until(conn, NULL, 0, 0, &line, &length), MC_WOULD_BLOCK);
  CHECK_STATUS(mc_conn_read_length(conn, 1, &line, &length), MC_WOULD_BLOCK);
  CHECK(line == NULL && length == 0);
  REFUSED(mc_conn_send_command(conn, "get a\r\n", MC_CSTR, NULL));
  CHECK_STATUS(mc_conn_send_command(conn, "get conn:none\r\n", MC_CSTR, &sent), MC_OK);
  if (mc_conn_fileno(conn) >= 0) {
    struct pollfd waiting = {.fd = mc_conn_fileno(conn), .events = POLLIN};
    CHECK_NUMBER(poll(&waiting, 1, 20000), 1);
  }
  CHECK_LINE(conn, "END\r\n");
  CHECK_STATUS(mc_conn_setblocking(conn, 1), MC_OK);
  CHECK_STATUS(mc_conn_set_timeout(conn, 20000), MC_OK);
  CHECK_STATUS(mc_conn_read_until(conn, NULL, 0, 0, &line, &length), MC_TIMEOUT);
  CHECK(!mc_conn_is_up(conn));
  mc_conn_free(conn);
}

/* Every function with something that is no connection. */
static void no_connection(mc_conn *conn) {
  const char *data = "before";
  const mc_uri *parts = (const mc_uri *)&data;
  char text[8] = "#";
  size_t length = 7;
  int32_t available = 7;
  REFUSED(mc_conn_connect(conn));
  REFUSED(mc_conn_reset(conn));
  REFUSED(mc_conn_setblocking(conn, 1));
  REFUSED(mc_conn_set_timeout(conn, 1));
  REFUSED(mc_conn_send_command(conn, "x", 1, &length));
  CHECK_NUMBER(length, 0);
  length = 7;
  REFUSED(mc_conn_read_until(conn, NULL, 0, 0, &data, &length));
  CHECK(data == NULL && length == 0);
  data = "before", length = 7;
  REFUSED(mc_conn_read_length(conn, 1, &data, &length));
  CHECK(data == NULL && length == 0);
  data = "before", length = 7;
  REFUSED(mc_conn_consume_from_buffer(conn, 1, &data, &length));
  CHECK(data == NULL && length == 0);
  REFUSED(mc_conn_line_available(conn, &available));
  CHECK_NUMBER(available, 0);
  length = 7;
  REFUSED(mc_conn_uri(conn, text, sizeof text, &length));
  CHECK(length == 0 && text[0] == '\0');
  REFUSED(mc_conn_parse_uri(conn, &parts));
  CHECK(parts == NULL && mc_conn_fileno(conn) == -1 && !mc_conn_is_up(conn));
}

static void refused(mc_client *client, const char *uri) {
  mc_conn *conn = (mc_conn *)client;
  const char *data = "before";
  size_t length = 7;
  REFUSED(mc_conn_new(NULL, &conn));
  CHECK(conn == NULL);
  REFUSED(mc_conn_new(uri, NULL));
  conn = open_one(uri);
  REFUSED(mc_conn_send_command(conn, NULL, 1, NULL));
  REFUSED(mc_conn_send_command(conn, "x", (size_t)-2, NULL));
  REFUSED(mc_conn_read_until(conn, NULL, 1, 0, &data, &length));
  CHECK(data == NULL && length == 0);
  REFUSED(mc_conn_read_until(conn, "", 0, 0, &data, &length));
  REFUSED(mc_conn_read_until(conn, "\r\n", 2, 1, &data, &length));
  REFUSED(mc_conn_read_until(conn, NULL, 0, 0, NULL, &length));
  REFUSED(mc_conn_read_length(conn, (size_t)-1, &data, &length));
  REFUSED(mc_conn_read_length(conn, 1, NULL, &length));
  REFUSED(mc_conn_consume_from_buffer(conn, 1, NULL, &length));
  REFUSED(mc_conn_line_available(conn, NULL));
  REFUSED(mc_conn_parse_uri(conn, NULL));
  REFUSED(mc_conn_uri(conn, NULL, 5, NULL));
  CHECK_STATUS(mc_conn_send_command(conn, NULL, 0, NULL), MC_OK);
  /* None of that has done anything to it. */
  say(conn, "get conn:none\r\n");
  CHECK_LINE(conn, "END\r\n");
  mc_conn_free(conn);
  no_connection(conn);
  no_connection(NULL);
  no_connection((mc_conn *)client);
  mc_conn_free(conn);
  mc_conn_free(NULL);
  mc_conn_free((mc_conn *)client);
  CHECK_STATUS(mc_key_check("k", 1), MC_OK);
  CHECK_MISS(client, "conn:none");
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  const char *uris[] = {argv[1], "memory://"};
  for (size_t i = 0; i < 2; ++i) {
    a_dialogue(uris[i]);
    large_values(uris[i]);
    closed(uris[i]);
    without_waiting(uris[i]);
    refused(client, uris[i]);
  }
  its_uri();
  mc_free(client);
  return check_end();
}
