// The parts of Swift's concurrency runtime that a replacement of the global executor needs.
//
// They are declared in the toolchain's swift/ExecutorImpl.h, which is not importable, and in the runtime's sources.
#pragma once

#include <stdint.h>

// SerialExecutorRef; all zero for a job without a serial executor.
typedef struct podstack_executor {
    void *identity;
    uintptr_t implementation;
} podstack_executor;

// A Swift function, which receives pointers and integers like a C function.
extern void swift_job_run(void *job, podstack_executor executor);

static inline void podstack_run_job(void *job) {
    podstack_executor generic = {0, 0};
    swift_job_run(job, generic);
}

// The hooks are Swift functions too.
extern void *swift_task_enqueueGlobal_hook;
extern void *swift_task_enqueueGlobalWithDelay_hook;
extern void *swift_task_enqueueGlobalWithDeadline_hook;

typedef void (*podstack_enqueue)(void *job, void *original);
typedef void (*podstack_enqueue_after)(uint64_t nanoseconds, void *job, void *original);
typedef void (*podstack_enqueue_at)(
    int64_t seconds, int64_t nanoseconds, int64_t tolerance_seconds, int64_t tolerance_nanoseconds, int32_t clock,
    void *job);

static inline void podstack_replace_global_executor(
    podstack_enqueue enqueue, podstack_enqueue_after after, podstack_enqueue_at at) {
    swift_task_enqueueGlobal_hook = (void *)enqueue;
    swift_task_enqueueGlobalWithDelay_hook = (void *)after;
    swift_task_enqueueGlobalWithDeadline_hook = (void *)at;
}
