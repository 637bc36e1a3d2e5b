/* SPDX-License-Identifier: MIT OR Apache-2.0
 * Included by _core.csrc.c: the functions of shim.h.
 *
 * A closed-state permit is plain data, so all calls of one generation share one trifuse_py_call; a
 * call that outlives the generation still holds the old one, and its report is late by construction.
 * A timed call takes the shared one for itself (started_ns is not 0 meanwhile); who finds it taken
 * makes another. The GIL makes that one step; without a GIL it is an atomic exchange.
 */
#include "shim.h"

#include <stddef.h>

#define PY_EVENTS 256

#if defined(Py_GIL_DISABLED)
#  define py_claim(word, value) __atomic_compare_exchange_n( \
       (word), &(uint64_t){0}, (value), 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)
#  define py_unclaim(word) __atomic_store_n((word), 0, __ATOMIC_RELEASE)
#  define py_next(word) __atomic_fetch_add((word), 1, __ATOMIC_RELAXED)
#  define py_previous(word) __atomic_fetch_sub((word), 1, __ATOMIC_RELAXED)
#else
#  define py_claim(word, value) (*(word) == 0 ? (*(word) = (value), 1) : 0)
#  define py_unclaim(word) (*(word) = 0)
#  define py_next(word) ((*(word))++)
#  define py_previous(word) ((void)(*(word) != 0 && (*(word))--)) /* a forked child counts anew */
#endif

#define PY_SHARED offsetof(trifuse_py_call, duration_ns)
#define PY_HEAD (PY_SHARED + sizeof(trifuse_py_handle))
_Static_assert(PY_SHARED % 8 == 0 && PY_HEAD % 8 == 0, "the core's words are aligned to 8");

static uint64_t py_virtual_now;
static int py_bypass_on;

/* Transitions that were made and not yet told. A thread reads its own right after the call that made
 * it, long before 256 others can have been made. */
static trifuse_breaker_event py_events[PY_EVENTS];
static uint32_t py_event_count;

static uint64_t py_clock(void)
{
    return py_virtual_now != 0 ? py_virtual_now : trifuse_now_ns();
}

static void py_event_prepare(trifuse_breaker_event *event)
{
    event->struct_size = (uint32_t)sizeof *event;
    event->flags = 0;
}

static int py_told(const trifuse_breaker_event *event)
{
    if ((event->flags & TRIFUSE_EVENT_TRANSITION) == 0)
        return 0;
    uint32_t index = py_next(&py_event_count) % PY_EVENTS;
    py_events[index] = *event;
    return (int)(index + 1) << TRIFUSE_PY_TOLD_EVENT_SHIFT;
}

static size_t trifuse_py_size(const trifuse_breaker_config *config, trifuse_config_error *error,
                              int *result)
{
    *result = trifuse_breaker_config_check(config, error);
    return *result == TRIFUSE_OK ? PY_HEAD + trifuse_breaker_size(config) : 0;
}

static int trifuse_py_open(void *block, size_t size, const trifuse_breaker_config *config,
                           trifuse_config_error *error)
{
    trifuse_py_call *first = block;
    trifuse_py_handle *handle = (trifuse_py_handle *)(void *)((char *)block + PY_SHARED);
    int result = trifuse_breaker_init((char *)block + PY_HEAD, size - PY_HEAD, config, py_clock(),
                                      error, &handle->breaker);
    if (result != TRIFUSE_OK)
        return result;
    first->handle = handle;
    handle->timeout_ns = config->request_timeout_ns;
    handle->cancelled_after_ns = config->cancelled_counts_after_ns;
    if (config->initial_state == TRIFUSE_STATE_CLOSED) /* then asking changes nothing */
        (void)trifuse_breaker_try_acquire(handle->breaker, 0, &first->permit, NULL);
    return TRIFUSE_OK;
}

static trifuse_py_handle *trifuse_py_handle_of(void *call)
{
    return ((trifuse_py_call *)call)->handle;
}

static int trifuse_py_enter(void *slot)
{
    trifuse_py_call *call = slot;
    if (call->handle->flags != 0 || py_bypass_on)
        return 1;
    return trifuse_breaker_reenter(call->handle->breaker, call->permit);
}

static int trifuse_py_enter_timed(void *slot)
{
    trifuse_py_call *call = slot;
    if ((call->handle->flags & TRIFUSE_PY_NOTIFY) != 0 || py_bypass_on)
        return 1;
    if (call->started_ns != 0)
        return 1;
    int result = trifuse_breaker_reenter(call->handle->breaker, call->permit);
    if (result != TRIFUSE_OK)
        return result;
    return py_claim(&call->started_ns, py_clock()) ? 0 : 1;
}

