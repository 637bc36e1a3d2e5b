/* SPDX-License-Identifier: MIT OR Apache-2.0
 * See shim_limits.h. A place is taken by a number in the core and a request waits in Python, so between
 * "full" and "waits" a place may come free: who is about to wait says so (set_waiting) and then looks once
 * more, who leaves gives the place back and then looks whether somebody waits. One of the two sees the other.
 */
#include "shim_limits.h"

#define PY_SAID 256

#if defined(Py_GIL_DISABLED)
#  define py_read(word) __atomic_load_n((word), __ATOMIC_SEQ_CST)
#  define py_write(word, value) __atomic_store_n((word), (value), __ATOMIC_SEQ_CST)
#else
#  define py_read(word) (*(word))
#  define py_write(word, value) ((void)(*(word) = (value)))
#endif

#define PY_PLACES sizeof(trifuse_py_place)
#define PY_PLACES_HEAD (PY_PLACES + sizeof(trifuse_py_places))
_Static_assert(sizeof(trifuse_py_limiter) % 8 == 0 && PY_PLACES % 8 == 0 && PY_PLACES_HEAD % 8 == 0 &&
                   sizeof(trifuse_py_throttle) % 8 == 0, "the core's words are aligned to 8");

/* What was said and not yet read: as py_events. */
static trifuse_py_told py_said[PY_SAID];
static uint32_t py_said_count;

static size_t trifuse_py_limiter_size(const trifuse_limiter_config *config, trifuse_config_error *error,
                                      int *result)
{
    *result = trifuse_limiter_config_check(config, error);
    return *result == TRIFUSE_OK ? sizeof(trifuse_py_limiter) + trifuse_limiter_size(config) : 0;
}

static int trifuse_py_limiter_open(void *block, size_t size, const trifuse_limiter_config *config,
                                   trifuse_config_error *error)
{
    trifuse_py_limiter *head = block;
    head->windowed = config->kind != TRIFUSE_LIMITER_TOKEN_BUCKET;
    return trifuse_limiter_init(head + 1, size - sizeof *head, config, py_clock(), error, &head->limiter);
}

static int trifuse_py_limiter_try(void *block)
{
    trifuse_py_limiter *head = block;
    if (py_bypass_on)
        return TRIFUSE_OK;
    if (py_read(&head->waiting) != 0)
        return TRIFUSE_PY_LOOK;
    return trifuse_limiter_try_acquire(head->limiter, 1, py_clock(), NULL);
}

static int py_ask(trifuse_py_limiter *head, uint64_t n, uint64_t max_wait_ns, trifuse_py_told *told)
{
    uint64_t now = told->now_ns;
    if (max_wait_ns != 0 && !head->windowed) {
        told->reservation.struct_size = (uint32_t)sizeof told->reservation;
        told->result = trifuse_limiter_reserve(head->limiter, n, now, max_wait_ns, &told->reservation);
        told->wait_ns = told->reservation.wait_ns;
    } else {
        told->result = trifuse_limiter_try_acquire(head->limiter, n, now, &told->wait_ns);
    }
    if (told->result != TRIFUSE_OK)
        told->available = trifuse_limiter_available(head->limiter, now);
    return told->result;
}

static int trifuse_py_limiter_ask(void *block, uint64_t n, uint64_t max_wait_ns, trifuse_py_told *told)
{
    trifuse_py_limiter *head = block;
    told->now_ns = py_clock();
    told->wait_ns = 0;
    told->result = TRIFUSE_OK;
    if (py_bypass_on)
        return TRIFUSE_OK;
    if (py_read(&head->waiting) != 0)
        return told->result = TRIFUSE_PY_LOOK;
    return py_ask(head, n, max_wait_ns, told);
}

static int trifuse_py_limiter_ask_first(void *block, uint64_t n, trifuse_py_told *told)
{
    told->now_ns = py_clock();
    told->wait_ns = 0;
    return py_ask(block, n, 0, told);
}

