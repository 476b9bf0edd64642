/* What the library does with descriptors: `descriptors standard|high|leaks SERVER-URI`, and
 * `descriptors inherited`, which is what `standard` executes. */
#include "../c/check.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { CLIENTS = 5, HIGH = 1100, ROUNDS = 30, THREADS = 8 };

struct open_files {
  int count, sockets, lowest_socket, kept_on_exec;
};

static struct open_files open_files(void) {
  struct open_files all = {0, 0, 1 << 30, 0};
  DIR *directory = opendir("/proc/self/fd");
  if (directory == NULL) check_give_up("/proc/self/fd");
  for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    int fd = atoi(entry->d_name);
    struct stat about;
    if (entry->d_name[0] == '.' || fd == dirfd(directory) || fstat(fd, &about) != 0) continue;
    all.count++;
    if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC)) all.kept_on_exec++;
    if (!S_ISSOCK(about.st_mode)) continue;
    all.sockets++;
    if (fd < all.lowest_socket) all.lowest_socket = fd;
  }
  closedir(directory);
  return all;
}

static mc_client *new_client(const char *uri) {
  mc_client *client;
  if (mc_new(uri, &client) != MC_OK) check_give_up(uri);
  return client;
}

/* Calls of all kinds; how many did not succeed. */
static int calls(mc_client *client) {
  const char *keys[3] = {"descriptors:1", "descriptors:2", "descriptors:3"};
  const void *values[3] = {"first", "second", "third"};
  const size_t lengths[3] = {5, 6, 5};
  mc_results *results;
  mc_item *item = NULL;
  int failed = mc_set_multi(client, keys, NULL, values, lengths, 3, 0, 0, NULL) != MC_OK;
  failed += mc_get_multi(client, keys, NULL, 3, &results) != MC_OK;
  for (size_t i = 0; i < 3; ++i) {
    const mc_item *one = mc_results_item(results, i);
    failed += one == NULL || one->status != MC_OK || strcmp(one->value, values[i]) != 0;
  }
  mc_results_free(results);
  failed += mc_set(client, "descriptors:4", MC_CSTR, "fourth", 6, 0, 0) != MC_OK;
  failed += mc_get(client, "descriptors:4", MC_CSTR, &item) != MC_OK || strcmp(item->value, "fourth") != 0;
  mc_item_free(item);
  return failed;
}

/* FM-111: a program whose standard descriptors are closed; and what one that it executes gets. */
static void standard(const char *program, const char *uri) {
  int kept[3], status = -1, failed = 0, taken = 0;
  mc_client *clients[CLIENTS];
  for (int fd = 0; fd < 3; ++fd) kept[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
  for (int fd = 0; fd < 3; ++fd) close(fd);
  int inherited = open_files().kept_on_exec; /* from whoever started this program */
  for (int i = 0; i < CLIENTS; ++i) {
    clients[i] = new_client(uri);
    failed += calls(clients[i]);
  }
  struct open_files all = open_files();
  for (int fd = 0; fd < 3; ++fd) taken += fcntl(fd, F_GETFD) != -1;
  pid_t child = fork();
  if (child == 0) {
    execl(program, program, "inherited", (char *)NULL);
    _exit(9);
  }
  waitpid(child, &status, 0);
  for (int i = 0; i < CLIENTS; ++i) mc_free(clients[i]);
  for (int fd = 0; fd < 3; ++fd) dup2(kept[fd], fd);
  CHECK_NUMBER(failed, 0);
  CHECK_NUMBER(taken, 0);
  CHECK_NUMBER(all.sockets, CLIENTS);
  CHECK(all.lowest_socket > 2);
  CHECK_NUMBER(all.kept_on_exec, inherited);
  CHECK(WIFEXITED(status));
  CHECK_NUMBER(WEXITSTATUS(status), inherited);
  printf("%d connections, lowest descriptor %d, none kept on exec\n", all.sockets, all.lowest_socket);
}

/* FM-67: descriptors that no select() takes. They are closed on exec too (FM-111). */
static void high(const char *uri) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) check_give_up("getrlimit");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) check_give_up("setrlimit");
  int null = -1;
  do null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  while (null >= 0 && null < HIGH);
  if (null < 0) check_give_up("not enough descriptors: raise the hard limit (ulimit -Hn)");
  int inherited = open_files().kept_on_exec;
  mc_client *client = new_client(uri), *patient;
  for (int i = 0; i < 100; ++i) CHECK_NUMBER(calls(client), 0);
  /* Waiting is left to poll. */
  CHECK_STATUS(mc_client_with(client, "timeout=19ms", &patient), MC_OK);
  for (int i = 0; i < 100; ++i) CHECK_NUMBER(calls(patient), 0);
  struct open_files all = open_files();
  CHECK(all.sockets > 0 && all.lowest_socket > HIGH);
  CHECK_NUMBER(all.kept_on_exec, inherited);
  printf("%d connection, lowest descriptor %d\n", all.sockets, all.lowest_socket);
  mc_free(patient);
  mc_free(client);
}

static void *call_often(void *client) {
  for (int i = 0; i < 20; ++i) CHECK_NUMBER(calls(client), 0);
  return NULL;
}

/* FM-81: what was opened is closed, whatever became of it. */
static void leaks(const char *uri) {
  int before = open_files().count, most = 0;
  for (int round = 0; round < ROUNDS; ++round) {
    mc_client *client = new_client(uri), *view;
    mc_item *item;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; ++i)
      if (pthread_create(&threads[i], NULL, call_often, client) != 0) check_give_up("a thread");
    for (int i = 0; i < THREADS; ++i) pthread_join(threads[i], NULL);
    int now = open_files().count;
    if (now > most) most = now;
    CHECK_STATUS(mc_add_server(client, "memcached+unix:///nonexistent/socket"), MC_OK);
    for (int i = 0; i < 20; ++i) {
      char key[16];
      sprintf(key, "key%d", i);
      mc_status status = mc_get(client, key, MC_CSTR, &item);
      CHECK(status == MC_NO_VALUE || status == MC_CONNECT_FAILED || status == MC_CIRCUIT_OPEN);
    }
    CHECK_STATUS(mc_client_with(client, "timeout=1us", &view), MC_OK);
    for (int i = 0; i < 20; ++i) mc_set(view, "late", MC_CSTR, "value", 5, 0, 0);
    CHECK_STATUS(mc_set_servers(client, uri), MC_OK);
    CHECK_NUMBER(calls(client), 0);
    if (round % 3 == 0) {
      CHECK_STATUS(mc_close(client), MC_OK);
      CHECK_NUMBER(open_files().count, before);
    }
    mc_free(round % 2 ? client : view);
    mc_free(round % 2 ? view : client);
    CHECK_NUMBER(open_files().count, before);
  }
  CHECK(most > before + 1);
  printf("%d descriptors before, %d at most, %d after %d clients\n", before, most, open_files().count, ROUNDS);
}

int main(int argc, char **argv) {
  alarm(60);
  if (argc == 2 && strcmp(argv[1], "inherited") == 0) return open_files().count;
  if (argc < 3) check_give_up("descriptors standard|high|leaks SERVER-URI");
  if (strcmp(argv[1], "standard") == 0) standard(argv[0], argv[2]);
  if (strcmp(argv[1], "high") == 0) high(argv[2]);
  if (strcmp(argv[1], "leaks") == 0) leaks(argv[2]);
  return check_end();
}
