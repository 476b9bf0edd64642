/* Calls servers that are all dead, at a steady rate, then sleeps at the same rate without any call: what both
 * take of a processor. dead_servers SECONDS CALLS_A_SECOND URI...; each URI has an alias.
 * Prints: calls, those whose server was left alone, microseconds of time and of the processor's time, and the
 * latter of the sleep alone; then a line for each attempt to connect. */
#define _POSIX_C_SOURCE 200809L
#include <memcached2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static long long micros(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void sleep_until(long long due) {
  long long left = due - micros(CLOCK_MONOTONIC);
  if (left > 0) {
    struct timespec pause = {left / 1000000, left % 1000000 * 1000};
    nanosleep(&pause, NULL);
  }
}

/* One thread calls: nothing else writes. */
static char attempts[1 << 16];
static size_t attempts_len;

static void observe(void *user, const mc_event *event) {
  (void)user;
  size_t len = strlen(event->server) + 1;
  if (event->what != MC_EVENT_CONNECTED && event->what != MC_EVENT_CONNECT_FAILED) return;
  if (attempts_len + len >= sizeof attempts) abort();
  memcpy(attempts + attempts_len, event->server, len - 1);
  attempts_len += len;
  attempts[attempts_len - 1] = '\n';
}

static void must(mc_status status, const char *what) {
  if (status == MC_OK) return;
  fprintf(stderr, "%s: %s: %s\n", what, mc_status_name(status), mc_last_error());
  exit(1);
}

static mc_client *client_of(char **uris, int count) {
  mc_client *client;
  mc_options *options = mc_options_new();
  must(mc_options_set_observer(options, observe, NULL, NULL), "observer");
  for (int i = 0; i < count; i++) must(mc_options_add_server(options, uris[i], 0), uris[i]);
  must(mc_new_with(options, &client), "new");
  mc_options_free(options);
  return client;
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  long long time = atoll(argv[1]) * 1000000, period = 1000000 / atoll(argv[2]);
  mc_client *client = client_of(argv + 3, argc - 3);
  long long calls = 0, left_alone = 0;

  long long began = micros(CLOCK_MONOTONIC), used = micros(CLOCK_PROCESS_CPUTIME_ID);
  for (long long due = began; due < began + time; calls++) {
    char key[32];
    int len = snprintf(key, sizeof key, "dead:%lld", calls % 100);
    mc_item *item;
    mc_status status = mc_get(client, key, (size_t)len, &item);
    if (status == MC_OK || mc_status_is_miss(status)) return 3; /* an answer of a dead server */
    left_alone += status == MC_CIRCUIT_OPEN;
    due += period;
    long long now = micros(CLOCK_MONOTONIC);
    if (due < now) due = now;
    sleep_until(due);
  }
  long long took = micros(CLOCK_MONOTONIC) - began;
  used = micros(CLOCK_PROCESS_CPUTIME_ID) - used;

  long long own = micros(CLOCK_PROCESS_CPUTIME_ID), from = micros(CLOCK_MONOTONIC);
  for (long long i = 1; i <= calls; i++) sleep_until(from + i * period);
  own = micros(CLOCK_PROCESS_CPUTIME_ID) - own;

  printf("%lld %lld %lld %lld %lld\n", calls, left_alone, took, used, own);
  fwrite(attempts, 1, attempts_len, stdout);
  mc_free(client);
  return 0;
}
