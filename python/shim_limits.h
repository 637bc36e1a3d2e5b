/* SPDX-License-Identifier: MIT OR Apache-2.0
 * What the Python wrapper calls on the hot paths of rate limits, bulkheads, adaptive limits and the
 * throttle: as shim.h, functions of one pointer.
 */
#ifndef TRIFUSE_PY_SHIM_LIMITS_H
#define TRIFUSE_PY_SHIM_LIMITS_H

#include "shim.h"

/* trifuse:begin */

/* Results beside those of the core */
#define TRIFUSE_PY_LOOK 101   /* nothing was asked: everything is switched off, or others wait */

/* Each object lives in one block of memory that Python owns: first what stands below, then the core's
 * words. */
typedef struct trifuse_py_limiter {
    trifuse_limiter *limiter;
    uint64_t max_wait_ns; /* of a call that says nothing of its own */
    uint32_t windowed;    /* not a token bucket: there are no reservations */
    uint32_t waiting;     /* somebody waits in the wrapper's queue, windowed only */
} trifuse_py_limiter;

/* What a rate limiter said. */
typedef struct trifuse_py_told {
    int32_t result;
    uint32_t reserved;
    uint64_t undone; /* of a reservation: tokens granted after it that came back */
    uint64_t now_ns;
    uint64_t wait_ns;
    uint64_t available; /* of a refused request */
    trifuse_reservation reservation;
} trifuse_py_told;

typedef struct trifuse_py_places {
    trifuse_concurrency *concurrency;
    uint64_t refused;  /* of those that queued or might have: the core was not asked */
    uint32_t timed;    /* durations are wanted: each call has a place of its own */
    uint32_t queueing; /* who finds no place may wait */
    uint32_t waiting;  /* somebody waits */
    uint32_t reserved;
} trifuse_py_places;

/* A place in a bulkhead, one for all, or in an adaptive limit, one call's own. */
typedef struct trifuse_py_place {
    trifuse_py_places *places;
    uint64_t started_ns;
} trifuse_py_place;

typedef struct trifuse_py_throttle {
    trifuse_throttle *throttle;
} trifuse_py_throttle;

/* The bytes of a block; 0 with *result and *error when the configuration is refused. Then making it. */
static size_t trifuse_py_limiter_size(const trifuse_limiter_config *config, trifuse_config_error *error,
                                      int *result);
static int trifuse_py_limiter_open(void *block, size_t size, const trifuse_limiter_config *config,
                                   trifuse_config_error *error);
static size_t trifuse_py_places_size(const trifuse_concurrency_config *config, trifuse_config_error *error,
                                     int *result);
static int trifuse_py_places_open(void *block, size_t size, const trifuse_concurrency_config *config,
                                  trifuse_config_error *error);
static size_t trifuse_py_throttle_size(const trifuse_throttle_config *config, trifuse_config_error *error,
                                       int *result);
static int trifuse_py_throttle_open(void *block, size_t size, const trifuse_throttle_config *config,
                                    trifuse_config_error *error);

/* One token. 0: granted, or everything is switched off. */
static int trifuse_py_limiter_try(void *block);
/* One token, waiting at most max_wait_ns. 0: go. Else what was said, for trifuse_py_limiter_said: refused,
 * or granted with a wait. */
static int trifuse_py_limiter_enter(void *block);
static void trifuse_py_limiter_said(int said, trifuse_py_told *told);
/* n tokens, waiting at most so long; the result is also in *told. */
static int trifuse_py_limiter_ask(void *block, uint64_t n, uint64_t max_wait_ns, trifuse_py_told *told);
/* The same for the first of those who wait. */
static int trifuse_py_limiter_ask_first(void *block, uint64_t n, trifuse_py_told *told);
static int trifuse_py_limiter_reserve(void *block, uint64_t n, uint64_t max_wait_ns, trifuse_py_told *told);
/* Gives a reservation up and says how many tokens came back. */
static uint64_t trifuse_py_limiter_cancel(void *block, const trifuse_py_told *told);
/* The same for the last of a queue; `before` (or NULL) is the one before it, for which that counts. */
static void trifuse_py_limiter_cancel_last(void *block, const trifuse_py_told *told, trifuse_py_told *before);
static uint64_t trifuse_py_limiter_capacity(void *block);
static int trifuse_py_limiter_windowed(void *block);
/* As many tokens as there can be: forgetting it changes nothing. */
static int trifuse_py_limiter_is_full(void *block);
static void trifuse_py_limiter_set_max_wait(void *block, uint64_t max_wait_ns);
static void trifuse_py_limiter_set_waiting(void *block, uint32_t waiting);

/* 0: there is a place and it is taken; TRIFUSE_REFUSED_BULKHEAD_FULL; TRIFUSE_PY_LOOK. */
static int trifuse_py_places_enter(void *place);
/* For who waits: not 0 if a place was free and is taken now. Never counts as refused. */
static int trifuse_py_places_take(void *place);
/* Gives a place back. Above 0: somebody waits for it; below: a mistake. */
static int trifuse_py_places_leave(void *place);
static int trifuse_py_places_finish(void *place, uint32_t outcome);
static void trifuse_py_places_refuse(void *place);
static void trifuse_py_places_set_waiting(void *place, uint32_t waiting);
static int trifuse_py_places_snapshot(void *place, trifuse_concurrency_snapshot *snapshot);
/* In a forked child: makes in a block of the same size what it goes on with, a copy in which no place is taken. */
static void trifuse_py_places_inherit(void *block, const void *parent, size_t size);

/* 0: go. */
static int trifuse_py_throttle_enter(void *block);
static void trifuse_py_throttle_accept(void *block);

/* trifuse:end */

#endif
