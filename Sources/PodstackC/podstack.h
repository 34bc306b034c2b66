/* The C interface of the Podstack SDK.
 *
 * Every operation of the SDK is one call with a JSON object in and JSON out, so that a new resource needs no new
 * function. A handle is a number that is never used again: a call with a closed one returns PODSTACK_ERROR and changes
 * nothing. All functions may be called on any thread.
 *
 * No error contains a secret. The results of some operations do: those that create a token, and `configuration`.
 *
 * The library keeps no pointer to memory of the caller after a function returns.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this interface. A library of another version must not be used. */
#define PODSTACK_INTERFACE 1

/* A client, a login, a call in progress or a queue. 0 is never a handle. */
typedef uint64_t podstack_handle;

/* What a function returned. */
typedef enum podstack_status {
    /* The result is JSON. */
    PODSTACK_OK = 0,
    /* The result is JSON: {"type": "AuthenticationError", "message": …, "code": …, …}. */
    PODSTACK_ERROR = 1,
    /* The call has no result yet: wait for it with `podstack_wait`. */
    PODSTACK_PENDING = 2,
    /* The result is a message for the caller: an event, or a request to answer with `podstack_reply`. */
    PODSTACK_MESSAGE = 3
} podstack_status;

/* A result, and the memory that the caller provides for it. */
typedef struct podstack_result {
    /* Memory of the caller that receives a result that fits; NULL for none. */
    uint8_t *buffer;
    /* The size of that memory in bytes. */
    size_t capacity;
    /* The result: equal to `buffer`, or else memory to release with `podstack_free`. */
    uint8_t *data;
    /* The size of the result in bytes. */
    size_t size;
    /* The new handle, or the call in progress. */
    podstack_handle handle;
} podstack_result;

/* Returns PODSTACK_INTERFACE of the library. */
int32_t podstack_interface(void);

/* Returns the version of the SDK, which stays valid. */
const char *podstack_version(void);

/* Releases the `data` of a result that was not written to `buffer`; NULL is allowed. */
void podstack_free(void *data);

/* Creates a client or another object from a JSON object; sends no request.
 *
 * `kind` is "client" or "login". The result is {"warnings": […]}, and `handle` the new object.
 */
int32_t podstack_open(const char *kind, const char *arguments, size_t size, podstack_result *result);

/* Closes an object of any kind. A call, or the calls of a queue, are canceled; those of a client continue.
 *
 * Closing a handle again, or one that never existed, does nothing. */
void podstack_close(podstack_handle handle);

/* Runs a function that sends no request and needs no object, such as "dotenv.parse". */
int32_t podstack_function(const char *name, const char *arguments, size_t size, podstack_result *result);

/* Starts an operation of an object, such as "auth.whoami", and waits for at most `milliseconds`.
 *
 * The operations "pods.logs_stream", "pods.wait_until_running", "pods.upload" and "pods.download" return {"handle": …}. That
 * object's operation "next" starts the work with its first call, and returns {"item": …}, or {"result": …} at the end.
 * `podstack_close` ends the work.
 *
 * With PODSTACK_PENDING or PODSTACK_MESSAGE, the result's handle is the call, which `podstack_wait` continues. */
int32_t podstack_call(
    podstack_handle object, const char *operation, const char *arguments, size_t size, int64_t milliseconds,
    podstack_result *result);

/* Waits for a call in progress, for at most `milliseconds`. PODSTACK_OK and PODSTACK_ERROR close the call. */
int32_t podstack_wait(podstack_handle call, int64_t milliseconds, podstack_result *result);

/* Answers a message that has a "reply" number. Answering it again, or too late, does nothing.
 *
 * {"handed_back": true} means that this caller cannot answer, and that another one may. */
void podstack_reply(uint64_t reply, const char *answer, size_t size);

/* Creates a queue that collects the results of many calls. */
podstack_handle podstack_queue_new(void);

/* Returns a descriptor that is readable while results are in the queue, and ends with the queue; -1 on failure. */
int32_t podstack_queue_descriptor(podstack_handle queue);

/* Starts an operation whose messages and result go to a queue with the number `tag`, which the caller chooses.
 *
 * Returns PODSTACK_PENDING, or PODSTACK_ERROR with a result if the queue is closed. */
int32_t podstack_submit(
    podstack_handle object, const char *operation, const char *arguments, size_t size, podstack_handle queue,
    uint64_t tag, podstack_result *result);

/* Cancels the call with a tag; its result still arrives. */
void podstack_cancel(podstack_handle queue, uint64_t tag);

/* Takes what is in a queue: records of a tag (8 bytes), a status (4 bytes), a size (4 bytes) and that many bytes of JSON,
 * in the machine's byte order. */
int32_t podstack_queue_take(podstack_handle queue, podstack_result *result);

/* Cancels all calls and closes all objects, and waits for at most `milliseconds` until nothing is in progress. */
void podstack_shutdown(int64_t milliseconds);

/* Runs the command line `podstack` and returns its exit status. */
int32_t podstack_main(int32_t count, const char *const *arguments);

#ifdef __cplusplus
}
#endif
