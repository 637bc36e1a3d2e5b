/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reading a fuzzer's bytes, and stopping it where a promise is broken. */
#ifndef TRIFUSE_TESTS_FUZZ_H
#define TRIFUSE_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trifuse/trifuse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct bytes { const uint8_t *at; size_t left; } bytes;

/* The next n bytes as a number; zeros where there are no more. */
static inline uint64_t take(bytes *b, size_t n) {
    uint64_t v = 0;
    size_t k = n < b->left ? n : b->left;
    memcpy(&v, b->at, k);
    b->at += k;
    b->left -= k;
    return v;
}

#define PROMISE(condition)                                                     \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                           \
        }                                                                      \
    } while (0)

#endif
