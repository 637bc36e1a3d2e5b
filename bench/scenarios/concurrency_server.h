/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A server in virtual time: it works on `capacity` calls at full speed and shares that among all it has.
 * Alone, a call needs the service time give or take up to `spread` of it; among n > capacity, n / capacity
 * times as long.
 * A caller gives up after `patience`, and the server drops the call. */
#ifndef TRIFUSE_SCENARIOS_SERVER_H
#define TRIFUSE_SCENARIOS_SERVER_H

#include <stdbool.h>
#include <stdint.h>

enum { CALLS_AT_ONCE = 2048 };

typedef struct server_call { double started, ends_at_work; } server_call;

typedef struct server {
    double capacity, service, spread, patience; /* calls, seconds, a share, seconds */
    double now, work; /* seconds; seconds of service that each call has got since the start */
    unsigned calls;
    uint64_t random;
    server_call call[CALLS_AT_ONCE];
} server;

typedef struct server_event { bool gave_up; double duration; } server_event;

double server_random(server *s); /* uniform in (0, 1) */
void server_begin(server *s);    /* one more call, now */
/* Goes on to the first end of a call before `until`, or to `until` (false). */
bool server_run(server *s, double until, server_event *event);

#endif
