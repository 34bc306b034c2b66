#include <microhttpd.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

// MHD_start_daemon is variadic, which Swift cannot call: everything goes in as an array of options.
static inline struct MHD_Daemon *podstack_start_daemon(
    unsigned int flags, MHD_AccessHandlerCallback handler, void *context, struct MHD_OptionItem *options) {
    return MHD_start_daemon(flags, 0, NULL, NULL, handler, context, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

// Hides the query of a target, which is in the library's own buffer, from the library: it would take memory for each
// parameter, and has no response for a request whose parameters need more than there is.
static inline void podstack_hide_query(const char *target) {
    char *query = target == NULL ? NULL : strchr((char *)target, '?');
    if (query != NULL) query[1] = 0;
}

// MHD_get_connection_info is variadic too. What follows is 0 or NULL when the library does not know.
static inline const struct sockaddr *podstack_client_address(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info == NULL ? NULL : info->client_addr;
}

static inline int podstack_socket(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info == NULL ? -1 : info->connect_fd;
}

// Of the request line and all header fields, as they came.
static inline size_t podstack_header_size(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info == NULL ? 0 : info->header_size;
}

static inline void *podstack_tls_session(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info == NULL ? NULL : info->tls_session;
}

static inline void *podstack_socket_context(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

// MHD_upgrade_action is variadic too. Closes a connection that has switched to another protocol.
static inline void podstack_close_upgraded(struct MHD_UpgradeResponseHandle *upgraded) {
    MHD_upgrade_action(upgraded, MHD_UPGRADE_ACTION_CLOSE);
}

// MHD_add_connection closes the socket when it fails.
static inline int podstack_add_connection(
    struct MHD_Daemon *daemon, int socket, const struct sockaddr *address, socklen_t size) {
    return MHD_add_connection(daemon, socket, address, size) == MHD_YES;
}

// Accepts a connection whose socket does not block and is not inherited by other programs.
#ifdef __linux__
extern int accept4(int socket, struct sockaddr *address, socklen_t *size, int flags);
static inline int podstack_accept(int socket, struct sockaddr_storage *address, socklen_t *size) {
    return accept4(socket, (struct sockaddr *)address, size, 02004000); // SOCK_NONBLOCK | SOCK_CLOEXEC
}
#else
#include <fcntl.h>
static inline int podstack_accept(int socket, struct sockaddr_storage *address, socklen_t *size) {
    int accepted = accept(socket, (struct sockaddr *)address, size);
    if (accepted >= 0) {
        fcntl(accepted, F_SETFL, O_NONBLOCK);
        fcntl(accepted, F_SETFD, FD_CLOEXEC);
    }
    return accepted;
}
#endif

// Whether nothing was sent or received for a time, and the last bytes were not received: the other side is not in the
// middle of a request. A connection that has not sent anything yet (`is_new`) must not have received anything either.
static inline int podstack_is_quiet(int socket, uint32_t milliseconds, int is_new) {
    int unread = 0;
    if (ioctl(socket, FIONREAD, &unread) != 0 || unread > 0) return 0;
#ifdef __linux__
    // struct tcp_info of linux/tcp.h, whose declaration in the C library has fewer fields.
    unsigned char info[256];
    socklen_t size = sizeof info;
    if (getsockopt(socket, 6 /* IPPROTO_TCP */, 11 /* TCP_INFO */, info, &size) != 0 || size < 136) return 1;
    uint32_t sent, received;
    uint64_t bytes_received;
    memcpy(&sent, info + 44, sizeof sent); // tcpi_last_data_sent: milliseconds ago
    memcpy(&received, info + 52, sizeof received); // tcpi_last_data_recv
    memcpy(&bytes_received, info + 128, sizeof bytes_received);
    if (bytes_received == 0) return sent >= milliseconds;
    return !is_new && sent >= milliseconds && received >= sent;
#else
    return 1;
#endif
}

// The number of bytes that the program has received from a TCP connection; -1 if the system does not say.
static inline int64_t podstack_received(int socket) {
#ifdef __linux__
    // More may arrive between the two calls: the number counts only if nothing did.
    for (int attempt = 0; attempt < 4; attempt++) {
        unsigned char info[256];
        socklen_t size = sizeof info;
        int unread = 0;
        uint64_t before, after;
        if (getsockopt(socket, 6 /* IPPROTO_TCP */, 11 /* TCP_INFO */, info, &size) != 0 || size < 136) return -1;
        memcpy(&before, info + 128, sizeof before); // tcpi_bytes_received
        if (ioctl(socket, FIONREAD, &unread) != 0) return -1;
        size = sizeof info;
        if (getsockopt(socket, 6, 11, info, &size) != 0 || size < 136) return -1;
        memcpy(&after, info + 128, sizeof after);
        if (before == after) return (int64_t)before - unread;
    }
#endif
    return -1;
}
