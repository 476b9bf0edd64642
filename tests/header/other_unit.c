/* A second translation unit of the same program. */
#include <memcached2.h>

const char *version_from_other_unit(void);

const char *version_from_other_unit(void) { return mc_version(); }
