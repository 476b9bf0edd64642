/* Signals: `signals pipe|timer SERVER-URI PID-OF-SERVER`. */
#include "../c/check.h"
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

enum { LARGE = 900000, SECONDS = 2, DEADLINE_MS = 300 };

static char large[LARGE];

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void pause_ms(long ms) {
  struct timespec left = {ms / 1000, ms % 1000 * 1000000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

static mc_status quiet_set(mc_client *client) {
  mc_item *item;
  mc_command set = MC_COMMAND_INIT(MC_OP_SET);
  set.options = MC_NOREPLY;
  set.key = "quiet";
  set.key_len = MC_CSTR;
  set.value = "value";
  set.value_len = 5;
  mc_status status = mc_execute(client, &set, &item);
  mc_item_free(item);
  return status;
}

/* FM-66: to send on connections whose other end is gone raises nothing, in a program that never heard
 * of SIGPIPE. The library is told not to look first, so that it does send. */
static void broken_pipe(const char *uri, pid_t server) {
  struct sigaction action;
  sigset_t mask;
  mc_client *clients[4];
  const char *options[] = {"idle_check", "1h", "timeout", "2s", NULL};
  for (int i = 0; i < 4; ++i) {
    clients[i] = check_client_with(uri, options);
    CHECK_STATUS(check_store(clients[i], "pipe", "value"), MC_OK);
  }
  if (kill(server, SIGKILL) != 0) check_give_up("kill");
  pause_ms(50);
  /* The first send may go into nowhere; once the other end has said so, the next is refused. */
  int failed = 0;
  for (int i = 0; i < 5; ++i) {
    failed += quiet_set(clients[0]) != MC_OK;
    pause_ms(20);
    failed += mc_set(clients[1], "large", MC_CSTR, large, LARGE, 0, 0) != MC_OK;
    mc_item *item;
    failed += mc_get(clients[2], "pipe", MC_CSTR, &item) != MC_OK;
    mc_results *results;
    const char *keys[2] = {"pipe", "large"};
    failed += mc_get_multi(clients[3], keys, NULL, 2, &results) != MC_OK;
    mc_results_free(results);
  }
  CHECK(failed >= 18); /* all but the quiet ones whose loss nobody could see yet */
  CHECK(sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
  CHECK(pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0 && !sigismember(&mask, SIGPIPE));
  for (int i = 0; i < 4; ++i) mc_free(clients[i]);
  printf("%d calls on broken connections, no signal\n", failed);
}

static volatile sig_atomic_t alarms;

static void count_alarm(int signal_) {
  (void)signal_;
  alarms++;
}

static void start_timer(void) {
  struct sigaction action = {0};
  action.sa_handler = count_alarm; /* without SA_RESTART: whatever waits is interrupted */
  struct itimerval each_ms = {{0, 1000}, {0, 1000}};
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
  CHECK(setitimer(ITIMER_REAL, &each_ms, NULL) == 0);
}

static unsigned long calls_under_fire(mc_client *client) {
  const char *keys[3] = {"timer:1", "large", "timer:2"};
  const double end = now_ms() + SECONDS * 1000;
  unsigned long rounds = 0;
  for (; now_ms() < end; ++rounds) {
    mc_item *item;
    mc_results *results;
    CHECK_STATUS(check_store(client, "timer:1", "value"), MC_OK);
    if (rounds % 4 == 0) CHECK_STATUS(mc_set(client, "large", MC_CSTR, large, LARGE, 0, 0), MC_OK);
    if (CHECK_STATUS(mc_get(client, "timer:1", MC_CSTR, &item), MC_OK)) CHECK_TEXT(item->value, item->value_len, "value");
    mc_item_free(item);
    if (CHECK_STATUS(mc_get_multi(client, keys, NULL, 3, &results), MC_OK)) {
      const mc_item *found = mc_results_item(results, 1);
      CHECK(found->status == MC_OK && found->value_len == LARGE && memcmp(found->value, large, LARGE) == 0);
      CHECK_STATUS(mc_results_item(results, 2)->status, MC_NO_VALUE);
    }
    mc_results_free(results);
    CHECK_STATUS(quiet_set(client), MC_OK);
    if (rounds % 8 == 0) CHECK_STATUS(mc_close(client), MC_OK); /* connecting is interrupted, too */
  }
  return rounds;
}

/* Whether every thread of the process has come to a halt. */
static int is_halted(pid_t process) {
  char path[600];
  snprintf(path, sizeof path, "/proc/%d/task", (int)process);
  DIR *tasks = opendir(path);
  if (tasks == NULL) check_give_up(path);
  int halted = 1;
  for (struct dirent *task; halted && (task = readdir(tasks)) != NULL;) {
    if (task->d_name[0] == '.') continue;
    char stat[512];
    snprintf(path, sizeof path, "/proc/%d/task/%s/stat", (int)process, task->d_name);
    FILE *file = fopen(path, "r");
    size_t n = file == NULL ? 0 : fread(stat, 1, sizeof stat - 1, file);
    if (file != NULL) fclose(file);
    stat[n] = '\0';
    char *state = strrchr(stat, ')');
    halted = state != NULL && strncmp(state, ") T", 3) == 0;
  }
  closedir(tasks);
  return halted;
}

/* The signal has been sent when kill returns; every thread obeys it in its own time. */
static void halt(pid_t server) {
  if (kill(server, SIGSTOP) != 0) check_give_up("kill");
  while (!is_halted(server)) sched_yield(); /* the test that runs this program ends it after a while */
}

/* FM-65: signals neither end a wait nor make it longer. */
static void timer(const char *uri, pid_t server) {
  /* Every call waits, however many have waited in vain. */
  const char *options[] = {"timeout", "300ms", "reconnect", "simple", NULL};
  mc_client *client = check_client_with(uri, options);
  mc_item *item;
  mc_results *results;
  start_timer();
  unsigned long rounds = calls_under_fire(client);
  int seen = alarms;
  halt(server);
  double shortest = 1e9, longest = 0;
  for (int i = 0; i < 4; ++i) {
    const char *keys[2] = {"timer:1", "timer:2"};
    double began = now_ms();
    if (i % 2) {
      CHECK_STATUS(mc_get(client, "timer:1", MC_CSTR, &item), MC_TIMEOUT);
    } else {
      CHECK_STATUS(mc_get_multi(client, keys, NULL, 2, &results), MC_PARTIAL);
      CHECK_STATUS(mc_results_item(results, 0)->status, MC_TIMEOUT);
      mc_results_free(results);
    }
    double took = now_ms() - began;
    if (took < shortest) shortest = took;
    if (took > longest) longest = took;
  }
  if (kill(server, SIGCONT) != 0) check_give_up("kill");
  struct itimerval off = {{0, 0}, {0, 0}};
  CHECK(setitimer(ITIMER_REAL, &off, NULL) == 0);
  CHECK(seen > SECONDS * 300);
  CHECK(shortest > DEADLINE_MS - 5 && longest < DEADLINE_MS + 50);
  mc_free(client);
  printf("%d signals during %lu rounds of calls, none failed; timeouts of %d ms after %.1f to %.1f ms\n", seen,
         rounds, DEADLINE_MS, shortest, longest);
}

int main(int argc, char **argv) {
  if (argc != 4) check_give_up("signals pipe|timer SERVER-URI PID-OF-SERVER");
  for (size_t i = 0; i < LARGE; ++i) large[i] = (char)(i * 7 + i / 251);
  pid_t server = (pid_t)strtol(argv[3], NULL, 10);
  if (strcmp(argv[1], "pipe") == 0) broken_pipe(argv[2], server);
  if (strcmp(argv[1], "timer") == 0) timer(argv[2], server);
  return check_end();
}
