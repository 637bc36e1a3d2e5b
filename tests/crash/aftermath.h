/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What can be seen of a breaker afterwards: a picture, then what it answers to a script of calls. Two
 * breakers with equal aftermaths are equal for every caller. */
#ifndef TRIFUSE_TESTS_AFTERMATH_H
#define TRIFUSE_TESTS_AFTERMATH_H

#include "scenes.h"

enum { PICTURES = 4, ANSWERS = 48 };

typedef struct aftermath {
    trifuse_breaker_snapshot picture[PICTURES];
    uint64_t answer[ANSWERS];
    unsigned answers;
} aftermath;

/* Plays the script on *w (which it uses up). */
void aftermath_of(world *w, uint64_t now, aftermath *seen);
/* Equal but for what is told to be only printed: since_ns and last_failure_ns. */
bool aftermath_equal(const aftermath *a, const aftermath *b);
/* Prints where two differ. */
void aftermath_print(const aftermath *got, const aftermath *want);

#endif