static int trifuse_py_limiter_reserve(void *block, uint64_t n, uint64_t max_wait_ns, trifuse_py_told *told)
{
    trifuse_py_limiter *head = block;
    told->now_ns = py_clock();
    told->reservation.struct_size = (uint32_t)sizeof told->reservation;
    told->result = trifuse_limiter_reserve(head->limiter, n, told->now_ns, max_wait_ns, &told->reservation);
    told->wait_ns = told->reservation.wait_ns;
    told->available = trifuse_limiter_available(head->limiter, told->now_ns);
    return told->result;
}

/* What was granted after a reservation does not come back with it; what was, and has come back since, does:
 * a position counts the tokens granted up to it. */
static uint64_t trifuse_py_limiter_cancel(void *block, const trifuse_py_told *told)
{
    trifuse_py_limiter *head = block;
    trifuse_reservation reservation = told->reservation;
    uint64_t given_back = 0;
    reservation.position[0] += told->undone;
    if (reservation.struct_size != 0)
        (void)trifuse_limiter_cancel(head->limiter, &reservation, py_clock(), &given_back);
    return given_back;
}

static void trifuse_py_limiter_cancel_last(void *block, const trifuse_py_told *told, trifuse_py_told *before)
{
    uint64_t given_back = trifuse_py_limiter_cancel(block, told);
    if (before != NULL)
        before->undone += told->undone + given_back;
}

static uint64_t trifuse_py_limiter_capacity(void *block)
{
    trifuse_py_limiter *head = block;
    trifuse_limiter_snapshot snapshot = {.struct_size = sizeof snapshot};
    (void)trifuse_limiter_get_snapshot(head->limiter, py_clock(), &snapshot);
    return snapshot.capacity;
}

static int trifuse_py_limiter_enter(void *block)
{
    trifuse_py_limiter *head = block;
    trifuse_py_told told = {0};
    if (trifuse_py_limiter_ask(block, 1, head->max_wait_ns, &told) == TRIFUSE_OK && told.wait_ns == 0)
        return 0;
    uint32_t index = py_next(&py_said_count) % PY_SAID;
    py_said[index] = told;
    return (int)index + 1;
}

static void trifuse_py_limiter_said(int said, trifuse_py_told *told)
{
    *told = py_said[(uint32_t)(said - 1) % PY_SAID];
}

static int trifuse_py_limiter_is_full(void *block)
{
    trifuse_py_limiter *head = block;
    return trifuse_limiter_available(head->limiter, py_clock()) >= trifuse_py_limiter_capacity(block);
}

static int trifuse_py_limiter_windowed(void *block)
{
    return ((trifuse_py_limiter *)block)->windowed != 0;
}

static void trifuse_py_limiter_set_max_wait(void *block, uint64_t max_wait_ns)
{
    ((trifuse_py_limiter *)block)->max_wait_ns = max_wait_ns;
}

static void trifuse_py_limiter_set_waiting(void *block, uint32_t waiting)
{
    py_write(&((trifuse_py_limiter *)block)->waiting, waiting);
}

static size_t trifuse_py_places_size(const trifuse_concurrency_config *config, trifuse_config_error *error,
                                     int *result)
{
    *result = trifuse_concurrency_config_check(config, error);
    return *result == TRIFUSE_OK ? PY_PLACES_HEAD + trifuse_concurrency_size(config) : 0;
}

static int trifuse_py_places_open(void *block, size_t size, const trifuse_concurrency_config *config,
                                  trifuse_config_error *error)
{
    trifuse_py_place *first = block;
    trifuse_py_places *head = (trifuse_py_places *)(void *)((char *)block + PY_PLACES);
    first->places = head;
    head->timed = config->algorithm != TRIFUSE_ALGORITHM_FIXED;
    return trifuse_concurrency_init((char *)block + PY_PLACES_HEAD, size - PY_PLACES_HEAD, config, py_clock(),
                                    error, &head->concurrency);
}

static int py_is_full(const trifuse_py_places *head)
{
    return trifuse_concurrency_in_flight(head->concurrency) >= trifuse_concurrency_limit(head->concurrency);
}

