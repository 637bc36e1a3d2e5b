/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The harness of the C tests: no dependency, so it runs wherever a C compiler's programs run.
 *
 * A test is a function whose name is a sentence; RUN(it) counts it as passed or failed by whether a
 * CHECK in it failed. A failure prints place and values; the last line is "N passed, M failed". */
#ifndef TRIFUSE_TESTS_CHECK_H
#define TRIFUSE_TESTS_CHECK_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int tests_passed, tests_failed, checks_failed;

#define CHECK_MOST_PRINTED 20

static inline bool check_that(bool holds, const char *file, int line, const char *what) {
    if (holds) return true;
    if (checks_failed++ < CHECK_MOST_PRINTED) fprintf(stderr, "%s:%d: %s\n", file, line, what);
    return false;
}

static inline bool check_equal(uint64_t got, uint64_t want, const char *file, int line, const char *what) {
    if (got == want) return true;
    if (checks_failed++ < CHECK_MOST_PRINTED)
        fprintf(stderr, "%s:%d: %s is %" PRIu64 " (%" PRId64 "), not %" PRIu64 "\n", file, line, what, got,
                (int64_t)got, want);
    return false;
}

static inline bool check_text(const char *got, const char *want, const char *file, int line, const char *what) {
    if (strcmp(got, want) == 0) return true;
    if (checks_failed++ < CHECK_MOST_PRINTED)
        fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", file, line, what, got, want);
    return false;
}

#define CHECK(condition) check_that((condition), __FILE__, __LINE__, #condition)
#define CHECK_EQ(got, want) check_equal((uint64_t)(got), (uint64_t)(want), __FILE__, __LINE__, #got)
#define CHECK_TEXT(got, want) check_text((got), (want), __FILE__, __LINE__, #got)

#define RUN(test)                                                \
    do {                                                         \
        int failed_before = checks_failed;                              \
        test();                                                  \
        if (checks_failed == failed_before) tests_passed++;             \
        else {                                                   \
            tests_failed++;                                      \
            fprintf(stderr, "failed: %s\n", #test);              \
        }                                                        \
    } while (0)

/* xorshift64: the same numbers wherever it runs; *state is never 0. */
static inline uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static inline int check_summary(void) {
    printf("%d passed, %d failed\n", tests_passed, tests_failed);
    return tests_failed != 0 || tests_passed == 0;
}

#endif
