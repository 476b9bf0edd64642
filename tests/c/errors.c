/* Failures: what they are called, what they tell, and where it can be read. */
#include "check.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

/* ---- the table of statuses ------------------------------------------------------------------ */

static void the_table_is_consistent(void) {
  size_t count = 0;
  for (const mc_status_info *row; (row = mc_statuses(count)) != NULL; ++count) {
    CHECK(row->name != NULL && *row->name != '\0' && row->message != NULL && *row->message != '\0');
    CHECK(strcmp(mc_status_name(row->status), row->name) == 0);
    CHECK(strcmp(mc_status_message(row->status), row->message) == 0);
    CHECK(mc_status_is(row->status, row->status));
    if (row->status != MC_OK) {
      CHECK(mc_status_is(row->status, row->parent));
      CHECK(mc_status_is(row->status, MC_CLASS_MEMCACHED));
    }
    for (size_t i = 0; i < count; ++i) {
      CHECK(mc_statuses(i)->status != row->status);
      CHECK(strcmp(mc_statuses(i)->name, row->name) != 0);
    }
  }
  CHECK(count > 40);
  CHECK(mc_statuses(count + 1) == NULL && mc_statuses(SIZE_MAX) == NULL);
}

static void ancestors_are_prefixes(void) {
  CHECK(mc_status_is(MC_CAS_REFRESH_FAILURE, MC_CAS_FAILURE));
  CHECK(mc_status_is(MC_CAS_REFRESH_FAILURE, MC_CLASS_STORE));
  CHECK(!mc_status_is(MC_CAS_FAILURE, MC_CAS_REFRESH_FAILURE));
  CHECK(!mc_status_is(MC_TIMEOUT, MC_CLASS_STORE));
  CHECK(!mc_status_is(MC_OK, MC_CLASS_MEMCACHED));
  CHECK(!mc_status_is(MC_TIMEOUT, MC_OK));
  CHECK(mc_status_is(MC_OK, MC_OK));
  CHECK(mc_status_is(0x7f0105, MC_CLASS_CONNECTION)); /* one that a later version may bring */
  CHECK(mc_status_is_miss(MC_NO_VALUE) && mc_status_is_miss(MC_NOT_FOUND));
  CHECK(!mc_status_is_miss(MC_OK) && !mc_status_is_miss(MC_TIMEOUT) && !mc_status_is_miss(MC_NOT_STORED));
  static const mc_status unknown[] = {-1, INT32_MIN, INT32_MAX, 0x123456, 9};
  for (size_t i = 0; i < sizeof unknown / sizeof *unknown; ++i)
    CHECK(*mc_status_name(unknown[i]) != '\0' && *mc_status_message(unknown[i]) != '\0');
}

/* ---- the last failure of a thread ----------------------------------------------------------- */

static void *another_thread(void *client) {
  CHECK(*mc_last_error() == '\0' && *mc_last_error_server() == '\0');
  CHECK(mc_last_error_errno() == 0 && mc_last_error_effect() == MC_EFFECT_NONE);
  CHECK(mc_key_check("two words", MC_CSTR) == MC_ILLEGAL_INPUT);
  CHECK(*mc_last_error() != '\0');
  (void)client;
  return NULL;
}

static void the_last_error_stays_until_the_next(mc_client *client) {
  char first[512];
  mc_item *item;
  CHECK_STATUS(check_store(client, "two words", "x"), MC_ILLEGAL_INPUT);
  snprintf(first, sizeof first, "%s", mc_last_error());
  CHECK(first[0] != '\0');
  CHECK_STATUS(check_store(client, "errors:key", "x"), MC_OK);
  CHECK_VALUE(client, "errors:key", "x");
  CHECK_STATUS(mc_get(client, "errors:none", MC_CSTR, &item), MC_NO_VALUE); /* is no error */
  CHECK(strcmp(first, mc_last_error()) == 0);
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, another_thread, client) == 0 && pthread_join(thread, NULL) == 0);
  CHECK(strcmp(first, mc_last_error()) == 0);
  CHECK_STATUS(mc_incr(client, "errors:key", MC_CSTR, 1, &(uint64_t){0}), MC_NON_NUMERIC);
  CHECK(strcmp(first, mc_last_error()) != 0);
  CHECK(*mc_last_error_server() != '\0');
}

