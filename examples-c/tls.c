/* tls: a server that is talked to only if it is the one that is meant.
 *
 *     tls SERVER-URI CA-FILE
 *     tls memcacheds://cache.example.com/ /etc/ssl/our-ca.pem
 *
 * The file holds, as PEM, the certificates of the authorities that may have signed the server's. A server
 * with another certificate, or with one for another name, is not talked to: every call on it fails with
 * MC_TLS_FAILURE, and the text says what is wrong.
 *
 * Exit status: 0 if a value went there and came back, 1 if not, 2 for a wrong command line.
 */
#include <memcached2.h>
#include <stdio.h>

/* The URI says who the server is, an option whom to trust. */
static mc_client *connect_to(const char *server, const char *ca_file) {
  mc_options *options = mc_options_new();
  mc_client *client = NULL;
  if (mc_options_add_server(options, server, 1) == MC_OK && mc_options_set(options, "tls_ca", ca_file) == MC_OK)
    mc_new_with(options, &client);
  mc_options_free(options);
  return client;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: tls SERVER-URI CA-FILE\n");
    return 2;
  }
  mc_client *client = connect_to(argv[1], argv[2]);
  if (client == NULL) {
    fprintf(stderr, "tls: %s\n", mc_last_error());
    return 2;
  }

  /* The first call connects, and with that the server is verified. */
  mc_item *item;
  mc_status status = mc_set(client, "secret", MC_CSTR, "for your eyes only", MC_CSTR, 60, 0);
  if (status == MC_OK) status = mc_get(client, "secret", MC_CSTR, &item);
  if (status == MC_OK) {
    printf("verified, and %zu bytes came back: %s\n", item->value_len, item->value);
    mc_item_free(item);
  } else if (mc_status_is(status, MC_TLS_FAILURE)) {
    printf("not verified: %s\n", mc_last_error());
  } else {
    fprintf(stderr, "tls: %s: %s\n", mc_status_name(status), mc_last_error());
  }
  mc_free(client);
  return status == MC_OK ? 0 : 1;
}
