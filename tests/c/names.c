/* Names that the system's own resolver looks up: this machine's, and one that does not exist.
 * `names SERVER-URI`. The server is expected on 127.0.0.1; over a Unix socket only what needs no
 * server is checked. */
#include "check.h"
#include <dirent.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Whether the system finds 127.0.0.1 under a name: 1, or 0 where it finds others, or -1 for none. */
static int is_loopback(const char *name) {
  struct addrinfo hints, *found;
  memset(&hints, 0, sizeof hints);
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(name, NULL, &hints, &found) != 0) return -1;
  int is = 0;
  for (struct addrinfo *one = found; one != NULL; one = one->ai_next) {
    struct sockaddr_in address;
    memcpy(&address, one->ai_addr, sizeof address);
    is |= address.sin_addr.s_addr == htonl(INADDR_LOOPBACK);
  }
  freeaddrinfo(found);
  return is;
}

/* The library and the system agree about a name. */
static void by_name(const char *name, unsigned port) {
  char uri[512];
  mc_client *client;
  snprintf(uri, sizeof uri, "memcached://%s:%u/?connect_timeout=10s&timeout=10s", name, port);
  if (!CHECK_STATUS(mc_new(uri, &client), MC_OK)) return;
  int expected = is_loopback(name);
  mc_status status = mc_set(client, "names:key", MC_CSTR, "value", 5, 0, 0);
  printf("%s: %s\n", name, status == MC_OK ? "stored" : mc_last_error());
  if (expected == 1) {
    CHECK_STATUS(status, MC_OK);
    mc_item *item;
    CHECK_STATUS(mc_get(client, "names:key", MC_CSTR, &item), MC_OK);
    CHECK(item != NULL && item->value_len == 5);
    mc_item_free(item);
  } else if (expected == 0) {
    CHECK(status != MC_RESOLVE_FAILED);
  } else {
    CHECK_STATUS(status, MC_RESOLVE_FAILED);
  }
  mc_free(client);
}

/* A name that cannot exist (RFC 6761) has no address, whether or not anyone can be asked: then the
 * call ends in time. */
static void no_such_name(void) {
  mc_client *client;
  CHECK_STATUS(mc_new("name.invalid?timeout=2s&connect_timeout=none", &client), MC_OK);
  mc_command command = MC_COMMAND_INIT(MC_OP_SET);
  command.key = "key";
  command.key_len = MC_CSTR;
  mc_item *item = mc_item_new();
  double began = now();
  CHECK_STATUS(mc_execute_into(client, &command, item), MC_RESOLVE_FAILED);
  CHECK(now() - began < 2.5);
  CHECK(item->phase == MC_PHASE_RESOLVE && item->effect == MC_EFFECT_NOT_APPLIED);
  CHECK(item->text != NULL && strstr(item->text, "name.invalid") != NULL);
  CHECK(item->server != NULL && strcmp(item->server, "name.invalid:11211") == 0);
  printf("%s\n", item->text ? item->text : "no text");
  mc_item_free(item);
  mc_free(client);
}

/* Threads of this process. */
static int threads(void) {
  int count = 0;
  DIR *tasks = opendir("/proc/self/task");
  for (struct dirent *task; tasks != NULL && (task = readdir(tasks)) != NULL;) count += task->d_name[0] != '.';
  if (tasks != NULL) closedir(tasks);
  return count;
}

/* Those that look names up are there for as long as there is something to be looked up. */
static void no_thread_is_left(void) {
  struct timespec pause = {0, 1000000};
  while (threads() > 1) nanosleep(&pause, NULL); /* ended by the alarm if that lasts */
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  mc_free(client);
  no_such_name();
  unsigned port = 0;
  if (sscanf(argv[1], "memcached://127.0.0.1:%u/", &port) == 1) {
    char host[256] = "";
    CHECK(gethostname(host, sizeof host - 1) == 0);
    by_name(host, port);
    by_name("localhost", port);
  }
  no_thread_is_left();
  return check_end();
}
