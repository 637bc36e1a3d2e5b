/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "steps.h"

#include <setjmp.h>
#include <stddef.h>

typedef enum mode { NOTHING, FAIL, DIE, PAUSE } mode;

static struct {
    mode mode;
    long left;
    steps_action *other;
    void *argument;
    jmp_buf exit;
} plan;

static bool counts_here(int kind) {
    switch (plan.mode) {
    case FAIL: return kind == STEP_SWAP;
    case DIE: return kind != STEP_READ;
    case PAUSE: return true;
    default: return false;
    }
}

int trifuse_test_step(int kind) {
    if (!counts_here(kind) || --plan.left != 0) return 0;
    mode at = plan.mode;
    plan.mode = NOTHING;
    if (at == DIE) longjmp(plan.exit, 1);
    if (at == PAUSE) plan.other(plan.argument);
    return at == FAIL;
}

static bool run(mode kind, long k, steps_action *action, steps_action *other, void *argument) {
    plan.mode = kind;
    plan.left = k;
    plan.other = other;
    plan.argument = argument;
    if (setjmp(plan.exit) == 0) action(argument);
    bool happened = plan.mode == NOTHING;
    plan.mode = NOTHING;
    return happened;
}

bool steps_fail(long k, steps_action *action, void *argument) {
    return run(FAIL, k, action, NULL, argument);
}

bool steps_die(long k, steps_action *action, void *argument) { return run(DIE, k, action, NULL, argument); }

bool steps_pause(long k, steps_action *action, steps_action *other, void *argument) {
    return run(PAUSE, k, action, other, argument);
}
