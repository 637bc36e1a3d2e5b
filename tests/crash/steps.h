/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What happens at the k-th step of a call: nothing, its compare-and-swap fails, the thread ends, or it
 * is paused while another call runs from start to end. */
#ifndef TRIFUSE_TESTS_STEPS_H
#define TRIFUSE_TESTS_STEPS_H

#include <stdbool.h>

enum { STEP_SWAP = 1, STEP_WRITE = 2, STEP_READ = 3 };

typedef void steps_action(void *argument);

/* Each runs `action` with its plan in force for the k-th step (from 1) and says whether there was one. */
bool steps_fail(long k, steps_action *action, void *argument);   /* counts compare-and-swaps */
bool steps_die(long k, steps_action *action, void *argument);    /* counts writes; action does not return */
bool steps_pause(long k, steps_action *action, steps_action *other, void *argument); /* counts reads too */

int trifuse_test_step(int kind);

#endif
