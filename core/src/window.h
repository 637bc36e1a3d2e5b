/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What window.c asks of the two kinds of window. */
#ifndef TRIFUSE_WINDOW_H
#define TRIFUSE_WINDOW_H

#include "internal.h"

/* A word of the time window: 0 | tag 9 | lap 8 | count 46. */
#define TIME_COUNT ((1ULL << 46) - 1)
static inline uint64_t time_word(uint32_t tag, uint64_t lap, uint64_t count) {
    return ((uint64_t)tag << 54) | ((lap & 255) << 46) | count;
}

/* Its HEAD: newest epoch 55 | tag 7 | to be swept 2. */
enum { CLEAN, SWEEP_ONE, SWEEP_ALL };
static inline uint64_t time_head(uint64_t epoch, uint32_t tag, uint64_t sweep) {
    return (epoch << 9) | ((uint64_t)(tag & 127) << 2) | sweep;
}

/* HEAD of the count window: tag 14 | sequence 32 | index of the word 9 | full words behind 9. */
static inline uint64_t count_head(uint32_t tag, uint32_t sequence, uint32_t index, uint32_t behind) {
    return ((uint64_t)tag << 50) | ((uint64_t)sequence << 18) | ((uint64_t)index << 9) | behind;
}

static bool time_record(call *c, uint64_t g, shape s, unsigned class, enum recorded *result);
static counts time_sum(trifuse_breaker *b, uint64_t g, uint64_t head, shape s, uint64_t aged_to,
                       const unsigned char order[CLASSES]);
static bool count_failed_none(trifuse_breaker *b, shape s);
static bool count_record(call *c, uint64_t g, shape s, unsigned class, enum recorded *result);
static counts count_sum(trifuse_breaker *b, uint64_t g, uint64_t head, shape s);
static void count_word_counts(uint64_t v, uint64_t n[CLASSES]);
static void flush(trifuse_breaker *b, uint64_t v, shape s, uint32_t index);
static inline uint32_t window_tag(uint64_t g);

#endif
