// Functions that Swift's module of the C library lacks, because it is compiled without the GNU extensions.

// For starting a program.
#include <spawn.h>

#ifdef __linux__
static const short podstack_spawn_new_session = 0x80; // POSIX_SPAWN_SETSID
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
static inline int podstack_spawn_close_from(posix_spawn_file_actions_t *actions, int from) {
    return posix_spawn_file_actions_addclosefrom_np(actions, from);
}
#endif

#ifdef __linux__
// For waiting for sockets.
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
extern int ppoll(struct pollfd *descriptors, nfds_t count, const struct timespec *timeout, const sigset_t *mask);
#endif

#ifdef __linux__
// For the state of the clock.
#include <sys/timex.h>
// Returns 1 if the kernel says that the clock is synchronized, 0 if not, and -1 if it does not say.
static inline int podstack_clock_is_synchronized(void) {
    struct timex state = {0};
    int result = adjtimex(&state);
    if (result < 0) return -1;
    return result != TIME_ERROR && !(state.status & STA_UNSYNC);
}
#endif

// For terminals in tests.
extern int posix_openpt(int flags);
extern int grantpt(int terminal);
extern int unlockpt(int terminal);
#ifdef __linux__
extern int ptsname_r(int terminal, char *name, size_t size);
#endif
