/* event_loop: a program that waits with poll(2), for input and for memcached at once. Each line that it
 * reads is a key; its value is shown when it has come, and nothing waits for it meanwhile.
 *
 *     event_loop [SERVER-URI]
 */
#include <memcached2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Every operation ends here, once, on the thread that calls mc_loop_process. */
static void show(void *user, const mc_completion *completion) {
  size_t *ended = user;
  const mc_item *item = completion->item; /* gone when this returns: mc_item_copy keeps it */
  ++*ended;
  if (item == NULL || !(item->status == MC_OK || mc_status_is_miss(item->status)))
    printf("failed: %s\n", mc_status_message(completion->status));
  else
    printf("%s: %s\n", item->key, item->value != NULL ? item->value : mc_status_name(item->status));
}

static mc_status submit(mc_loop *loop, uint32_t op, const char *key, size_t key_len, const char *value,
                        size_t *ended) {
  mc_command command = MC_COMMAND_INIT(op);
  command.key = key; /* copied, as the value is */
  command.key_len = key_len;
  command.value = value;
  command.value_len = value != NULL ? strlen(value) : 0;
  command.ttl = 60;
  return mc_loop_submit(loop, &command, NULL, show, ended);
}

/* Submit a read for every line that is whole; what is left is the beginning of one. */
static size_t lines(mc_loop *loop, char *buffer, size_t len, size_t *ended) {
  char *line = buffer, *end;
  while ((end = memchr(line, '\n', len - (size_t)(line - buffer))) != NULL) {
    size_t key_len = (size_t)(end - line);
    /* Not MC_OK: nothing will be told of it. */
    if (submit(loop, MC_OP_GET, line, key_len, NULL, ended) != MC_OK)
      printf("%.*s: %s\n", (int)key_len, line, mc_last_error());
    line = end + 1;
  }
  size_t left = len - (size_t)(line - buffer);
  memmove(buffer, line, left);
  return left;
}

int main(int argc, char **argv) {
  mc_client *client;
  mc_loop *loop;
  if (mc_new(argc > 1 ? argv[1] : "memory://", &client) != MC_OK || mc_loop_new(client, &loop) != MC_OK) {
    fprintf(stderr, "event_loop: %s\n", mc_last_error());
    return EXIT_FAILURE;
  }
  mc_free(client); /* the loop has a reference of its own */

  size_t ended = 0;
  submit(loop, MC_OP_SET, "event:one", MC_CSTR, "1", &ended);
  submit(loop, MC_OP_SET, "event:two", MC_CSTR, "22", &ended);

  char buffer[4096];
  size_t used = 0;
  int open = 1;
  while (open || mc_loop_pending(loop) > 0) {
    /* Two descriptors, and no longer than the loop says: 0 where it has something to do at once. */
    struct pollfd waited[2] = {{.fd = mc_loop_fd(loop), .events = POLLIN, .revents = 0},
                               {.fd = open ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0}};
    int64_t us = mc_loop_timeout_us(loop);
    if (poll(waited, 2, us < 0 ? -1 : (int)((us + 999) / 1000)) < 0) break;
    if (waited[1].revents != 0) {
      ssize_t n = read(STDIN_FILENO, buffer + used, sizeof buffer - used);
      if (n <= 0 || used + (size_t)n == sizeof buffer) {
        open = 0;
      } else {
        used = lines(loop, buffer, used + (size_t)n, &ended);
      }
    }
    if (mc_loop_process(loop) != MC_OK) break;
  }
  printf("%zu operations\n", ended);
  mc_loop_free(loop); /* what was still under way would end with MC_CANCELLED now */
  return EXIT_SUCCESS;
}
