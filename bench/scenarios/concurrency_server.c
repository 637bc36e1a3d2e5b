/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "concurrency_server.h"

double server_random(server *s) { /* xorshift64 */
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return ((double)(s->random >> 12) + 0.5) / 4503599627370496.0;
}

void server_begin(server *s) {
    double needs = s->service * (1 + s->spread * (2 * server_random(s) - 1));
    s->call[s->calls++] = (server_call){s->now, s->work + needs};
}

static double speed(const server *s) { return s->calls > s->capacity ? s->capacity / s->calls : 1; }

bool server_run(server *s, double until, server_event *event) {
    unsigned first = s->calls;
    double at = until;
    for (unsigned i = 0; i < s->calls; i++) {
        double done = s->now + (s->call[i].ends_at_work - s->work) / speed(s);
        double gives_up = s->call[i].started + s->patience, ends = done < gives_up ? done : gives_up;
        if (ends >= at) continue;
        at = ends > s->now ? ends : s->now;
        first = i;
        event->gave_up = gives_up < done;
    }
    s->work += (at - s->now) * speed(s);
    s->now = at;
    if (first == s->calls) return false;
    event->duration = s->now - s->call[first].started;
    s->call[first] = s->call[--s->calls];
    return true;
}
