/* Where keys go: hashes by name, placements of other clients, and functions of the program's own. */
#include "check.h"

static const char *const THREE[] = {"memory://one?alias=one", "memory://two?alias=two",
                                    "memory://three?alias=three"};

/* A client of the three, with options given as name, value, …, NULL. */
static mc_options *options_of_three(const char *const *options) {
  mc_options *set = mc_options_new();
  if (set == NULL) check_give_up("options");
  for (size_t i = 0; i < 3; ++i) CHECK_STATUS(mc_options_add_server(set, THREE[i], 0), MC_OK);
  for (; *options != NULL; options += 2) CHECK_STATUS(mc_options_set(set, options[0], options[1]), MC_OK);
  return set;
}

static mc_client *client_of(mc_options *set) {
  mc_client *client = NULL;
  CHECK_STATUS(mc_new_with(set, &client), MC_OK);
  mc_options_free(set);
  return client;
}

static mc_client *three(const char *const *options) { return client_of(options_of_three(options)); }
#define THREE_WITH(...) three((const char *const[]){__VA_ARGS__, NULL})

static const char *server_of(mc_client *client, const char *key) {
  static char name[64];
  size_t needed;
  CHECK_STATUS(mc_server_for_key(client, key, MC_CSTR, name, sizeof name, &needed), MC_OK);
  CHECK_NUMBER(needed, strlen(name));
  return name;
}

static void hashes_by_name(void) {
  static const struct {
    const char *name, *key;
    uint64_t hash;
  } known[] = {{"zero", "x", 0},         {"cmemcache", "x", 3292},      {"crc32", "123456789", 0xcbf43926},
               {"crc15", "z37384", 0},   {"cmemcache", "z37384", 1},    {"murmur3", "hello", 0x248bfa47},
               {"sha1", "abc", 0xa9993e36}, {"md5", "", 0xd98c1dd4}, {"xxh3", "", 0x2d06800538d394c2}};
  for (size_t i = 0; i < sizeof known / sizeof *known; ++i) {
    uint64_t hash = 7;
    CHECK_STATUS(mc_hash(known[i].name, known[i].key, MC_CSTR, &hash), MC_OK);
    CHECK_NUMBER(hash, known[i].hash);
  }
  uint64_t hash = 7;
  CHECK_STATUS(mc_hash("hsieh", "x", 1, &hash), MC_INVALID_ARGUMENT);
  CHECK_NUMBER(hash, 0);
  CHECK_STATUS(mc_hash("auto", "x", 1, &hash), MC_INVALID_ARGUMENT);
  CHECK_STATUS(mc_hash(NULL, "x", 1, &hash), MC_INVALID_ARGUMENT);
  CHECK_STATUS(mc_hash("md5", NULL, 1, &hash), MC_INVALID_ARGUMENT);
  CHECK_STATUS(mc_hash("md5", "x", 1, NULL), MC_INVALID_ARGUMENT);
}

/* What is stored is where mc_server_for_key says: removing that server loses it, and no other does. */
static void keys_are_where_they_are_said_to_be(const char *placement) {
  mc_client *client = THREE_WITH("placement", placement, "key_prefix", "p:", "hash_prefix", "on");
  int used[3] = {0};
  for (int n = 0; n < 60; ++n) {
    char key[64];
    snprintf(key, sizeof key, "%s:%d", placement, n);
    CHECK_STATUS(check_store(client, key, "x"), MC_OK);
    const char *name = server_of(client, key);
    for (int i = 0; i < 3; ++i) {
      mc_client *alone;
      char stored[72];
      if (!CHECK_STATUS(mc_new(THREE[i], &alone), MC_OK)) return;
      snprintf(stored, sizeof stored, "p:%s", key);
      int here = strcmp(name, strchr(THREE[i], '=') + 1) == 0;
      used[i] += here;
      if (here) CHECK_VALUE(alone, stored, "x");
      else CHECK_MISS(alone, stored);
      mc_free(alone);
    }
    CHECK_VALUE(client, key, "x");
  }
  if (strcmp(placement, "first") != 0) CHECK(used[0] > 0 && used[1] > 0 && used[2] > 0);
  mc_free(client);
}

