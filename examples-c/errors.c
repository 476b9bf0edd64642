/* errors: every class of failure made to happen, and what a program learns of it.
 *
 *     errors
 *
 * Needs no server: it talks to a store in this process, to an address where nobody listens, and to a
 * server of its own that misbehaves on purpose. The classes AUTH and VALUE are missing: nothing in this
 * version can end with them.
 */
#define _POSIX_C_SOURCE 200809L
#include <memcached2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int wrong;

/* Tells a failure, and checks that it is of the kind expected. The status is enough to act on; the
 * rest, kept for the thread until its next failure, is for the log. */
static void tell(const char *what, mc_status status, mc_status expected) {
  static const char *const effects[] = {"none", "not applied", "applied", "unknown", "removed"};
  printf("%-34s %s\n", what, mc_status_name(status));
  if (status != MC_OK && !mc_status_is_miss(status)) {
    printf("    %s\n", mc_last_error());
    if (*mc_last_error_server() != '\0') printf("    server %s", mc_last_error_server());
    if (*mc_last_error_server() != '\0') printf(", effect %s\n", effects[mc_last_error_effect()]);
  }
  if (!mc_status_is(status, expected)) {
    printf("    WRONG: this should have been %s\n", mc_status_name(expected));
    ++wrong;
  }
}

/* ---- a server that answers everything with the same line, or not at all --------------------- */

static const char *reply;

static void *serve(void *listener) {
  int connection;
  while ((connection = accept(*(int *)listener, NULL, NULL)) >= 0) {
    char command[256];
    while (recv(connection, command, sizeof command, 0) > 0)
      if (*reply != '\0' && send(connection, reply, strlen(reply), MSG_NOSIGNAL) < 0) break;
    close(connection);
  }
  return NULL;
}

static int listen_at(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (listener >= 0 && bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 8) == 0)
    return listener;
  perror("errors: a server of its own");
  exit(2);
}

static mc_client *client_of(const char *servers) {
  mc_client *client;
  if (mc_new(servers, &client) == MC_OK) return client;
  fprintf(stderr, "errors: %s: %s\n", servers, mc_last_error());
  exit(2);
}

/* ---- the classes ---------------------------------------------------------------------------- */

static mc_status set(mc_client *client, const char *key, const char *value) {
  return mc_set(client, key, MC_CSTR, value, MC_CSTR, 60, 0);
}

static void retrieve_and_store(mc_client *client) {
  mc_item *item;
  tell("get of a key that is not there", mc_get(client, "none", MC_CSTR, &item), MC_NO_VALUE);
  tell("delete of a key that is not there", mc_delete(client, "none", MC_CSTR), MC_NOT_FOUND);
  tell("set", set(client, "key", "text"), MC_OK);
  tell("add of a key that is there", mc_add(client, "key", MC_CSTR, "x", 1, 0, 0), MC_NOT_STORED);
  tell("incr of a text", mc_incr(client, "key", MC_CSTR, 1, NULL), MC_NON_NUMERIC);
  if (mc_gets(client, "key", MC_CSTR, &item) == MC_OK) {
    set(client, "key", "another's");
    tell("cas of what was changed meanwhile", mc_cas(client, "key", MC_CSTR, "mine", 4, 0, 0, item->cas), MC_CAS_FAILURE);
    mc_item_free(item);
  }
  size_t size = 2u << 20;
  char *large = calloc(1, size);
  if (large != NULL) tell("set of two megabytes", mc_set(client, "key", MC_CSTR, large, size, 0, 0), MC_TOO_LARGE);
  free(large);
}

static void client(mc_client *good) {
  mc_client *none;
  mc_item *item;
  tell("a key with a space", mc_get(good, "two words", MC_CSTR, &item), MC_ILLEGAL_INPUT);
  tell("a negative time to live", mc_set(good, "key", MC_CSTR, "x", 1, -5, 0), MC_INVALID_ARGUMENT);
  tell("an address that does not parse", mc_new("memcached://host:port", &none), MC_INVALID_URI);
  tell("an option that there is not", mc_new("memory://?tiemout=1s", &none), MC_UNKNOWN_OPTION);
  tell("a client that is none", mc_get(NULL, "key", MC_CSTR, &item), MC_INVALID_ARGUMENT);
}

static void server(mc_client *bad) {
  reply = "SERVER_ERROR out of memory storing object\r\n";
  tell("set, and the server has no memory", set(bad, "key", "x"), MC_OUT_OF_MEMORY);
  reply = "SERVER_ERROR busy\r\n";
  tell("set, and the server fails", set(bad, "key", "x"), MC_SERVER_ERROR);
  reply = "HTTP/1.1 400 Bad Request\r\n";
  tell("set, and this is no memcached", set(bad, "key", "x"), MC_UNEXPECTED_RESPONSE);
}

static void connection(mc_client *bad) {
  mc_client *nobody = client_of("memcached+unix:///nobody/listens/here.sock"), *empty = client_of("");
  mc_item *item;
  tell("nobody listens", mc_get(nobody, "key", MC_CSTR, &item), MC_CONNECT_FAILED);
  tell("a client without servers", mc_get(empty, "key", MC_CSTR, &item), MC_NO_AVAILABLE_SERVERS);
  reply = "";
  mc_client *hasty; /* the same servers and connections, with another option */
  if (mc_client_with(bad, "timeout=100ms", &hasty) != MC_OK) exit(2);
  tell("the server does not answer", set(hasty, "key", "x"), MC_TIMEOUT);
  mc_free(hasty);
  mc_free(nobody);
  mc_free(empty);
}

static void library(mc_client *client) {
  char small[2];
  size_t length;
  set(client, "key", "a value");
  mc_status status = mc_get_into(client, "key", MC_CSTR, small, sizeof small, &length, NULL);
  tell("a buffer that is too small", status, MC_BUFFER_TOO_SMALL);
  if (status == MC_BUFFER_TOO_SMALL) printf("    it takes %zu bytes\n", length);
  const char *keys[] = {"key", "two words"};
  mc_results *results;
  tell("a batch of which a part fails", mc_get_multi(client, keys, NULL, 2, &results), MC_PARTIAL);
  mc_results_free(results);
}

int main(void) {
  char directory[] = "/tmp/memcached2-errors-XXXXXX", path[64], uri[160];
  if (mkdtemp(directory) == NULL) return 2;
  snprintf(path, sizeof path, "%s/sock", directory);
  snprintf(uri, sizeof uri, "memcached+unix://%s?protocol=ascii&timeout=10s&connect_timeout=10s", path);
  int listener = listen_at(path);
  pthread_t thread;
  if (pthread_create(&thread, NULL, serve, &listener) != 0) return 2;
  mc_client *good = client_of("memory://"), *bad = client_of(uri);

  printf("RETRIEVE and STORE\n");
  retrieve_and_store(good);
  printf("\nCLIENT\n");
  client(good);
  printf("\nSERVER\n");
  server(bad);
  printf("\nCONNECTION\n");
  connection(bad);
  printf("\nLIBRARY\n");
  library(good);

  mc_free(good);
  mc_free(bad);
  shutdown(listener, SHUT_RDWR); /* ends accept, and with it the thread */
  pthread_join(thread, NULL);
  close(listener);
  unlink(path);
  rmdir(directory);
  return wrong == 0 ? 0 : 1;
}
