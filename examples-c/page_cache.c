/* page_cache: keep the files of a directory in memcached.
 *
 *     page_cache DIRECTORY SERVER-URI
 *     page_cache /usr/include memcached://localhost/
 *     page_cache /usr/include memcached+unix:///run/memcached.sock
 *
 * Stores every regular file below DIRECTORY under its path, in batches of at most 4 MB, then reads
 * all of them back and compares each with the file on disk, byte by byte. Symbolic links are not
 * followed: the files are those that `find DIRECTORY -type f` prints.
 *
 * A file may be too large for the server, and a path may be no legal key (it holds a space, or is
 * longer than 250 bytes): these are counted, and do not disturb the rest of their batch.
 *
 * Exit status: 0 if all that was stored came back unchanged, 1 if not, 2 for a wrong command line.
 */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <errno.h>
#include <memcached2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
  BATCH_BYTES = 4 * 1000 * 1000, /* of values in one call; a single larger file goes alone */
  BATCH_FILES = 4096,            /* in one call: thousands of empty files are a batch, too */
  MESSAGES = 20                  /* about single files */
};

struct file {
  char *path;
  size_t size;
  mc_status stored; /* what storing it ended with */
};

struct file_list {
  struct file *at;
  size_t count, room;
};

struct report {
  size_t bytes, hits, too_large, illegal, misses, differences, failures, told;
  size_t bytes_stored, bytes_read;
  double store_seconds, read_seconds; /* inside the library: the disk is not measured */
};

/* What one call takes. Allocated once, used for every batch. */
struct batch {
  size_t count;
  struct file *file[BATCH_FILES];
  const char *key[BATCH_FILES];
  const void *value[BATCH_FILES];
  size_t value_len[BATCH_FILES];
  char *contents; /* the values, one behind the other */
  size_t contents_room;
};

static void *must(void *memory) {
  if (memory == NULL) {
    fputs("page_cache: out of memory\n", stderr);
    exit(1);
  }
  return memory;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void show_progress(const char *doing, size_t done, size_t all) {
  if (!isatty(STDERR_FILENO)) return;
  fprintf(stderr, "\r%s %zu of %zu files%s", doing, done, all, done == all ? "\n" : "");
}

/* Says what is wrong with a file; the first so many times, since a server that is gone fails all. */
static void tell(struct report *report, const char *path, const char *why) {
  if (report->told < MESSAGES) fprintf(stderr, "page_cache: %s: %s\n", path, why);
  if (++report->told == MESSAGES) fputs("page_cache: and so on; more is only counted\n", stderr);
}

static void fail(struct report *report, const char *path, const char *why) {
  report->failures++;
  tell(report, path, why);
}

/* ---- finding the files ---------------------------------------------------------------------- */

static void add_file(struct file_list *files, const char *path, size_t size) {
  if (files->count == files->room) {
    files->room = files->room ? 2 * files->room : 1024;
    files->at = must(realloc(files->at, files->room * sizeof *files->at));
  }
  files->at[files->count++] = (struct file){must(strdup(path)), size, MC_NOT_STORED};
}

static char *join(const char *directory, const char *name) {
  size_t length = strlen(directory), size = length + strlen(name) + 2;
  char *path = must(malloc(size));
  const char *separator = length && directory[length - 1] == '/' ? "" : "/";
  snprintf(path, size, "%s%s%s", directory, separator, name);
  return path;
}

static void find_files(struct file_list *files, const char *path, struct report *report) {
  struct stat about;
  if (lstat(path, &about) != 0) {
    fail(report, path, strerror(errno));
    return;
  }
  if (S_ISREG(about.st_mode)) add_file(files, path, (size_t)about.st_size);
  if (!S_ISDIR(about.st_mode)) return;

  DIR *directory = opendir(path);
  if (directory == NULL) {
    fail(report, path, strerror(errno));
    return;
  }
  for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    char *below = join(path, entry->d_name);
    find_files(files, below, report);
    free(below);
  }
  closedir(directory);
}

