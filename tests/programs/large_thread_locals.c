/* A program each of whose threads has 4 MiB of variables of its own: `large_thread_locals SERVER-URI`,
 * with stuck_resolver loaded, which knows names that end in ".home". They are looked up as anywhere. */
#include "../c/check.h"

static _Thread_local volatile char variables[4 << 20];

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  variables[0] = 1;
  char uri[200];
  const char *port = strrchr(argv[1], ':');
  if (port == NULL) check_give_up(argv[1]);
  snprintf(uri, sizeof uri, "roomy.home%s", port);
  CHECK_STATUS(mc_set_servers(client, uri), MC_OK);
  CHECK_STATUS(check_store(client, "key", "value"), MC_OK);
  CHECK_VALUE(client, "key", "value");
  mc_free(client);
  return check_end();
}
