/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A retry, its budget and a throttle after any history, and the calls on them: the tests of this directory
 * try every call after every history, stopped at every step. */
#ifndef TRIFUSE_TESTS_RETRIES_H
#define TRIFUSE_TESTS_RETRIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trifuse/trifuse.h"

#define SECOND 1000000000ULL
#define START (1000 * SECOND)

enum { BUDGET, THROTTLE, RETRY, SUBJECTS, WORDS_EACH = 48, NUMBERS = 9 };
enum { SEVERAL = 8 }; /* added to the subject of a step that is several calls */

/* The three objects in their words, so that they can be copied and put back. */
typedef struct retries_world {
    _Alignas(64) uint64_t memory[SUBJECTS][WORDS_EACH];
    uint64_t now, random;
    trifuse_retry_call call;
} retries_world;

/* The numbers of a snapshot. */
typedef struct retries_picture { uint64_t number[NUMBERS]; } retries_picture;
enum { AVAILABLE };

typedef struct retries_step {
    const char *name;
    unsigned subject;
    int (*run)(retries_world *w, uint64_t now);
    int64_t later; /* the call's time less that of the world */
} retries_step;

extern const retries_step retries_steps[];
extern const size_t retries_step_count;

void retries_begin(retries_world *w, unsigned length);
int retries_do(retries_world *w, const retries_step *step);
/* A picture at the time of a call, or at the world's own if that is later. */
retries_picture retries_look(retries_world *w, unsigned subject, int64_t later);
/* The calls of others go on as promised; uses the world up. */
bool retries_go_on(retries_world *w, int64_t later);

#endif
