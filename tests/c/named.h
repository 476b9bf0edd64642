/* Values that name their key: a reader can tell whether a value is its own. */
#ifndef NAMED_H
#define NAMED_H
#include "check.h"

enum { NAMED_ROOM = 4096 };

static inline uint32_t named_next(uint32_t *random) {
  *random ^= *random << 13;
  *random ^= *random >> 17;
  *random ^= *random << 5;
  return *random;
}

/* "KEY=" and then up to 3 KB of the key's last character. */
static inline size_t named_value(char *to, const char *key, uint32_t random) {
  size_t key_len = strlen(key), fill = random % 4 ? random % 100 : random % 3000;
  memcpy(to, key, key_len);
  to[key_len] = '=';
  memset(to + key_len + 1, key[key_len - 1], fill);
  return key_len + 1 + fill;
}

static inline int named_is(const char *key, const char *value, size_t length) {
  size_t key_len = strlen(key);
  if (value == NULL || length < key_len + 1 || memcmp(value, key, key_len) != 0 || value[key_len] != '=') return 0;
  for (size_t i = key_len + 1; i < length; ++i)
    if (value[i] != key[key_len - 1]) return 0;
  return value[length] == '\0';
}

/* Whether an item is a miss, or a hit with its own key and value. */
static inline int named_item(const char *key, const mc_item *item) {
  if (item->key_len != strlen(key) || memcmp(item->key, key, item->key_len) != 0) return 0;
  if (item->status == MC_NO_VALUE) return 1;
  return item->status == MC_OK && named_is(key, item->value, item->value_len);
}

static inline unsigned long named_count(const char *text, unsigned long otherwise) {
  unsigned long count = text ? strtoul(text, NULL, 10) : 0;
  return count ? count : otherwise;
}
#endif
