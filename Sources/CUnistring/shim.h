#include <uninorm.h>

// The normalization forms are macros that Swift does not import.
static inline uninorm_t podstack_nfc(void) { return UNINORM_NFC; }
static inline uninorm_t podstack_nfkc(void) { return UNINORM_NFKC; }
