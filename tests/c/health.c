/* Servers that fail: what is known of them, who hears of it, and a program's own rule for when they are
 * tried again. */
#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

/* A server that is not there: nobody listens at its port, and nobody else is given it. */
static int closed_socket(char *uri, size_t cap) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
      getsockname(fd, (struct sockaddr *)&address, &length) != 0)
    check_give_up("a port");
  snprintf(uri, cap, "memcached://127.0.0.1:%d", (int)ntohs(address.sin_port));
  return fd;
}

static mc_status get(mc_client *client) {
  mc_item *item;
  mc_status status = mc_get(client, "health", MC_CSTR, &item);
  mc_item_free(item);
  return status;
}

static mc_health health_of(mc_client *client, size_t index) {
  mc_health health = {.size = sizeof health};
  CHECK_STATUS(mc_server_health(client, index, &health), MC_OK);
  CHECK_NUMBER(health.size, sizeof health);
  return health;
}

/* What an observer heard. */
static struct {
  atomic_int up, down, slow, connected, failed, closed;
  atomic_int cause;
} heard;

static void hear(void *user, const mc_event *event) {
  CHECK(user == &heard);
  switch (event->what) {
  case MC_EVENT_UP: atomic_fetch_add(&heard.up, 1); break;
  case MC_EVENT_DOWN:
    atomic_fetch_add(&heard.down, 1);
    atomic_store(&heard.cause, event->status);
    CHECK(strlen(event->text) > 0 && strlen(event->server) > 0);
    break;
  case MC_EVENT_SLOW:
    atomic_fetch_add(&heard.slow, 1);
    CHECK(strstr(event->text, " ms") != NULL);
    break;
  case MC_EVENT_CONNECTED: atomic_fetch_add(&heard.connected, 1); break;
  case MC_EVENT_CONNECT_FAILED: atomic_fetch_add(&heard.failed, 1); break;
  case MC_EVENT_CLOSED: atomic_fetch_add(&heard.closed, 1); break;
  }
}

static mc_client *observed(const char *uri, const char *const *options) {
  mc_options *set = mc_options_new();
  mc_client *client = NULL;
  if (set == NULL || mc_options_add_server(set, uri, 0) != MC_OK) check_give_up(uri);
  for (; *options != NULL; options += 2) CHECK_STATUS(mc_options_set(set, options[0], options[1]), MC_OK);
  memset(&heard, 0, sizeof heard);
  CHECK_STATUS(mc_options_set_observer(set, hear, &heard, NULL), MC_OK);
  CHECK_STATUS(mc_new_with(set, &client), MC_OK);
  mc_options_free(set);
  return client;
}
#define OBSERVED(uri, ...) observed(uri, (const char *const[]){__VA_ARGS__, NULL})

/* It opens, and is asked about. */
static void a_server_that_is_not_there(void) {
  char uri[64];
  int fd = closed_socket(uri, sizeof uri);
  mc_client *client = OBSERVED(uri, "breaker_pause", "1h");
  mc_health health = health_of(client, 0);
  CHECK_NUMBER(health.state, MC_SERVER_UP);
  CHECK_NUMBER(health.failures, 0);
  CHECK_STATUS(health.cause, MC_OK);
  CHECK(health.next_us == -1 && health.since_us >= 0);
  CHECK(strcmp(health.server, uri + strlen("memcached://")) == 0);
  for (int n = 1; n <= 3; ++n) {
    CHECK_STATUS(get(client), MC_CONNECT_FAILED);
    health = health_of(client, 0);
    CHECK_NUMBER(health.failures, n);
    CHECK_NUMBER(health.state, n == 3 ? MC_SERVER_DOWN : MC_SERVER_UP);
  }
  CHECK_STATUS(health.cause, MC_CONNECT_FAILED);
  CHECK(health.next_us > 3500 * (int64_t)1000000);
  for (int n = 0; n < 100; ++n) CHECK_STATUS(get(client), MC_CIRCUIT_OPEN);
  CHECK(mc_status_is(MC_CIRCUIT_OPEN, MC_NO_AVAILABLE_SERVERS));
  CHECK(strstr(mc_last_error(), "refused") != NULL);
  CHECK_NUMBER(atomic_load(&heard.down), 1);
  CHECK_NUMBER(atomic_load(&heard.failed), 3);
  CHECK_NUMBER(atomic_load(&heard.cause), MC_CONNECT_FAILED);
  CHECK_NUMBER(atomic_load(&heard.up), 0);
  mc_free(client);
  close(fd);
}

