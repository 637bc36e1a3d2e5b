/* SPDX-License-Identifier: MIT OR Apache-2.0
 * What the Python wrapper calls on its hot paths: functions of one pointer, because a second
 * argument costs more than the call itself. The declarations between the markers are also what
 * CFFI binds (generate_core.py).
 */
#ifndef TRIFUSE_PY_SHIM_H
#define TRIFUSE_PY_SHIM_H

#include "trifuse/trifuse.h"

/* trifuse:begin */

/* Flags of a call */
#define TRIFUSE_PY_OWNED 1   /* one call's own: measured from begin to finish */
#define TRIFUSE_PY_PROBE 2   /* set by begin: the permit has a lease */
#define TRIFUSE_PY_COUNTED 8 /* set by begin: it is one of the handle's in_flight */
#define TRIFUSE_PY_UNJUDGED 4 /* its duration is not held against request_timeout */

/* Flags of a handle: why a call may not share the permit of its generation */
#define TRIFUSE_PY_TIMED 1   /* durations are wanted of asynchronous calls too */
#define TRIFUSE_PY_NOTIFY 2  /* every call is told to listeners */

/* Outcomes that only the shim knows, beside TRIFUSE_OUTCOME_* */
#define TRIFUSE_PY_CANCELLED 16 /* TIMEOUT after cancelled_counts_after, else IGNORED */

/* Bits of what begin and finish return; 0 is "nothing to tell" */
#define TRIFUSE_PY_TOLD_LATE 0x1
#define TRIFUSE_PY_TOLD_NOTIFY 0x2
#define TRIFUSE_PY_TOLD_OUTCOME_SHIFT 4
#define TRIFUSE_PY_TOLD_EVENT_SHIFT 8

/* A breaker and what the wrapper needs beside it. */
typedef struct trifuse_py_handle {
    trifuse_breaker *breaker;
    uint64_t timeout_ns;
    uint64_t cancelled_after_ns;
    uint32_t in_flight; /* owned calls between begin and finish */
    uint32_t flags;
} trifuse_py_handle;

/* A permit and where it belongs. All calls of one closed generation share one; what follows
 * `result` is there in an owned call only. */
typedef struct trifuse_py_call {
    trifuse_py_handle *handle;
    uint64_t permit;
    uint64_t started_ns;
    uint32_t flags;
    int32_t result;
    union {                  /* a refused call has no duration */
        uint64_t duration_ns;
        uint64_t retry_after_ns;
    };
} trifuse_py_call;

/* A breaker lives in one block of memory that Python owns: first the call that those of its first
 * generation share, then its handle, then the core's words. So a block may stand wherever a call may;
 * that is why calls are void pointers here. */

/* The bytes of a block; 0 with *result and *error when the configuration is refused. */
static size_t trifuse_py_size(const trifuse_breaker_config *config, trifuse_config_error *error,
                              int *result);
/* Makes a breaker in a block; results as trifuse_breaker_init. */
static int trifuse_py_open(void *block, size_t size, const trifuse_breaker_config *config,
                           trifuse_config_error *error);
static trifuse_py_handle *trifuse_py_handle_of(void *call);

/* 0: admitted on the shared permit. Else the slow path. */
static int trifuse_py_enter(void *call);
/* The same, and the call is the caller's alone and timed until success_timed or finish. */
static int trifuse_py_enter_timed(void *call);
/* The whole admission: fills the call, result included. */
static int trifuse_py_begin(void *call);
static int trifuse_py_success(void *call);
static int trifuse_py_success_timed(void *call);
/* Any outcome; `timed` for a call of enter_timed or an owned one. */
static int trifuse_py_finish(void *call, uint32_t outcome, int timed);
static int trifuse_py_renew(void *call);

/* The transition that a told value points to. */
static void trifuse_py_event(uint32_t told, trifuse_breaker_event *event);

/* The clock of the wrapper: the monotonic one, or the virtual time that was set (0: none). */
static uint64_t trifuse_py_now(void);
static void trifuse_py_set_now(uint64_t now_ns);
static int trifuse_py_virtual(void);
/* Not 0: every guard lets its calls through and records nothing. */
static void trifuse_py_set_bypass(int on);
static int trifuse_py_bypass(void);

/* trifuse:end */

#endif
