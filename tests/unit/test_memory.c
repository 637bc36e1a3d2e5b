/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Making, attaching and freeing. */
#include "support.h"

static void memory_that_is_absent_short_or_unaligned_is_refused(void) {
    trifuse_breaker_config c = preset_config(0);
    size_t size = trifuse_breaker_size(&c);
    trifuse_breaker *b = NULL;
    unsigned char *bytes = (unsigned char *)breaker_memory;
    memset(breaker_memory, 0xEE, sizeof breaker_memory);
    CHECK_EQ(trifuse_breaker_init(NULL, size, &c, 1, NULL, &b), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_breaker_init(bytes, size, &c, 1, NULL, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_breaker_init(bytes, size, NULL, 1, NULL, &b), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_breaker_init(bytes, size - 1, &c, 1, NULL, &b), TRIFUSE_ERROR_MEMORY_SIZE);
    CHECK_EQ(trifuse_breaker_init(bytes + 4, size, &c, 1, NULL, &b), TRIFUSE_ERROR_ALIGNMENT);
    c.struct_size = 4;
    CHECK_EQ(trifuse_breaker_init(bytes, size, &c, 1, NULL, &b), TRIFUSE_ERROR_STRUCT_SIZE);
    CHECK(b == NULL && breaker_memory[0] == 0xEEEEEEEEEEEEEEEEULL);
}

static void a_breaker_of_one_mapping_is_found_in_another(void) {
    trifuse_breaker_config c = small_config();
    trifuse_breaker *b = breaker_of(&c), *found = NULL;
    static uint64_t copy[2048];
    memcpy(copy, breaker_memory, sizeof copy);
    CHECK_EQ(trifuse_breaker_attach(copy, sizeof copy, &found), TRIFUSE_OK);
    CHECK((void *)found == (void *)copy);
    CHECK_EQ(trifuse_breaker_generation(found), trifuse_breaker_generation(b));
}

static void what_is_no_breaker_is_not_attached(void) {
    static uint64_t words[2048];
    trifuse_breaker *b = NULL;
    CHECK_EQ(trifuse_breaker_attach(NULL, 8, &b), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_breaker_attach(words, sizeof words, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_breaker_attach((unsigned char *)words + 1, 1024, &b), TRIFUSE_ERROR_ALIGNMENT);
    CHECK_EQ(trifuse_breaker_attach(words, 64, &b), TRIFUSE_ERROR_MEMORY_SIZE);
    CHECK_EQ(trifuse_breaker_attach(words, sizeof words, &b), TRIFUSE_ERROR_NOT_AN_OBJECT);
    trifuse_breaker_config c = small_config();
    (void)breaker_of(&c);
    CHECK_EQ(trifuse_breaker_attach(breaker_memory, 64 * 8, &b), TRIFUSE_ERROR_MEMORY_SIZE);
    CHECK(b == NULL);
}

static void a_breaker_of_the_heap_lives_until_it_is_freed(void) {
    trifuse_breaker_config c = small_config();
    for (unsigned i = 0; i < 20; i++) {
        trifuse_breaker *b = NULL;
        CHECK_EQ(trifuse_breaker_new(&c, 0, NULL, &b), TRIFUSE_OK);
        CHECK((uintptr_t)b % 64 == 0);
        CHECK_EQ(trifuse_breaker_state(b), TRIFUSE_STATE_CLOSED);
        trifuse_breaker_free(b);
    }
    trifuse_breaker_free(NULL);
}

static void nothing_is_made_of_a_bad_configuration(void) {
    trifuse_breaker_config c = small_config();
    trifuse_breaker *b = NULL;
    CHECK_EQ(trifuse_breaker_new(NULL, 0, NULL, &b), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_breaker_new(&c, 0, NULL, NULL), TRIFUSE_ERROR_ARGUMENT);
    c.half_open_max_calls = 0;
    trifuse_config_error error = blank_error();
    CHECK_EQ(trifuse_breaker_new(&c, 0, &error, &b), TRIFUSE_ERROR_CONFIG);
    CHECK(b == NULL && error.field == TRIFUSE_FIELD_HALF_OPEN_MAX_CALLS);
    CHECK_EQ(trifuse_breaker_init(breaker_memory, sizeof breaker_memory, &c, 1, &error, &b), TRIFUSE_ERROR_CONFIG);
}

static void size_follows_the_reserves(void) {
    trifuse_breaker_config c = preset_config(0);
    size_t plain = trifuse_breaker_size(&c);
    c.reserve_window_buckets = 64;
    size_t buckets = trifuse_breaker_size(&c);
    c.reserve_window_count = 4096;
    size_t count = trifuse_breaker_size(&c);
    c.reserve_half_open_calls = 64;
    CHECK(plain < buckets && buckets <= count && count < trifuse_breaker_size(&c));
}

int main(void) {
    RUN(memory_that_is_absent_short_or_unaligned_is_refused);
    RUN(a_breaker_of_one_mapping_is_found_in_another);
    RUN(what_is_no_breaker_is_not_attached);
    RUN(a_breaker_of_the_heap_lives_until_it_is_freed);
    RUN(nothing_is_made_of_a_bad_configuration);
    RUN(size_follows_the_reserves);
    return check_summary();
}