/* ---- batches -------------------------------------------------------------------------------- */

/* How many files from `first` on make one batch. Storing and reading cut the list alike, so that
 * a batch of replies is no larger than the batch of values was. */
static size_t batch_length(const struct file_list *files, size_t first) {
  size_t n = 1, bytes = files->at[first].size;
  while (first + n < files->count && n < BATCH_FILES &&
         bytes + files->at[first + n].size <= BATCH_BYTES)
    bytes += files->at[first + n++].size;
  return n;
}

/* The flags that a batch is stored with: a checksum (FNV-1a) of its paths. The server keeps 32 bits
 * for the client beside each value; here they tell that a value was stored by a run like this. */
static uint32_t batch_checksum(const struct file *files, size_t n) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < n; ++i)
    for (const char *byte = files[i].path; *byte; ++byte)
      hash = (hash ^ (unsigned char)*byte) * 16777619u;
  return hash;
}

/* ---- storing -------------------------------------------------------------------------------- */

static int read_file(const char *path, char *into, size_t size) {
  FILE *stream = fopen(path, "rb");
  if (stream == NULL) return 0;
  errno = 0;
  int whole = fread(into, 1, size, stream) == size;
  fclose(stream);
  return whole;
}

static void load_batch(struct batch *batch, struct file *files, size_t n, struct report *report) {
  size_t total = 0, used = 0;
  for (size_t i = 0; i < n; ++i) total += files[i].size;
  if (total >= batch->contents_room) {
    batch->contents_room = total + 1;
    free(batch->contents);
    batch->contents = must(malloc(batch->contents_room));
  }
  batch->count = 0;
  for (size_t i = 0; i < n; ++i) {
    char *contents = batch->contents + used;
    if (!read_file(files[i].path, contents, files[i].size)) {
      fail(report, files[i].path, errno ? strerror(errno) : "became shorter meanwhile");
      continue;
    }
    batch->file[batch->count] = &files[i];
    batch->key[batch->count] = files[i].path;
    batch->value[batch->count] = contents;
    batch->value_len[batch->count++] = files[i].size;
    used += files[i].size;
  }
}

static void count_stored(struct file *file, const mc_item *item, struct report *report) {
  file->stored = item->status;
  switch (item->status) {
  case MC_OK: report->bytes_stored += file->size; break;
  case MC_TOO_LARGE: report->too_large++; break;
  case MC_ILLEGAL_INPUT: report->illegal++; break;
  default: fail(report, file->path, item->text ? item->text : mc_status_message(item->status));
  }
}

static void store_batch(mc_client *client, const struct batch *batch, uint32_t flags,
                        struct report *report) {
  mc_results *results;
  double start = now();
  /* No array of key lengths: every key ends with a NUL. A time to live of 0: for ever. */
  mc_status status = mc_set_multi(client, batch->key, NULL, batch->value, batch->value_len,
                                  batch->count, 0, flags, &results);
  report->store_seconds += now() - start;
  if (results == NULL) {
    fail(report, "a batch was not stored", mc_status_message(status));
    return;
  }
  for (size_t i = 0; i < batch->count; ++i)
    count_stored(batch->file[i], mc_results_item(results, i), report);
  mc_results_free(results);
}

static void store_all(mc_client *client, struct file_list *files, struct batch *batch,
                      struct report *report) {
  for (size_t first = 0, n; first < files->count; first += n) {
    n = batch_length(files, first);
    load_batch(batch, files->at + first, n, report);
    store_batch(client, batch, batch_checksum(files->at + first, n), report);
    show_progress("stored", first + n, files->count);
  }
}

/* ---- reading back --------------------------------------------------------------------------- */

static int same_as_on_disk(const char *path, const char *value, size_t length) {
  char block[65536];
  FILE *stream = fopen(path, "rb");
  if (stream == NULL) return 0;
  size_t at = 0, n;
  int same = 1;
  while (same && (n = fread(block, 1, sizeof block, stream)) > 0) {
    same = n <= length - at && memcmp(block, value + at, n) == 0;
    at += n;
  }
  same = same && at == length && !ferror(stream);
  fclose(stream);
  return same;
}

