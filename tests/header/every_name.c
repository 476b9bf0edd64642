/* Includes the header twice and before anything else, and uses each constant and macro of it. The
 * test fills in what stands between @ signs. */
#include <memcached2.h>
#include <memcached2.h>

#ifdef __cplusplus
#define AS_NUMBER(x) static_cast<uint64_t>(x)
#else
#define AS_NUMBER(x) ((uint64_t)(x))
#endif

@STATUS_CONDITIONS@

static const mc_command commands[] = {MC_COMMAND_INIT(MC_OP_GET), MC_COMMAND_INIT(MC_OP_SET)};

const char *version_from_other_unit(void);
uint64_t every_constant(void);
int known(mc_status status);
int initialised(uint32_t op);

uint64_t every_constant(void) {
  uint64_t sum = 0;
  @CONSTANTS@
  return sum;
}

int known(mc_status status) {
  switch (status) {
    @STATUS_CASES@
    return 1;
  default:
    return 0;
  }
}

int initialised(uint32_t op) {
  mc_command command = MC_COMMAND_INIT(op);
  @FIELDS_ARE_ZERO@
  return command.op == op && command.size == sizeof command;
}

int main(void) {
  const char *expected = MEMCACHED2_VERSION_STRING;
  const char *found = version_from_other_unit();
  while (*expected != '\0' && *expected == *found) ++expected, ++found;
  if (*expected != *found) return 1;
  if (!known(MC_OK) || known(-1) || every_constant() == 0) return 2;
  if (commands[0].op != MC_OP_GET || commands[1].op != MC_OP_SET) return 3;
  return initialised(7) ? 0 : 4;
}