static int trifuse_py_places_enter(void *place)
{
    trifuse_py_place *call = place;
    trifuse_py_places *head = call->places;
    if (py_bypass_on || py_read(&head->waiting) != 0 || (head->queueing && py_is_full(head)))
        return TRIFUSE_PY_LOOK;
    int result = trifuse_concurrency_try_acquire(head->concurrency);
    if (result == TRIFUSE_OK && head->timed)
        call->started_ns = py_clock();
    return result;
}

static int trifuse_py_places_take(void *place)
{
    trifuse_py_place *call = place;
    trifuse_py_places *head = call->places;
    if (py_is_full(head) || trifuse_concurrency_try_acquire(head->concurrency) != TRIFUSE_OK)
        return 0;
    if (head->timed)
        call->started_ns = py_clock();
    return 1;
}

static int trifuse_py_places_finish(void *place, uint32_t outcome)
{
    trifuse_py_place *call = place;
    trifuse_py_places *head = call->places;
    uint64_t now = head->timed ? py_clock() : 0, started = call->started_ns;
    if (outcome == TRIFUSE_PY_CANCELLED)
        outcome = TRIFUSE_OUTCOME_IGNORED;
    int result = trifuse_concurrency_release(head->concurrency, outcome, now > started ? now - started : 0);
    return result != TRIFUSE_OK ? result : py_read(&head->waiting) != 0;
}

static int trifuse_py_places_leave(void *place)
{
    return trifuse_py_places_finish(place, TRIFUSE_OUTCOME_SUCCESS);
}

static void trifuse_py_places_refuse(void *place)
{
    py_next(&((trifuse_py_place *)place)->places->refused);
}

static void trifuse_py_places_set_waiting(void *place, uint32_t waiting)
{
    py_write(&((trifuse_py_place *)place)->places->waiting, waiting);
}

static int trifuse_py_places_snapshot(void *place, trifuse_concurrency_snapshot *snapshot)
{
    trifuse_py_places *head = ((trifuse_py_place *)place)->places;
    int result = trifuse_concurrency_get_snapshot(head->concurrency, snapshot);
    snapshot->refused += head->refused;
    return result;
}

static void trifuse_py_places_inherit(void *block, const void *parent, size_t size)
{
    const char *core = (const char *)((const trifuse_py_place *)parent)->places->concurrency;
    memcpy(block, parent, size);
    trifuse_py_places *head = (trifuse_py_places *)(void *)((char *)block + PY_PLACES);
    ((trifuse_py_place *)block)->places = head;
    head->concurrency = (void *)((char *)block + (core - (const char *)parent));
    head->waiting = 0;
    while (trifuse_concurrency_in_flight(head->concurrency) != 0)
        if (trifuse_concurrency_release(head->concurrency, TRIFUSE_OUTCOME_IGNORED, 0) != TRIFUSE_OK)
            break;
}

static size_t trifuse_py_throttle_size(const trifuse_throttle_config *config, trifuse_config_error *error,
                                       int *result)
{
    *result = trifuse_throttle_config_check(config, error);
    return *result == TRIFUSE_OK ? sizeof(trifuse_py_throttle) + trifuse_throttle_size(config) : 0;
}

static int trifuse_py_throttle_open(void *block, size_t size, const trifuse_throttle_config *config,
                                    trifuse_config_error *error)
{
    trifuse_py_throttle *head = block;
    return trifuse_throttle_init(head + 1, size - sizeof *head, config, py_clock(), error, &head->throttle);
}

static int trifuse_py_throttle_enter(void *block)
{
    trifuse_py_throttle *head = block;
    return py_bypass_on ? TRIFUSE_OK : trifuse_throttle_try_acquire(head->throttle, py_clock());
}

static void trifuse_py_throttle_accept(void *block)
{
    trifuse_py_throttle *head = block;
    if (!py_bypass_on)
        (void)trifuse_throttle_accept(head->throttle, py_clock());
}
