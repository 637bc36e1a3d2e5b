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

/* `fill` fills the configuration `c`. */
#define WITHOUT_MEMORY(name, fill)                                               \
    do {                                                                         \
        trifuse_##name##_config c;                                               \
        trifuse_##name *made = NULL;                                             \
        CHECK_EQ(fill, TRIFUSE_OK);                                              \
        none_left = true;                                                        \
        int result = trifuse_##name##_new(&c, START, NULL, &made);               \
        none_left = false;                                                       \
        CHECK_EQ(result, TRIFUSE_ERROR_NO_MEMORY);                               \
        CHECK(made == NULL);                                                     \
        CHECK_EQ(trifuse_##name##_new(&c, START, NULL, &made), TRIFUSE_OK);      \
        trifuse_##name##_free(made);                                             \
    } while (0)

static void nor_is_any_other_object_made(void) {
    WITHOUT_MEMORY(limiter, trifuse_limiter_config_init(&c, sizeof c, TRIFUSE_PRESET_DEFAULT));
    WITHOUT_MEMORY(concurrency, trifuse_concurrency_config_init(&c, sizeof c, TRIFUSE_ALGORITHM_VEGAS));
    WITHOUT_MEMORY(retry, trifuse_retry_config_init(&c, sizeof c, TRIFUSE_PRESET_DEFAULT));
    WITHOUT_MEMORY(retry_budget, trifuse_retry_budget_config_init(&c, sizeof c));
    WITHOUT_MEMORY(throttle, trifuse_throttle_config_init(&c, sizeof c));
    WITHOUT_MEMORY(histogram, trifuse_histogram_config_init(&c, sizeof c));
    WITHOUT_MEMORY(hedge, trifuse_hedge_config_init(&c, sizeof c));
}

int main(void) {
    RUN(without_memory_new_says_so_and_makes_nothing);
    RUN(nor_is_any_other_object_made);
    return check_summary();
}