/* ---- servers that are none ------------------------------------------------------------------ */

enum behaviour { REFUSES, SILENT, CLOSES, TALKS };

struct peer {
  int fd;
  pid_t child;
  char uri[64];
};

static void serve(int fd, enum behaviour behaviour) {
  static const char greeting[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
  alarm(CHECK_SECONDS);
  for (char request[4096];;) {
    int connection = accept(fd, NULL, NULL);
    if (connection < 0) _exit(0);
    if (behaviour == TALKS && recv(connection, request, sizeof request, 0) > 0)
      if (send(connection, greeting, sizeof greeting - 1, MSG_NOSIGNAL) < 0) _exit(1);
    if (behaviour == CLOSES && recv(connection, request, sizeof request, 0) < 0) _exit(1);
    close(connection);
  }
}

static struct peer start_peer(enum behaviour behaviour) {
  struct peer peer = {socket(AF_INET, SOCK_STREAM, 0), 0, ""};
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof address;
  if (peer.fd < 0 || bind(peer.fd, (struct sockaddr *)&address, length) != 0 ||
      getsockname(peer.fd, (struct sockaddr *)&address, &length) != 0)
    check_give_up("a socket of one's own");
  /* Bound and not listening: refuses. Listening and never accepting: connects, and stays silent. */
  if (behaviour != REFUSES && listen(peer.fd, 16) != 0) check_give_up("listen");
  if (behaviour == CLOSES || behaviour == TALKS) {
    peer.child = fork();
    if (peer.child < 0) check_give_up("fork");
    if (peer.child == 0) serve(peer.fd, behaviour);
  }
  /* Every call is to meet it, however many have failed. */
  snprintf(peer.uri, sizeof peer.uri, "memcached://127.0.0.1:%d/?reconnect=simple", ntohs(address.sin_port));
  return peer;
}

static void stop_peer(struct peer *peer) {
  if (peer->child > 0) {
    kill(peer->child, SIGKILL);
    waitpid(peer->child, NULL, 0);
  }
  close(peer->fd);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A get, a set and an incr that fail with `status`; the writes have this effect. */
static void all_fail(mc_client *client, mc_status status, uint32_t effect) {
  mc_item *item = (mc_item *)(void *)client;
  CHECK_STATUS(mc_get(client, "k", 1, &item), status);
  CHECK(item == NULL);
  CHECK(*mc_last_error() != '\0');
  CHECK(strstr(mc_last_error_server(), "127.0.0.1") != NULL);
  CHECK_NUMBER(mc_last_error_effect(), MC_EFFECT_NONE); /* a get writes nothing */
  CHECK_STATUS(check_store(client, "k", "v"), status);
  CHECK_NUMBER(mc_last_error_effect(), effect);
  uint64_t value = 7;
  CHECK_STATUS(mc_incr(client, "k", 1, 1, &value), status);
  CHECK_NUMBER(mc_last_error_effect(), effect);
  CHECK_NUMBER(value, 0);
}

static void nobody_listens(void) {
  struct peer peer = start_peer(REFUSES);
  mc_client *client;
  if (CHECK_STATUS(mc_new(peer.uri, &client), MC_OK)) {
    all_fail(client, MC_CONNECT_FAILED, MC_EFFECT_NOT_APPLIED);
    CHECK_NUMBER(mc_last_error_errno(), ECONNREFUSED);
    /* The same, out of an item: for callers whose thread may change between two calls. */
    mc_item *item = mc_item_new();
    mc_command set = MC_COMMAND_INIT(MC_OP_SET);
    set.key = "k";
    set.key_len = 1;
    CHECK_STATUS(mc_execute_into(client, &set, item), MC_CONNECT_FAILED);
    CHECK_NUMBER(item->status, MC_CONNECT_FAILED);
    CHECK_NUMBER(item->sys_errno, ECONNREFUSED);
    CHECK_NUMBER(item->effect, MC_EFFECT_NOT_APPLIED);
    CHECK(item->text != NULL && strcmp(item->text, mc_last_error()) == 0);
    CHECK(item->server != NULL && strcmp(item->server, mc_last_error_server()) == 0);
    CHECK_NUMBER(item->phase, MC_PHASE_CONNECT);
    mc_item_free(item);
    mc_free(client);
  }
  stop_peer(&peer);
}

/* Ends not before `least` and soon after; a loaded machine under valgrind counts as soon. */
static void ends_within(double began, double least) {
  double took = now() - began;
  if (!CHECK(took >= least * 0.95 && took < least + 2)) fprintf(stderr, "  took %.3f s\n", took);
}

static void nobody_answers(void) {
  struct peer peer = start_peer(SILENT);
  mc_client *client, *view;
  mc_results *results;
  mc_item *item;
  if (!CHECK_STATUS(mc_new(peer.uri, &client), MC_OK)) return;
  CHECK_STATUS(mc_client_with(client, "timeout=150ms", &view), MC_OK);
  double began = now();
  all_fail(view, MC_TIMEOUT, MC_EFFECT_UNKNOWN);
  ends_within(began, 3 * 0.15);

  mc_command get = MC_COMMAND_INIT(MC_OP_GET);
  get.key = "k";
  get.key_len = 1;
  get.timeout_us = 100000;
  began = now();
  CHECK_STATUS(mc_execute(client, &get, &item), MC_TIMEOUT);
  CHECK(item == NULL);
  ends_within(began, 0.1);

  mc_batch batch = {sizeof batch, 0, 200000};
  mc_command both[] = {get, get};
  both[0].timeout_us = both[1].timeout_us = 0;
  began = now();
  CHECK_STATUS(mc_execute_multi(client, both, 2, &batch, &results), MC_PARTIAL);
  ends_within(began, 0.2);
  for (size_t i = 0; i < 2 && CHECK(results != NULL); ++i) {
    CHECK_STATUS(mc_results_item(results, i)->status, MC_TIMEOUT);
    CHECK(mc_results_item(results, i)->value == NULL);
  }
  mc_results_free(results);
  mc_free(view);

  /* No limit for the batch as a whole: what ends it is that the server was silent for so long. */
  CHECK_STATUS(mc_client_with(client, "timeout=400ms&batch_timeout=100ms", &view), MC_OK);
  batch.timeout_us = -1;
  began = now();
  CHECK_STATUS(mc_execute_multi(view, both, 2, &batch, &results), MC_PARTIAL);
  ends_within(began, 0.4);
  mc_results_free(results);
  mc_free(view);
  mc_free(client);
  stop_peer(&peer);
}

static void the_peer_is_no_memcached(void) {
  struct peer closes = start_peer(CLOSES), talks = start_peer(TALKS);
  mc_client *client;
  if (CHECK_STATUS(mc_new(closes.uri, &client), MC_OK)) {
    mc_item *item;
    CHECK_STATUS(mc_get(client, "k", 1, &item), MC_SERVER_DISCONNECT);
    CHECK_STATUS(check_store(client, "k", "v"), MC_SERVER_DISCONNECT);
    CHECK_NUMBER(mc_last_error_effect(), MC_EFFECT_UNKNOWN);
    mc_free(client);
  }
  if (CHECK_STATUS(mc_new(talks.uri, &client), MC_OK)) {
    mc_item *item;
    CHECK_STATUS(mc_get(client, "k", 1, &item), MC_UNEXPECTED_RESPONSE);
    CHECK(item == NULL);
    CHECK_STATUS(check_store(client, "k", "v"), MC_UNEXPECTED_RESPONSE);
    mc_free(client);
  }
  stop_peer(&closes);
  stop_peer(&talks);
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  the_table_is_consistent();
  ancestors_are_prefixes();
  the_last_error_stays_until_the_next(client);
  nobody_listens();
  nobody_answers();
  the_peer_is_no_memcached();
  mc_free(client);
  return check_end();
}
