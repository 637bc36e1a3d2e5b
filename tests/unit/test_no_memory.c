/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* malloc that has none (linked with --wrap=malloc). */
#include "support.h"

#include <stdlib.h>

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
static bool none_left;

void *__wrap_malloc(size_t size) { return none_left ? NULL : __real_malloc(size); }

static void without_memory_new_says_so_and_makes_nothing(void) {
    trifuse_breaker_config c = small_config();
    trifuse_breaker *b = NULL;
    none_left = true;
    int result = trifuse_breaker_new(&c, START, NULL, &b);
    none_left = false;
    CHECK_EQ(result, TRIFUSE_ERROR_NO_MEMORY);
    CHECK(b == NULL);
    CHECK_EQ(trifuse_breaker_new(&c, START, NULL, &b), TRIFUSE_OK);
    trifuse_breaker_free(b);
}

int main(void) {
    RUN(without_memory_new_says_so_and_makes_nothing);
    return check_summary();
}
