#include <microhttpd.h>

// MHD_start_daemon is variadic, which Swift cannot call: everything goes in as an array of options.
static inline struct MHD_Daemon *podstack_start_daemon(
    unsigned int flags, MHD_AccessHandlerCallback handler, void *context, struct MHD_OptionItem *options) {
    return MHD_start_daemon(flags, 0, NULL, NULL, handler, context, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}
