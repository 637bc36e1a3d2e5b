/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CHECK counts what fails and prints it with its values, so that one run shows all. */
#ifndef TRIFUSE_TESTS_ABI_CHECK_H
#define TRIFUSE_TESTS_ABI_CHECK_H

#include <stdio.h>

static int failures;
static int checks;

#define CHECK(condition, ...)                                        \
    do {                                                             \
        checks++;                                                    \
        if (!(condition)) {                                          \
            failures++;                                              \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition); \
            fprintf(stderr, __VA_ARGS__);                            \
            fputc('\n', stderr);                                     \
        }                                                            \
    } while (0)

static int check_summary(void) {
    printf("%d checks, %d failed\n", checks, failures);
    return failures != 0 || checks == 0;
}

#endif
