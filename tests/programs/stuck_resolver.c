/* To be loaded before the system's library: names that end in ".stuck" are looked up for ever, names
 * that end in ".home" are 127.0.0.1. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

static int ends_with(const char *name, const char *end) {
  size_t length = name ? strlen(name) : 0, tail = strlen(end);
  return length > tail && strcmp(name + length - tail, end) == 0;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
  void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
  if (symbol == NULL) return EAI_FAIL;
  memcpy(&real, &symbol, sizeof real); /* no cast between the two kinds of pointer is portable */
  while (ends_with(node, ".stuck")) pause();
  return real(ends_with(node, ".home") ? "127.0.0.1" : node, service, hints, found);
}
