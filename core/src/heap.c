/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The only allocation of the library: a convenience over _init on the caller's memory.
 * The block is over-allocated to align the object to a cache line; the word before the object holds
 * the distance back to the block. */
#include "internal.h"
#include <stdlib.h>

#define LINE 64u

static void *allocate(size_t size) {
    unsigned char *block = malloc(size + LINE);
    if (!block) return NULL;
    size_t shift = LINE - (size_t)((uintptr_t)block % LINE);
    unsigned char *memory = block + shift;
    memory[-1] = (unsigned char)shift;
    return memory;
}

static void release(void *memory) {
    unsigned char *bytes = memory;
    if (bytes) free(bytes - bytes[-1]);
}

int trifuse_breaker_new(const trifuse_breaker_config *config, uint64_t now_ns,
                        trifuse_config_error *error, trifuse_breaker **breaker) {
    if (!config || !breaker) return TRIFUSE_ERROR_ARGUMENT;
    trifuse_breaker_config known;
    int result = config_take(config, &known, error);
    if (result != TRIFUSE_OK) return result;
    size_t size = breaker_bytes(&known);
    void *memory = allocate(size);
    if (!memory) return TRIFUSE_ERROR_NO_MEMORY;
    breaker_write(memory, size, &known, now_ns);
    *breaker = memory;
    return TRIFUSE_OK;
}

void trifuse_breaker_free(trifuse_breaker *breaker) { release(breaker); }
