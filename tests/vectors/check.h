/* SPDX-License-Identifier: MIT OR Apache-2.0
 * What the generated replay (to_c.py) checks with. A failure prints history, step and values and is
 * counted; `finish` is the exit status. */
#ifndef TRIFUSE_VECTORS_CHECK_H
#define TRIFUSE_VECTORS_CHECK_H

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "trifuse/trifuse.h"

static const char *current_history = "";
static int current_step, failures, checks, histories;

static inline void begin(const char *name) {
    current_history = name;
    current_step = 0;
    histories++;
}

static inline void fail(const char *what) {
    failures++;
    printf("%s, step %d: %s: ", current_history, current_step, what);
}

static inline void is_between(const char *what, uint64_t got, uint64_t low, uint64_t high) {
    checks++;
    if (got >= low && got <= high) return;
    fail(what);
    printf("got %" PRIu64 ", expected %" PRIu64 " to %" PRIu64 "\n", got, low, high);
}

static inline void is_u64(const char *what, uint64_t got, uint64_t want) {
    is_between(what, got, want, want);
}

static inline void is_int(const char *what, int got, int want) {
    checks++;
    if (got == want) return;
    fail(what);
    printf("got %d (%s), expected %d (%s)\n", got, trifuse_result_text(got), want, trifuse_result_text(want));
}

static inline void is_real(const char *what, double got, double want) {
    checks++;
    if (isnan(want) ? isnan(got) : (got >= want && got <= want)) return;
    fail(what);
    printf("got %.17g, expected %.17g\n", got, want);
}

static inline void is_real_between(const char *what, double got, double low, double high) {
    checks++;
    if (got >= low && got <= high) return;
    fail(what);
    printf("got %.17g, expected %.17g to %.17g\n", got, low, high);
}

static inline void is_text(const char *what, const char *got, const char *want) {
    checks++;
    if (strcmp(got, want) == 0) return;
    fail(what);
    printf("got \"%s\", expected \"%s\"\n", got, want);
}

static inline void contains(const char *what, const char *got, const char *part) {
    checks++;
    if (strstr(got, part) != NULL) return;
    fail(what);
    printf("got \"%s\", expected it to contain \"%s\"\n", got, part);
}

static inline void is_true(const char *what, int holds) {
    checks++;
    if (holds) return;
    fail(what);
    printf("does not hold\n");
}

static inline trifuse_breaker_event blank_event(void) {
    trifuse_breaker_event event;
    memset(&event, 0xA5, sizeof event);
    event.struct_size = sizeof event;
    return event;
}

static inline trifuse_config_error blank_error(void) {
    trifuse_config_error error;
    memset(&error, 0, sizeof error);
    error.struct_size = sizeof error;
    return error;
}

static inline void told(const trifuse_breaker_event *event) {
    is_u64("event.flags", event->flags, TRIFUSE_EVENT_TRANSITION);
}

static inline void told_nothing(const trifuse_breaker_event *event) {
    is_u64("event.flags", event->flags, 0);
}

static inline trifuse_breaker_config preset_config(uint32_t preset) {
    trifuse_breaker_config config;
    is_int("config_init", trifuse_breaker_config_init(&config, sizeof config, preset), TRIFUSE_OK);
    return config;
}

static inline trifuse_breaker_snapshot picture(trifuse_breaker *breaker, uint64_t now) {
    trifuse_breaker_snapshot snapshot;
    memset(&snapshot, 0, sizeof snapshot);
    snapshot.struct_size = sizeof snapshot;
    is_int("get_snapshot", trifuse_breaker_get_snapshot(breaker, now, &snapshot), TRIFUSE_OK);
    return snapshot;
}

/* A struct to be filled: nothing in it may be left as it is. */
static inline void make_blank(void *made, uint32_t size) {
    memset(made, 0xA5, size);
    memcpy(made, &size, sizeof size);
}

static inline int finish(int expected_histories) {
    printf("%d histories, %d checks, %d failures\n", histories, checks, failures);
    return failures != 0 || histories != expected_histories || checks == 0;
}

#endif