static void routes_place_and_tags_group(void) {
  mc_client *client = THREE_WITH("placement", "ketama", "hash_tags", "on");
  mc_client *plain = THREE_WITH("placement", "ketama");
  char first[64];
  snprintf(first, sizeof first, "%s", server_of(plain, "group"));
  int elsewhere = 0;
  for (int n = 0; n < 20; ++n) {
    char key[32];
    snprintf(key, sizeof key, "{group}:%d", n);
    CHECK(strcmp(server_of(client, key), first) == 0);
    elsewhere += strcmp(server_of(plain, key), first) != 0;
    snprintf(key, sizeof key, "routed:%d", n);
    mc_command command = MC_COMMAND_INIT(MC_OP_SET);
    command.key = key, command.key_len = MC_CSTR, command.value = "x", command.value_len = 1;
    command.route = "group", command.route_len = MC_CSTR;
    mc_item *item = mc_item_new();
    CHECK_STATUS(mc_execute_into(plain, &command, item), MC_OK);
    CHECK(item->server != NULL && strcmp(item->server, first) == 0);
    mc_item_free(item);
  }
  CHECK(elsewhere > 0);
  mc_free(plain);
  mc_free(client);
}

static void what_shapes_the_ring_is_not_for_views(void) {
  mc_client *client = THREE_WITH("placement", "libmc"), *view;
  CHECK_STATUS(mc_client_with(client, "placement=ketama", &view), MC_INVALID_ARGUMENT);
  CHECK_STATUS(mc_client_with(client, "hash=md5", &view), MC_INVALID_ARGUMENT);
  CHECK_STATUS(mc_client_with(client, "hash_tags=on", &view), MC_INVALID_ARGUMENT);
  /* But the prefix is, and libmc hashes it. */
  int moved = 0;
  if (CHECK_STATUS(mc_client_with(client, "key_prefix=p:", &view), MC_OK)) {
    for (int n = 0; n < 40; ++n) {
      char key[16], with[24], name[64];
      snprintf(key, sizeof key, "key%d", n), snprintf(with, sizeof with, "p:key%d", n);
      snprintf(name, sizeof name, "%s", server_of(client, with));
      CHECK(strcmp(server_of(view, key), name) == 0);
      moved += strcmp(server_of(client, key), name) != 0;
    }
    mc_free(view);
  }
  CHECK(moved > 0);
  mc_free(client);
}

/* ---- functions of the program's own ------------------------------------------------------------ */

typedef struct {
  atomic_int calls, destroyed;
  const char *never;
} told;

static void destroy(void *user) { atomic_fetch_add(&((told *)user)->destroyed, 1); }

static uint64_t last_digit(void *user, const char *key, size_t key_len) {
  atomic_fetch_add(&((told *)user)->calls, 1);
  return key_len == 0 ? 0 : (uint64_t)(key[key_len - 1] - '0');
}

static size_t by_last_digit(void *user, const mc_selection *selection, const char *key, size_t key_len) {
  told *told_ = user;
  uint64_t hash = 99;
  atomic_fetch_add(&told_->calls, 1);
  CHECK_NUMBER(mc_select_count(selection), 3);
  CHECK_NUMBER(mc_select_weight(selection, 2), 1);
  CHECK_NUMBER(mc_select_weight(selection, 3), 0);
  CHECK(mc_select_name(selection, 3) == NULL && !mc_select_is_up(selection, 3));
  CHECK_STATUS(mc_select_hash(selection, "5", 1, &hash), MC_OK);
  CHECK_NUMBER(hash, 5);
  if (memchr(key, 'N', key_len) != NULL) return MC_SELECT_NONE;
  if (memchr(key, 'F', key_len) != NULL) return 3; /* there is none */
  CHECK_STATUS(mc_select_hash(selection, key, key_len, &hash), MC_OK);
  size_t index = (size_t)(hash % 3);
  CHECK(mc_select_is_up(selection, index));
  CHECK(strcmp(mc_select_name(selection, index), strchr(THREE[index], '=') + 1) == 0);
  return index;
}

static void a_hasher_of_ones_own(void) {
  told user = {0};
  mc_options *set = options_of_three((const char *const[]){NULL});
  CHECK_STATUS(mc_options_set_hasher(set, last_digit, &user, destroy), MC_OK);
  mc_client *client = client_of(set);
  for (int n = 0; n < 9; ++n) {
    char key[8];
    snprintf(key, sizeof key, "key%d", n);
    CHECK(strcmp(server_of(client, key), strchr(THREE[n % 3], '=') + 1) == 0);
    CHECK_STATUS(check_store(client, key, "x"), MC_OK);
    CHECK_VALUE(client, key, "x");
  }
  CHECK(atomic_load(&user.calls) >= 27 && atomic_load(&user.destroyed) == 0);
  mc_free(client);
  CHECK_NUMBER(atomic_load(&user.destroyed), 1);
}