static int trifuse_py_begin(void *slot)
{
    trifuse_py_call *call = slot;
    trifuse_breaker_event event;
    trifuse_breaker *breaker = call->handle->breaker;
    py_event_prepare(&event);
    call->started_ns = py_clock();
    call->result = trifuse_breaker_try_acquire(breaker, call->started_ns, &call->permit, &event);
    call->retry_after_ns = event.retry_after_ns;
    if (call->result == TRIFUSE_OK && trifuse_breaker_reenter(breaker, call->permit) != TRIFUSE_OK)
        call->flags |= TRIFUSE_PY_PROBE;
    if (call->result == TRIFUSE_OK && (call->flags & TRIFUSE_PY_OWNED) != 0) {
        call->flags |= TRIFUSE_PY_COUNTED;
        py_next(&call->handle->in_flight);
    }
    return py_told(&event);
}

static int py_report(trifuse_py_call *call, uint32_t outcome, uint64_t duration, uint64_t now)
{
    trifuse_breaker_event event;
    py_event_prepare(&event);
    int late = trifuse_breaker_report(call->handle->breaker, call->permit, outcome, duration, now,
                                      &event) == TRIFUSE_LATE;
    int told = py_told(&event) | (late ? TRIFUSE_PY_TOLD_LATE : 0);
    if ((call->flags & TRIFUSE_PY_OWNED) != 0 && (call->handle->flags & TRIFUSE_PY_NOTIFY) != 0)
        told |= TRIFUSE_PY_TOLD_NOTIFY;
    return told;
}

static uint32_t py_judged(const trifuse_py_call *call, uint32_t outcome, uint64_t duration)
{
    const trifuse_py_handle *handle = call->handle;
    if (outcome == TRIFUSE_PY_CANCELLED) {
        uint64_t limit = handle->cancelled_after_ns;
        return limit != 0 && duration >= limit ? TRIFUSE_OUTCOME_TIMEOUT : TRIFUSE_OUTCOME_IGNORED;
    }
    if (outcome == TRIFUSE_OUTCOME_IGNORED || (call->flags & TRIFUSE_PY_UNJUDGED) != 0)
        return outcome;
    if (handle->timeout_ns != 0 && duration > handle->timeout_ns)
        return TRIFUSE_OUTCOME_TIMEOUT;
    return outcome;
}

static int py_finish_timed(trifuse_py_call *call, uint32_t outcome)
{
    uint64_t now = py_clock();
    uint64_t duration = now > call->started_ns ? now - call->started_ns : 0;
    outcome = py_judged(call, outcome, duration);
    int told = py_report(call, outcome, duration, now);
    if ((call->flags & TRIFUSE_PY_OWNED) != 0)
        call->duration_ns = duration;
    else
        py_unclaim(&call->started_ns);
    if ((call->flags & TRIFUSE_PY_COUNTED) != 0) {
        call->flags &= ~(uint32_t)TRIFUSE_PY_COUNTED;
        py_previous(&call->handle->in_flight);
    }
    return told == 0 ? 0 : told | (int)(outcome << TRIFUSE_PY_TOLD_OUTCOME_SHIFT);
}

static int trifuse_py_success_timed(void *slot)
{
    trifuse_py_call *call = slot;
    return py_finish_timed(call, TRIFUSE_OUTCOME_SUCCESS);
}

static int trifuse_py_success(void *slot)
{
    trifuse_py_call *call = slot;
    if ((call->flags & TRIFUSE_PY_OWNED) != 0)
        return py_finish_timed(call, TRIFUSE_OUTCOME_SUCCESS);
    return py_report(call, TRIFUSE_OUTCOME_SUCCESS, 0, py_virtual_now);
}

static int trifuse_py_finish(void *slot, uint32_t outcome, int timed)
{
    trifuse_py_call *call = slot;
    int told;
    if (timed || (call->flags & TRIFUSE_PY_OWNED) != 0) {
        told = py_finish_timed(call, outcome);
    } else {
        outcome = py_judged(call, outcome, 0);
        told = py_report(call, outcome, 0, py_virtual_now);
    }
    return told == 0 ? 0 : told | (int)(outcome << TRIFUSE_PY_TOLD_OUTCOME_SHIFT);
}

static int trifuse_py_renew(void *slot)
{
    trifuse_py_call *call = slot;
    return trifuse_breaker_renew(call->handle->breaker, call->permit, py_virtual_now);
}

static void trifuse_py_event(uint32_t told, trifuse_breaker_event *event)
{
    *event = py_events[((told >> TRIFUSE_PY_TOLD_EVENT_SHIFT) - 1) % PY_EVENTS];
}

static uint64_t trifuse_py_now(void)
{
    return py_clock();
}

static void trifuse_py_set_now(uint64_t now_ns)
{
    py_virtual_now = now_ns;
}

static int trifuse_py_virtual(void)
{
    return py_virtual_now != 0;
}

static void trifuse_py_set_bypass(int on)
{
    py_bypass_on = on;
}

static int trifuse_py_bypass(void)
{
    return py_bypass_on;
}
