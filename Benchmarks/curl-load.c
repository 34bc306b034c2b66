/* The peer of SDKLoad: sends the same requests, byte for byte, from a plain loop over libcurl's multi interface, and discards
   the responses.
   Usage: curl-load URL TOKEN COUNT CONCURRENCY. Prints requests per second. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static size_t discard(char *bytes, size_t size, size_t count, void *context) {
    (void)bytes;
    (void)context;
    return size * count;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static CURL *make(const char *url, struct curl_slist *headers) {
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    return easy;
}

static void check(CURL *easy, CURLcode code) {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status != 200) {
        fprintf(stderr, "curl-load: %s, status %ld\n", curl_easy_strerror(code), status);
        exit(1);
    }
}

static void sequential(const char *url, struct curl_slist *headers, int count) {
    CURL *easy = make(url, headers);
    for (int i = 0; i < count; i++) check(easy, curl_easy_perform(easy));
    curl_easy_cleanup(easy);
}

static void concurrent(const char *url, struct curl_slist *headers, int count, int width) {
    CURLM *multi = curl_multi_init();
    int started = 0, finished = 0, running = 0;
    for (; started < width && started < count; started++) curl_multi_add_handle(multi, make(url, headers));
    while (finished < count) {
        curl_multi_perform(multi, &running);
        CURLMsg *message;
        int left;
        while ((message = curl_multi_info_read(multi, &left))) {
            CURL *easy = message->easy_handle;
            check(easy, message->data.result);
            curl_multi_remove_handle(multi, easy);
            finished++;
            if (started < count) {
                started++;
                curl_multi_add_handle(multi, easy);
            } else {
                curl_easy_cleanup(easy);
            }
        }
        if (finished < count) curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    curl_multi_cleanup(multi);
}

static void run(const char *url, struct curl_slist *headers, int count, int width) {
    if (width == 1) sequential(url, headers, count);
    else concurrent(url, headers, count, width);
}

int main(int argc, char **argv) {
    if (argc != 5) return fprintf(stderr, "usage: curl-load URL TOKEN COUNT CONCURRENCY\n"), 2;
    curl_global_init(CURL_GLOBAL_ALL);
    char header[512];
    snprintf(header, sizeof header, "Authorization: Bearer %s", argv[2]);
    struct curl_slist *headers = curl_slist_append(NULL, header);
    curl_slist_append(headers, "Accept: application/json");
    curl_slist_append(headers, "User-Agent: podstack-swift/0.1.0");
    int count = atoi(argv[3]), width = atoi(argv[4]);
    run(argv[1], headers, count < 1000 ? count : 1000, width);
    double start = now();
    run(argv[1], headers, count, width);
    printf("%.0f\n", count / (now() - start));
    return 0;
}
