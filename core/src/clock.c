/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The one operating-system call of the core. */
#include "internal.h"

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

uint64_t trifuse_now_ns(void) {
    LARGE_INTEGER count, frequency;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&count);
    uint64_t c = (uint64_t)count.QuadPart, f = (uint64_t)frequency.QuadPart;
    return (c / f) * NANO + (c % f) * NANO / f + 1;
}
#else
#include <time.h>

/* CLOCK_MONOTONIC on macOS steps with slew only and, as on Linux, never back. */
uint64_t trifuse_now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NANO + (uint64_t)t.tv_nsec + 1;
}
#endif
