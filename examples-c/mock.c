/* mock: a unit test of a program's own code, without a server. The code under test takes a client; the
 * test gives it one whose server is a store in this process, with a clock that the test moves.
 *
 *     mock
 */
#include <memcached2.h>
#include <stdio.h>
#include <string.h>

/* ---- the code under test: names of users, from the cache or else from the database ---------- */

enum { NAME_TTL = 60 };

struct directory {
  mc_client *cache;
  const char *(*look_up)(int id); /* slow */
};

/* Writes the name of a user to `name`; 0 if there is none. A cache that fails costs time, not answers. */
static int user_name(const struct directory *directory, int id, char *name, size_t size) {
  char key[32];
  snprintf(key, sizeof key, "user:%d", id);
  size_t length;
  mc_status status = mc_get_into(directory->cache, key, MC_CSTR, name, size - 1, &length, NULL);
  if (status == MC_OK) {
    name[length] = '\0';
    return 1;
  }
  const char *found = directory->look_up(id);
  if (found == NULL) return 0;
  snprintf(name, size, "%s", found);
  (void)mc_set(directory->cache, key, MC_CSTR, name, MC_CSTR, NAME_TTL, 0);
  return 1;
}

/* ---- the test ------------------------------------------------------------------------------- */

static int asked; /* how often the database was */

static const char *database(int id) {
  ++asked;
  return id == 7 ? "Ada" : NULL;
}

static int failures;

static void expect(int condition, const char *what) {
  printf("%s  %s\n", condition ? "ok    " : "FAILED", what);
  failures += !condition;
}

int main(void) {
  mc_client *cache, *nowhere;
  if (mc_new("memory://?clock=manual", &cache) != MC_OK || mc_new("", &nowhere) != MC_OK) {
    fprintf(stderr, "mock: %s\n", mc_last_error());
    return 1;
  }
  struct directory directory = {cache, database};
  char name[16];

  expect(user_name(&directory, 7, name, sizeof name) && strcmp(name, "Ada") == 0, "the name comes from the database");
  expect(asked == 1, "which was asked once");
  expect(user_name(&directory, 7, name, sizeof name) && strcmp(name, "Ada") == 0, "the name comes from the cache");
  expect(asked == 1, "and the database was not asked again");

  expect(mc_memory_advance(cache, NAME_TTL - 1) == MC_OK, "59 seconds pass, at once");
  expect(user_name(&directory, 7, name, sizeof name) && asked == 1, "the name is still in the cache");
  expect(mc_memory_advance(cache, 2) == MC_OK, "two more seconds pass");
  expect(user_name(&directory, 7, name, sizeof name) && asked == 2, "the name had expired, and was asked for anew");

  expect(mc_memory_clear(cache) == MC_OK, "the cache is emptied");
  expect(user_name(&directory, 7, name, sizeof name) && asked == 3, "the name was asked for anew");
  expect(!user_name(&directory, 8, name, sizeof name) && asked == 4, "there is no user 8");

  directory.cache = nowhere; /* a client without servers: every call fails */
  expect(user_name(&directory, 7, name, sizeof name) && asked == 5, "without a cache the name is still found");

  mc_free(cache);
  mc_free(nowhere);
  return failures == 0 ? 0 : 1;
}
