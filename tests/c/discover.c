/* A client that asks a configuration endpoint for its servers: the server of the test holds the list as an
 * item, as those before 1.4.14 did. */
#include "check.h"

#define ITEM "AmazonElastiCache:cluster"

/* Nobody listens at this port. */
#define NOBODY "discover://127.0.0.1:1/"

static mc_client *client_of(const char *uri) {
  mc_client *client = NULL;
  if (mc_new(uri, &client) != MC_OK) check_give_up(mc_last_error());
  return client;
}

static void an_endpoint_that_is_not_there(void) {
  mc_client *client = client_of(NOBODY);
  char names[64];
  size_t needed;
  CHECK_STATUS(mc_servers(client, names, sizeof names, &needed), MC_OK);
  CHECK_NUMBER(needed, 0);
  CHECK_STATUS(mc_server_for_key(client, "key", MC_CSTR, names, sizeof names, NULL), MC_NO_AVAILABLE_SERVERS);
  mc_item *item = NULL;
  CHECK_STATUS(mc_get(client, "key", MC_CSTR, &item), MC_CONNECT_FAILED);
  CHECK(item == NULL);
  CHECK(strstr(mc_last_error(), "discover://127.0.0.1:1") != NULL);
  CHECK(strcmp(mc_last_error_server(), "discover://127.0.0.1:1") == 0);
  CHECK_STATUS(mc_set(client, "key", MC_CSTR, "value", 5, 0, 0), MC_CONNECT_FAILED);
  CHECK_NUMBER(mc_last_error_effect(), MC_EFFECT_NOT_APPLIED);
  CHECK_STATUS(mc_add_server(client, "127.0.0.1:2"), MC_INVALID_ARGUMENT);
  CHECK_STATUS(mc_remove_server(client, "127.0.0.1:2"), MC_INVALID_ARGUMENT);
  CHECK_STATUS(mc_set_servers(client, "memory://"), MC_OK);
  CHECK_STATUS(mc_set(client, "key", MC_CSTR, "value", 5, 0, 0), MC_OK);
  CHECK_STATUS(mc_set_servers(client, NOBODY), MC_OK);
  CHECK_STATUS(mc_get(client, "key", MC_CSTR, &item), MC_CONNECT_FAILED);
  mc_free(client);
}

static void what_is_refused(void) {
  mc_client *client = NULL;
  CHECK_STATUS(mc_new("discover://a,b", &client), MC_INVALID_ARGUMENT);
  CHECK_STATUS(mc_new("discover://a/?alias=x", &client), MC_INVALID_ARGUMENT);
  CHECK_STATUS(mc_new("discover://a/?discover_prefer=x", &client), MC_INVALID_ARGUMENT);
  CHECK_STATUS(mc_new("discover:///", &client), MC_INVALID_URI);
  CHECK(client == NULL);
  mc_options *options = mc_options_new();
  CHECK_STATUS(mc_options_add_server(options, "discover://a", 2), MC_INVALID_ARGUMENT);
  CHECK_STATUS(mc_options_add_server(options, "discover://a", 0), MC_OK);
  CHECK_STATUS(mc_options_add_server(options, "b", 0), MC_INVALID_ARGUMENT);
  CHECK_STATUS(mc_options_set(options, "discover_interval", "none"), MC_OK);
  mc_options_free(options);
  mc_conn *conn = NULL;
  CHECK_STATUS(mc_conn_new(NOBODY, &conn), MC_INVALID_ARGUMENT);
  CHECK(conn == NULL);
}

/* The server at `uri`, a TCP one, as the endpoint of a cluster of itself. */
static void a_cluster(const char *uri) {
  static const char *const schemes[2][2] = {{"memcached://", "discover://"}, {"memcacheds://", "discovers://"}};
  const char *const *scheme = schemes[strncmp(uri, schemes[1][0], strlen(schemes[1][0])) == 0];
  const char *place = uri + strlen(scheme[0]);
  const char *port = strchr(place, ':') + 1;
  char list[128], asked[512], name[128];
  snprintf(list, sizeof list, "1\n127.0.0.1|127.0.0.1|%d\n", atoi(port));
  snprintf(asked, sizeof asked, "%s%s%sdiscover_interval=1ms", scheme[1], place, strchr(uri, '?') ? "&" : "?");
  mc_client *holder = client_of(uri);
  CHECK_STATUS(mc_set(holder, ITEM, MC_CSTR, list, strlen(list), 0, 0), MC_OK);
  mc_client *client = client_of(asked);
  for (int i = 0; i < 200; ++i) {
    CHECK_STATUS(mc_set(client, "key", MC_CSTR, "value", 5, 0, 0), MC_OK);
    CHECK_VALUE(client, "key", "value");
    CHECK_VALUE(holder, "key", "value");
  }
  CHECK_STATUS(mc_server_for_key(client, "key", MC_CSTR, name, sizeof name, NULL), MC_OK);
  char expected[128];
  snprintf(expected, sizeof expected, "%s127.0.0.1:%d", scheme == schemes[1] ? "memcacheds://" : "", atoi(port));
  CHECK(strcmp(name, expected) == 0);
  /* Without the item the server is no endpoint: a client that knows its servers goes on. */
  CHECK_STATUS(mc_delete(holder, ITEM, MC_CSTR), MC_OK);
  for (int i = 0; i < 200; ++i) CHECK_VALUE(client, "key", "value");
  mc_client *other = client_of(asked);
  mc_item *item = NULL;
  CHECK_STATUS(mc_get(other, "key", MC_CSTR, &item), MC_UNSUPPORTED);
  mc_free(other);
  mc_free(client);
  mc_free(holder);
}

int main(int argc, char **argv) {
  mc_free(check_begin(argc, argv));
  const char *uri = argv[1];
  an_endpoint_that_is_not_there();
  what_is_refused();
  if (strstr(uri, "unix") == NULL) a_cluster(uri);
  return check_end();
}
