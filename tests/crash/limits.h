/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Concurrency limits, histograms and hedge budgets after any history, and the calls on them: the tests
 * of this directory try every call after every history, stopped at every step. */
#ifndef TRIFUSE_TESTS_LIMITS_H
#define TRIFUSE_TESTS_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trifuse/trifuse.h"

#define SECOND 1000000000ULL
#define START (1000 * SECOND)

enum { FIXED, AIMD, VEGAS, GRADIENT2, LIFETIME, SLIDING, HEDGE, SUBJECTS };
enum { NUMBERS = 11, CALLS_MOST = 6 };
extern const char *const subject_names[SUBJECTS];

/* One object in its words, so that it can be copied and put back. */
typedef struct limits_world {
    unsigned subject;
    uint64_t now, random;
    _Alignas(64) uint64_t memory[181 * 8];
} limits_world;

extern limits_world limits;

/* What a snapshot tells, as integers: first those that one step moves together, then totals and times. */
typedef struct limits_picture { uint64_t number[NUMBERS]; } limits_picture;
enum { OLDER_COUNT = NUMBERS - 1 }; /* of a histogram: read with an older now */
enum { LIMIT_EXACT, IN_FLIGHT, TOGETHER, REFUSED = TOGETHER, ADMITTED, RELEASED, FAILED }; /* of a concurrency limit */

typedef struct limits_call {
    const char *name;
    int (*run)(limits_world *w);
    enum { ACTS, READS, ACTS_MANY } kind;
} limits_call;

static inline bool is_concurrency(unsigned subject) { return subject <= GRADIENT2; }

/* The calls of a subject, up to one without a name. */
const limits_call *limits_calls(unsigned subject);
/* Makes the subject's object and plays `length` random calls on it. */
void limits_begin(limits_world *w, unsigned subject, unsigned length);
limits_picture limits_look(limits_world *w);
/* All that others may do goes on as promised; uses the world up. */
bool limits_go_on(limits_world *w);

#endif
