/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The states a breaker can be in and the calls that can be made on it, as tables: the tests of this
 * directory try every call in every state, stopped at every step. */
#ifndef TRIFUSE_TESTS_SCENES_H
#define TRIFUSE_TESTS_SCENES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trifuse/trifuse.h"

#define SECOND 1000000000ULL
#define START (1000 * SECOND)
#define PROBES 2u /* half_open_max_calls of every scene */

/* Those that are plain judge no slow calls: their successes take the straight path. */
typedef enum window { BY_TIME, BY_COUNT, BY_CUSUM, PLAIN_TIME, PLAIN_COUNT, WINDOWS } window;

/* A breaker and its callers; all bytes of it, so that it can be copied and put back. */
typedef struct world {
    window kind;
    _Alignas(64) uint64_t memory[128];
    trifuse_breaker *b;
    uint64_t now;
    uint64_t permit[2]; /* held by the two callers; 0 none */
    uint64_t old;       /* a permit of an older generation */
    uint64_t got[2];    /* what the two callers were given */
} world;

extern world the_world;

typedef struct scene {
    const char *name;
    void (*set)(world *w);
} scene;

typedef struct operation {
    const char *name;
    int (*run)(world *w, unsigned who, uint64_t now, trifuse_breaker_event *event);
    enum { ASKS, REPORTS, STEERS, CONFIGURES, READS, SEVERAL } kind;
} operation;

extern const scene scenes[];
extern const size_t scene_count;
extern const operation operations[];
extern const size_t operation_count;
extern const char *const window_names[WINDOWS];

/* Makes the_world's breaker with that kind of window, then puts it into the scene. */
void scene_begin(world *w, const scene *at, window kind);

trifuse_breaker_config scene_config(window kind);
trifuse_breaker_event blank_event(void);
trifuse_breaker_snapshot picture(trifuse_breaker *b, uint64_t now);
/* One admission and its outcome; the result of the report, or of a refusal. */
int one_call(world *w, uint64_t now, uint32_t outcome, uint64_t duration);

#endif