/* Wait for a command, and answer it. */
static void *serve_one(void *user) {
  char bytes[256];
  int fd = accept(*(int *)user, NULL, NULL);
  CHECK(fd >= 0 && recv(fd, bytes, sizeof bytes, 0) > 0);
  CHECK(send(fd, "END\r\n", 5, MSG_NOSIGNAL) == 5);
  CHECK(recv(fd, bytes, sizeof bytes, 0) == 0);
  close(fd);
  return NULL;
}

/* It comes back, which is told once. */
static void a_server_that_comes_back(void) {
  char uri[64];
  int listener = closed_socket(uri, sizeof uri);
  mc_client *client = OBSERVED(uri, "breaker_pause", "20ms", "protocol", "ascii", "timeout", "20s");
  while (get(client) != MC_CIRCUIT_OPEN) continue;
  CHECK(listen(listener, 8) == 0);
  pthread_t server;
  if (pthread_create(&server, NULL, serve_one, &listener) != 0) check_give_up("a thread");
  mc_status status;
  mc_health health = health_of(client, 0);
  do {
    poll(NULL, 0, 1);
    CHECK(health.state != MC_SERVER_UP);
    health = health_of(client, 0);
    CHECK(health.state == MC_SERVER_DOWN || health.next_us == 0);
    status = get(client);
  } while (status == MC_CIRCUIT_OPEN);
  CHECK_STATUS(status, MC_NO_VALUE);
  health = health_of(client, 0);
  CHECK_NUMBER(health.state, MC_SERVER_UP);
  CHECK_NUMBER(health.failures, 0);
  CHECK_STATUS(health.cause, MC_OK);
  CHECK_NUMBER(atomic_load(&heard.down), 1);
  CHECK_NUMBER(atomic_load(&heard.up), 1);
  mc_free(client);
  CHECK(pthread_join(server, NULL) == 0);
  close(listener);
}

static void slow_calls_are_told(const char *uri) {
  mc_client *client = OBSERVED(uri, "slow_after", "1us");
  CHECK_STATUS(check_store(client, "slow", "x"), MC_OK);
  for (int n = 0; n < 10; ++n) CHECK_VALUE(client, "slow", "x");
  CHECK_NUMBER(atomic_load(&heard.slow), 11);
  CHECK_NUMBER(atomic_load(&heard.connected), 1);
  mc_client *view;
  CHECK_STATUS(mc_client_with(client, "slow_after=none", &view), MC_OK);
  CHECK_VALUE(view, "slow", "x");
  CHECK_NUMBER(atomic_load(&heard.slow), 11);
  mc_free(view);
  mc_free(client);
}

/* A program's own rule. */
static struct {
  atomic_int asked, failed, answered, destroyed;
  atomic_bool yes;
} rule;

static bool says(void *user, const char *server, uint32_t what) {
  CHECK(user == &rule && strlen(server) > 0);
  switch (what) {
  case MC_RECONNECT_MAY_TRY: atomic_fetch_add(&rule.asked, 1); return atomic_load(&rule.yes);
  case MC_RECONNECT_FAILED: atomic_fetch_add(&rule.failed, 1); return false;
  case MC_RECONNECT_ANSWERED: atomic_fetch_add(&rule.answered, 1); return false;
  }
  CHECK(!"known");
  return false;
}

static void destroyed(void *user) {
  CHECK(user == &rule);
  atomic_fetch_add(&rule.destroyed, 1);
}

