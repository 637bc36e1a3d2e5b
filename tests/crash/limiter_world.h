/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Rate limiters of every kind after any history, and the calls on them: the tests of this directory try
 * every call after every history, stopped at every step. */
#ifndef TRIFUSE_TESTS_LIMITER_WORLD_H
#define TRIFUSE_TESTS_LIMITER_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trifuse/trifuse.h"

#define SECOND 1000000000ULL
#define START (1000 * SECOND)

enum { BUCKET, LOG, COUNTER, FIXED_WINDOW, LIMITERS }; /* TRIFUSE_LIMITER_* */
enum { PERMITS = 6 };
extern const char *const limiter_names[LIMITERS];

/* One limiter in its words, so that it can be copied and put back; a reservation that is out. */
typedef struct limiter_world {
    uint32_t kind;
    uint64_t now, random;
    trifuse_reservation held;
    _Alignas(64) uint64_t memory[48];
} limiter_world;

extern limiter_world limiter;

/* What is seen: first what one swap moves together, then totals. */
enum { AVAILABLE, DEBT, WAIT_OF_ONE, WAIT_OF_ALL, CAPACITY, RATE, TOGETHER, TOKENS = TOGETHER, REFUSED, GIVEN_BACK,
       NUMBERS };
typedef struct limiter_picture { uint64_t number[NUMBERS]; } limiter_picture;

typedef struct limiter_call {
    const char *name;
    int (*run)(limiter_world *w);
    int64_t later; /* its now is that much after the world's */
} limiter_call;

/* The calls on a kind, up to one without a name. */
const limiter_call *limiter_calls(uint32_t kind);
/* Makes a limiter and plays `length` random calls on it. */
void limiter_begin(limiter_world *w, uint32_t kind, unsigned length);
/* The limiter as seen so long after the world's now. */
limiter_picture limiter_look(limiter_world *w, int64_t later);
/* All that others may do goes on as promised from then; uses the world up. */
bool limiter_goes_on(limiter_world *w, int64_t later);

#endif
