/* options: the table of options, and how they are set and read.
 *
 *     options
 */
#include <memcached2.h>
#include <stdio.h>

/* Breaks a text into lines of at most `width` bytes. */
static void print_wrapped(const char *text, int width) {
  while (*text != '\0') {
    int length = 0, end = 0;
    for (; text[length] != '\0' && length < width; ++length)
      if (text[length] == ' ') end = length;
    if (text[length] == '\0' || end == 0) end = length;
    printf("    %.*s\n", end, text);
    text += end;
    while (*text == ' ') text++;
  }
}

static void print_option(void *user, const char *name, const char *kind, const char *default_value, const char *doc) {
  size_t *count = user;
  printf("%s (%s, default %s)\n", name, kind, *default_value == '\0' ? "empty" : default_value);
  print_wrapped(doc, 92);
  ++*count;
}

int main(void) {
  size_t count = 0;
  if (mc_options_each(print_option, &count) != MC_OK) return 1;
  printf("%zu options\n\n", count);

  /* They are set one by one, or as parameters of a URI: "memcached://host/?timeout=250ms". */
  mc_options *options = mc_options_new();
  if (options == NULL) return 1;
  mc_status status = mc_options_set(options, "timeout", "0.25s");
  if (status == MC_OK) status = mc_options_add_server(options, "memory://", 0);
  char text[32];
  if (status == MC_OK) status = mc_options_get(options, "timeout", text, sizeof text, NULL);
  if (status == MC_OK) printf("timeout is now %s\n", text);

  /* What an option does not take is refused with what it would. */
  if (mc_options_set(options, "timeout", "250") != MC_OK) printf("refused: %s\n", mc_last_error());

  /* A client copies the options it is made with. */
  mc_client *client = NULL;
  if (status == MC_OK) status = mc_new_with(options, &client);
  mc_options_free(options);
  if (status != MC_OK) fprintf(stderr, "options: %s\n", mc_last_error());
  mc_free(client);
  return status == MC_OK ? 0 : 1;
}
