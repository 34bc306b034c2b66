#include <curl/curl.h>

// libcurl's setters and getters are variadic, and Swift cannot call those: one inline function for each argument type.

static inline CURLcode podstack_setopt_long(CURL *easy, CURLoption option, long value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode podstack_setopt_string(CURL *easy, CURLoption option, const char *value) {
    return curl_easy_setopt(easy, option, value);
}

static inline CURLcode podstack_setopt_pointer(CURL *easy, CURLoption option, void *value) {
    return curl_easy_setopt(easy, option, value);
}

// Without this option, aborting a transfer waits until the lookup of its host name ends, and so does every other transfer
// of the loop. With it, the lookup ends by itself on its own thread. libcurl has it since version 7.87.
static inline CURLcode podstack_forget_lookups(CURL *easy) {
#if LIBCURL_VERSION_NUM >= 0x075700
    return curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#else
    (void)easy;
    return CURLE_OK;
#endif
}

typedef size_t (*podstack_data_function)(char *bytes, size_t size, size_t count, void *context);

static inline CURLcode podstack_setopt_data_function(CURL *easy, CURLoption option, podstack_data_function function) {
    return curl_easy_setopt(easy, option, function);
}

typedef curl_socket_t (*podstack_open_function)(
    void *context, curlsocktype purpose, struct curl_sockaddr *address);
typedef int (*podstack_close_function)(void *context, curl_socket_t socket);

static inline CURLcode podstack_setopt_open_socket(CURL *easy, void *context, podstack_open_function function) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, function);
    return code != CURLE_OK ? code : curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, context);
}

static inline CURLcode podstack_setopt_close_socket(CURL *easy, void *context, podstack_close_function function) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, function);
    return code != CURLE_OK ? code : curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, context);
}

static inline CURLcode podstack_getinfo_long(CURL *easy, CURLINFO info, long *value) {
    return curl_easy_getinfo(easy, info, value);
}

static inline CURLcode podstack_getinfo_pointer(CURL *easy, CURLINFO info, void **value) {
    return curl_easy_getinfo(easy, info, value);
}

typedef int (*podstack_socket_function)(CURL *easy, curl_socket_t socket, int what, void *context, void *socketContext);
typedef int (*podstack_timer_function)(CURLM *multi, long milliseconds, void *context);

static inline CURLMcode podstack_multi_socket_function(CURLM *multi, podstack_socket_function function, void *context) {
    CURLMcode code = curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, function);
    return code != CURLM_OK ? code : curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, context);
}

static inline CURLMcode podstack_multi_timer_function(CURLM *multi, podstack_timer_function function, void *context) {
    CURLMcode code = curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, function);
    return code != CURLM_OK ? code : curl_multi_setopt(multi, CURLMOPT_TIMERDATA, context);
}

static inline CURLMcode podstack_multi_setopt_long(CURLM *multi, CURLMoption option, long value) {
    return curl_multi_setopt(multi, option, value);
}

// The result is in an unnamed union, which Swift imports under a generated name.
static inline CURLcode podstack_message_result(const CURLMsg *message) { return message->data.result; }

typedef int (*podstack_progress_function)(
    void *context, curl_off_t downloadSize, curl_off_t downloaded, curl_off_t uploadSize, curl_off_t uploaded);

static inline CURLcode podstack_setopt_progress(CURL *easy, void *context, podstack_progress_function function) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, function);
    return code != CURLE_OK ? code : curl_easy_setopt(easy, CURLOPT_XFERINFODATA, context);
}

static inline CURLcode podstack_getinfo_socket(CURL *easy, curl_socket_t *socket) {
    return curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, socket);
}
