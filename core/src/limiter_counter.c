/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The sliding counter: the window before counts in the proportion in which it is still in reach.
 *
 *     tokens of this window + tokens of the one before * (period - into) / period <= permits
 *
 * exactly, in integers. Its words are those of limiter_window.c: a grant is one swap of this window's count,
 * and the window before is closed, so nothing that the sum was made of can have changed under that swap. */
#include "limiter.h"

/* When the window before, which holds more than that, leaves `room`, in ns after the beginning of this one:
 * up to and with the end. */
static uint64_t room_when(uint64_t before, uint64_t room, uint64_t period) {
    return period - (room * (period / before) + room * (period % before) / before);
}

/* In this window if it has room; else in the next one, to which this one is the one before, or, as it is
 * done with then, at the end of that. */
static uint64_t counter_when(const window_view *v, uint64_t permits, uint64_t period, uint64_t n) {
    if (v->tokens + n > permits) return period + room_when(v->tokens, permits - n, period);
    uint64_t room = permits - n - v->tokens;
    bool there = v->before <= room || !product_exceeds(v->before, period - v->into, room, period);
    return there ? v->into : room_when(v->before, room, period);
}

static uint64_t counter_available(const window_view *v, uint64_t permits, uint64_t period) {
    uint64_t rest, weight = scale_ratio(v->before, period - v->into, period, &rest);
    uint64_t used = v->tokens + weight + (rest != 0);
    return used < permits ? permits - used : 0;
}
