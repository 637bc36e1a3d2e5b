/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A harness without a fuzzer: some seconds of random inputs (TRIFUSE_FUZZ_SECONDS, 3), a seed each. */
#include "fuzz.h"

#include <time.h>

static uint64_t state;

static uint64_t draw(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state >> 11;
}

int main(void) {
    static uint8_t input[1024];
    const char *wish = getenv("TRIFUSE_FUZZ_SECONDS");
    time_t end = time(NULL) + (wish ? atoi(wish) : 3);
    uint64_t seed = 0;
    do {
        state = 88172645463325252ULL + ++seed;
        size_t size = (size_t)(draw() % sizeof input);
        for (size_t i = 0; i < size; i++) input[i] = (uint8_t)draw();
        (void)LLVMFuzzerTestOneInput(input, size);
    } while (seed % 64 != 0 || time(NULL) < end);
    printf("%llu inputs\n1 passed, 0 failed\n", (unsigned long long)seed);
    return 0;
}
