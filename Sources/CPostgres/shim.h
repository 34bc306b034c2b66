#include <libpq-fe.h>

// A character in C, which Swift does not take for a number.
static const int podstack_sqlstate_field = PG_DIAG_SQLSTATE;
