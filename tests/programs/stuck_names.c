/* A process whose resolver is stuck: `stuck_names SERVER-URI`, with stuck_resolver loaded. */
#include "../c/check.h"
#include <dirent.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

enum { HELPERS = 4 };

static unsigned port;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static mc_client *client_of(const char *host) {
  char uri[200];
  mc_client *client = NULL;
  snprintf(uri, sizeof uri, "%s:%u?timeout=100ms&connect_timeout=none", host, port);
  CHECK_STATUS(mc_new(uri, &client), MC_OK);
  return client;
}

/* A call that ends with its time, and says which name it was. */
static void is_stuck(const char *host) {
  mc_client *client = client_of(host);
  double began = now();
  CHECK_STATUS(check_store(client, "key", "value"), MC_RESOLVE_FAILED);
  double took = now() - began;
  CHECK(took > 0.095 && took < 0.15);
  CHECK(strstr(mc_last_error(), host) != NULL);
  mc_free(client);
}

static void works(mc_client *client) {
  mc_close(client);
  CHECK_STATUS(check_store(client, "key", "value"), MC_OK);
  CHECK_VALUE(client, "key", "value");
}

static int helpers(void) {
  int count = 0;
  DIR *tasks = opendir("/proc/self/task");
  for (struct dirent *task; tasks != NULL && (task = readdir(tasks)) != NULL;) {
    char path[300], name[32] = "";
    snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
    FILE *file = fopen(path, "r");
    if (file == NULL) continue;
    count += fgets(name, sizeof name, file) != NULL && strcmp(name, "mc-resolve\n") == 0;
    fclose(file);
  }
  if (tasks != NULL) closedir(tasks);
  return count;
}

int main(int argc, char **argv) {
  mc_client *literal = check_begin(argc, argv);
  CHECK(sscanf(argv[1], "memcached://127.0.0.1:%u/", &port) == 1);
  mc_client *known = client_of("known.home"), *local = client_of("localhost");
  works(known);
  static const char *const stuck[] = {"a.stuck", "b.stuck", "c.stuck", "d.stuck"};
  for (int i = 0; i < HELPERS; ++i) is_stuck(stuck[i]);
  is_stuck("a.stuck"); /* looked up already: no other helper */
  CHECK_NUMBER(helpers(), HELPERS);
  for (int i = 0; i < 3; ++i) works(literal), works(local), works(known);
  is_stuck("new.home"); /* nobody is there to look it up */
  CHECK_NUMBER(helpers(), HELPERS);

  pid_t child = fork();
  if (child < 0) check_give_up("fork");
  if (child == 0) {
    alarm(CHECK_SECONDS); /* is not inherited */
    mc_client *new_name = client_of("new.home");
    works(new_name);
    works(known);
    works(literal);
    is_stuck("a.stuck");
    CHECK_NUMBER(helpers(), 1);
    mc_free(new_name);
  } else {
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    works(known);
  }
  mc_free(known);
  mc_free(local);
  mc_free(literal);
  /* With helpers that are stuck, the process ends all the same. */
  return check_end();
}