static mc_client *ruled(const char *uri, bool yes) {
  mc_options *set = mc_options_new();
  mc_client *client = NULL;
  memset(&rule, 0, sizeof rule);
  atomic_store(&rule.yes, yes);
  CHECK_STATUS(mc_options_add_server(set, uri, 0), MC_OK);
  CHECK_STATUS(mc_options_set_reconnector(set, says, &rule, destroyed), MC_OK);
  CHECK_STATUS(mc_new_with(set, &client), MC_OK);
  mc_options_free(set);
  CHECK_NUMBER(atomic_load(&rule.destroyed), 0);
  return client;
}

static void a_rule_of_the_programs_own(const char *uri) {
  char nowhere[64];
  int fd = closed_socket(nowhere, sizeof nowhere);
  mc_client *client = ruled(nowhere, true);
  for (int n = 1; n <= 10; ++n) {
    CHECK_STATUS(get(client), MC_CONNECT_FAILED);
    CHECK_NUMBER(atomic_load(&rule.failed), n);
  }
  atomic_store(&rule.yes, false);
  CHECK_STATUS(get(client), MC_CIRCUIT_OPEN);
  CHECK_NUMBER(health_of(client, 0).state, MC_SERVER_DOWN);
  CHECK_NUMBER(atomic_load(&rule.failed), 10);
  CHECK_NUMBER(atomic_load(&rule.answered), 0);
  mc_free(client);
  CHECK_NUMBER(atomic_load(&rule.destroyed), 1);
  close(fd);
  client = ruled(uri, false);
  CHECK_STATUS(get(client), MC_CIRCUIT_OPEN);
  atomic_store(&rule.yes, true);
  CHECK_STATUS(get(client), MC_NO_VALUE);
  CHECK_NUMBER(health_of(client, 0).state, MC_SERVER_UP);
  CHECK(atomic_load(&rule.asked) >= 2);
  /* Nothing failed before. */
  CHECK_NUMBER(atomic_load(&rule.answered), 0);
  mc_free(client);
  CHECK_NUMBER(atomic_load(&rule.destroyed), 1);
  /* None, and on failure. */
  CHECK_STATUS(mc_options_set_reconnector(NULL, says, &rule, destroyed), MC_INVALID_ARGUMENT);
  CHECK_NUMBER(atomic_load(&rule.destroyed), 2);
  mc_options *set = mc_options_new();
  CHECK_STATUS(mc_options_set_reconnector(set, NULL, &rule, destroyed), MC_OK);
  CHECK_NUMBER(atomic_load(&rule.destroyed), 3);
  mc_options_free(set);
}

static void what_cannot_be_asked(mc_client *client) {
  mc_health health = {.size = sizeof health, .failures = 7};
  CHECK_STATUS(mc_server_health(client, 1, &health), MC_INVALID_ARGUMENT);
  CHECK_NUMBER(health.failures, 0);
  CHECK_STATUS(mc_server_health(client, SIZE_MAX, &health), MC_INVALID_ARGUMENT);
  CHECK_STATUS(mc_server_health(client, 0, NULL), MC_INVALID_ARGUMENT);
  CHECK_STATUS(mc_server_health(NULL, 0, &health), MC_INVALID_ARGUMENT);
  health.size = 0;
  CHECK_STATUS(mc_server_health(client, 0, &health), MC_INVALID_ARGUMENT);
  /* Of an earlier version, and of a later one. */
  struct {
    mc_health known;
    uint64_t beyond;
  } later = {{.size = sizeof later}, 7};
  CHECK_STATUS(mc_server_health(client, 0, &later.known), MC_OK);
  CHECK_NUMBER(later.beyond, 0);
  CHECK_NUMBER(later.known.state, MC_SERVER_UP);
  struct {
    uint32_t size, state, failures, canary;
  } earlier = {12, 7, 7, 7};
  CHECK_STATUS(mc_server_health(client, 0, (mc_health *)(void *)&earlier), MC_OK);
  CHECK(earlier.size == 12 && earlier.state == MC_SERVER_UP && earlier.failures == 0);
  CHECK_NUMBER(earlier.canary, 7);
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  what_cannot_be_asked(client);
  a_server_that_is_not_there();
  a_server_that_comes_back();
  slow_calls_are_told(argv[1]);
  a_rule_of_the_programs_own(argv[1]);
  mc_free(client);
  return check_end();
}