static void a_selector_of_ones_own(void) {
  told user = {0}, digits = {0};
  mc_options *set = options_of_three((const char *const[]){"placement", "ketama", NULL});
  CHECK_STATUS(mc_options_set_hasher(set, last_digit, &digits, destroy), MC_OK);
  CHECK_STATUS(mc_options_set_selector(set, by_last_digit, &user, destroy), MC_OK);
  mc_client *client = client_of(set);
  static const char *const keys[] = {"a0", "b1", "N1", "c2", "F2", "d3"};
  mc_results *results;
  for (int n = 0; n < 9; ++n) {
    char key[8];
    snprintf(key, sizeof key, "own%d", n);
    CHECK(strcmp(server_of(client, key), strchr(THREE[n % 3], '=') + 1) == 0);
    CHECK_STATUS(check_store(client, key, "x"), MC_OK);
    CHECK_VALUE(client, key, "x");
  }
  mc_item *item;
  CHECK_STATUS(mc_get(client, "N", 1, &item), MC_NO_AVAILABLE_SERVERS);
  CHECK(strstr(mc_last_error(), "no server for this key") != NULL);
  CHECK_STATUS(mc_get_multi(client, keys, NULL, 6, &results), MC_PARTIAL);
  for (size_t i = 0; i < 6; ++i) {
    mc_status wanted = i == 2 || i == 4 ? MC_NO_AVAILABLE_SERVERS : MC_NO_VALUE;
    CHECK_STATUS(mc_results_item(results, i)->status, wanted);
  }
  mc_results_free(results);
  /* Of one server nobody is asked. */
  int before = atomic_load(&user.calls);
  CHECK_STATUS(mc_set_servers(client, "memory://one?alias=one"), MC_OK);
  CHECK(strcmp(server_of(client, "N"), "one") == 0);
  CHECK_NUMBER(atomic_load(&user.calls), before);
  mc_free(client);
  CHECK_NUMBER(atomic_load(&user.destroyed), 1);
  CHECK_NUMBER(atomic_load(&digits.destroyed), 1);
}

static void what_is_replaced_or_refused_is_given_back(void) {
  told user = {0};
  mc_options *set = mc_options_new();
  CHECK_STATUS(mc_options_set_hasher(NULL, last_digit, &user, destroy), MC_INVALID_ARGUMENT);
  CHECK_NUMBER(atomic_load(&user.destroyed), 1);
  CHECK_STATUS(mc_options_set_selector(NULL, by_last_digit, &user, destroy), MC_INVALID_ARGUMENT);
  CHECK_NUMBER(atomic_load(&user.destroyed), 2);
  CHECK_STATUS(mc_options_set_hasher(set, last_digit, &user, destroy), MC_OK);
  CHECK_STATUS(mc_options_set_selector(set, by_last_digit, &user, destroy), MC_OK);
  CHECK_NUMBER(atomic_load(&user.destroyed), 2);
  CHECK_STATUS(mc_options_set_hasher(set, NULL, &user, destroy), MC_OK); /* both */
  CHECK_NUMBER(atomic_load(&user.destroyed), 4);
  CHECK_STATUS(mc_options_set_selector(set, by_last_digit, &user, NULL), MC_OK);
  CHECK_NUMBER(atomic_load(&user.destroyed), 5);
  mc_options_free(set);
  CHECK_NUMBER(atomic_load(&user.destroyed), 5);
  uint64_t hash = 7;
  CHECK_NUMBER(mc_select_count(NULL), 0);
  CHECK(mc_select_name(NULL, 0) == NULL && mc_select_weight(NULL, 0) == 0 && !mc_select_is_up(NULL, 0));
  CHECK_STATUS(mc_select_hash(NULL, "x", 1, &hash), MC_INVALID_ARGUMENT);
  CHECK_NUMBER(hash, 0);
}

int main(int argc, char **argv) {
  mc_client *client = check_begin(argc, argv);
  static const char *const placements[] = {"modula", "first", "ketama", "dalli", "pymemcache", "jump",
                                           "mcrouter-ch3", "python-memcached", "python-memcached2",
                                           "consistent", "bmemcached"};
  /* The stores live while a client has them. */
  mc_client *keeper = THREE_WITH("placement", "modula");
  hashes_by_name();
  for (size_t i = 0; i < sizeof placements / sizeof *placements; ++i)
    keys_are_where_they_are_said_to_be(placements[i]);
  routes_place_and_tags_group();
  what_shapes_the_ring_is_not_for_views();
  a_hasher_of_ones_own();
  a_selector_of_ones_own();
  what_is_replaced_or_refused_is_given_back();
  mc_free(keeper);
  mc_free(client);
  return check_end();
}