static void check_item(const char *path, const mc_item *item, uint32_t flags,
                       struct report *report) {
  if (mc_status_is_miss(item->status)) {
    /* The server may drop what it was given, when it is full. It was told to keep all here. */
    report->misses++;
    report->differences++;
    tell(report, path, "is not there any more");
  } else if (item->status != MC_OK) {
    fail(report, path, item->text ? item->text : mc_status_message(item->status));
  } else {
    report->hits++;
    report->bytes_read += item->value_len;
    if (item->flags == flags && same_as_on_disk(path, item->value, item->value_len)) return;
    report->differences++;
    tell(report, path, "differs from the file");
  }
}

static void check_batch(mc_client *client, struct batch *batch, struct file *files, size_t n,
                        struct report *report) {
  uint32_t flags = batch_checksum(files, n);
  batch->count = 0;
  for (size_t i = 0; i < n; ++i)
    if (files[i].stored == MC_OK) batch->key[batch->count++] = files[i].path;

  mc_results *results;
  double start = now();
  mc_status status = mc_get_multi(client, batch->key, NULL, batch->count, &results);
  report->read_seconds += now() - start;
  if (results == NULL) {
    fail(report, "a batch was not read", mc_status_message(status));
    return;
  }
  /* One entry for each key, in the order of the keys, whatever became of it. */
  for (size_t i = 0; i < batch->count; ++i)
    check_item(batch->key[i], mc_results_item(results, i), flags, report);
  mc_results_free(results);
}

static void check_all(mc_client *client, struct file_list *files, struct batch *batch,
                      struct report *report) {
  for (size_t first = 0, n; first < files->count; first += n) {
    n = batch_length(files, first);
    check_batch(client, batch, files->at + first, n, report);
    show_progress("read", first + n, files->count);
  }
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void print_rate(const char *what, size_t files, size_t bytes, double seconds) {
  if (seconds <= 0) return;
  printf("%-14s %10.0f files/s %8.1f MB/s\n", what, (double)files / seconds,
         (double)bytes / 1e6 / seconds);
}

static int print_report(const struct file_list *files, const struct report *report) {
  size_t stored = 0;
  for (size_t i = 0; i < files->count; ++i) stored += files->at[i].stored == MC_OK;

  printf("files          %10zu\n", files->count);
  printf("bytes          %10zu\n", report->bytes);
  printf("hits           %10zu\n", report->hits);
  printf("too large      %10zu\n", report->too_large);
  printf("illegal paths  %10zu\n", report->illegal);
  printf("misses         %10zu\n", report->misses);
  printf("differences    %10zu\n", report->differences);
  printf("failures       %10zu\n", report->failures);
  print_rate("store", stored, report->bytes_stored, report->store_seconds);
  print_rate("read", report->hits, report->bytes_read, report->read_seconds);

  int all = files->count == report->hits + report->too_large + report->illegal;
  if (!all) printf("files is not hits + too large + illegal paths\n");
  return all && report->differences == 0 && report->failures == 0;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: %s DIRECTORY SERVER-URI\n", argv[0]);
    return 2;
  }
  mc_client *client;
  if (mc_new(argv[2], &client) != MC_OK) {
    fprintf(stderr, "page_cache: %s: %s\n", argv[2], mc_last_error());
    return 2;
  }
  struct file_list files = {NULL, 0, 0};
  struct report report = {0};
  struct batch *batch = must(calloc(1, sizeof *batch));

  find_files(&files, argv[1], &report);
  for (size_t i = 0; i < files.count; ++i) report.bytes += files.at[i].size;
  store_all(client, &files, batch, &report);
  check_all(client, &files, batch, &report);
  int good = print_report(&files, &report);

  for (size_t i = 0; i < files.count; ++i) free(files.at[i].path);
  free(files.at);
  free(batch->contents);
  free(batch);
  mc_free(client);
  return good ? 0 : 1;
}
