/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Programs of older and newer headers: structs that are shorter or longer than the library's. */
#include "check.h"
#include <stddef.h>
#include <string.h>
#include <trifuse/trifuse.h>

#define NOW UINT64_C(1000000000)
#define LONGER 64

/* A struct of a newer header: ours and a tail. */
typedef struct longer_config {
    trifuse_breaker_config config;
    unsigned char tail[LONGER];
} longer_config;

static void init_fills_any_length(void) {
    trifuse_breaker_config whole;
    memset(&whole, 0xA5, sizeof whole);
    CHECK(trifuse_breaker_config_init(&whole, sizeof whole, TRIFUSE_PRESET_LLM) == TRIFUSE_OK, "whole");
    CHECK(whole.struct_size == sizeof whole, "struct_size %u", whole.struct_size);

    for (size_t size = 8; size < sizeof whole; size += 8) {
        trifuse_breaker_config part;
        memset(&part, 0xA5, sizeof part);
        CHECK(trifuse_breaker_config_init(&part, size, TRIFUSE_PRESET_LLM) == TRIFUSE_OK, "size %zu", size);
        CHECK(part.struct_size == size, "size %zu: struct_size %u", size, part.struct_size);
        CHECK(memcmp((char *)&part + 4, (char *)&whole + 4, size - 4) == 0, "size %zu: the fields", size);
        CHECK(((unsigned char *)&part)[size] == 0xA5, "size %zu: written beyond", size);
    }
}

static void init_fills_a_longer_struct_with_zeros(void) {
    longer_config longer;
    memset(&longer, 0xA5, sizeof longer);
    CHECK(trifuse_breaker_config_init(&longer.config, sizeof longer, TRIFUSE_PRESET_DEFAULT) == TRIFUSE_OK, "init");
    for (size_t i = 0; i < LONGER; i++)
        CHECK(longer.tail[i] == 0, "tail byte %zu is %u", i, longer.tail[i]);
    CHECK(trifuse_breaker_config_check(&longer.config, NULL) == TRIFUSE_OK, "a zero tail is taken");
    longer.tail[LONGER - 1] = 1;
    CHECK(trifuse_breaker_config_check(&longer.config, NULL) == TRIFUSE_ERROR_STRUCT_SIZE, "a tail that says something");
}

static void a_shorter_config_takes_the_defaults(void) {
    trifuse_breaker_config shorter;
    trifuse_breaker_config_init(&shorter, sizeof shorter, TRIFUSE_PRESET_DEFAULT);
    shorter.minimum_calls = 3;
    shorter.open_duration_ns = 1;
    shorter.struct_size = offsetof(trifuse_breaker_config, open_duration_ns);
    memset(&shorter.open_duration_ns, 0xFF, sizeof shorter - shorter.struct_size);

    trifuse_breaker *breaker = NULL;
    int result = trifuse_breaker_new(&shorter, NOW, NULL, &breaker);
    CHECK(result == TRIFUSE_OK, "result %d", result);
    if (result != TRIFUSE_OK)
        return;
    trifuse_breaker_config force = {.struct_size = sizeof force};
    CHECK(trifuse_breaker_get_config(breaker, &force) == TRIFUSE_OK, "get_config");
    CHECK(force.minimum_calls == 3, "minimum_calls %u", force.minimum_calls);
    CHECK(force.open_duration_ns == 30 * NOW, "open_duration %llu", (unsigned long long)force.open_duration_ns);
    trifuse_breaker_free(breaker);
}

static void sizes_that_are_none_are_refused(void) {
    static const uint32_t wrong[] = {0, 1, 4, 7};
    trifuse_breaker_config config;
    trifuse_breaker_config_init(&config, sizeof config, TRIFUSE_PRESET_DEFAULT);
    trifuse_breaker *breaker = NULL;
    trifuse_breaker_new(&config, NOW, NULL, &breaker);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint64_t permit;
        trifuse_breaker_event event = {.struct_size = wrong[i]};
        trifuse_breaker_snapshot snapshot = {.struct_size = wrong[i]};
        config.struct_size = wrong[i];
        CHECK(trifuse_breaker_config_init(&config, wrong[i], 0) == TRIFUSE_ERROR_STRUCT_SIZE, "init %u", wrong[i]);
        CHECK(trifuse_breaker_config_check(&config, NULL) == TRIFUSE_ERROR_STRUCT_SIZE, "check %u", wrong[i]);
        CHECK(trifuse_breaker_try_acquire(breaker, NOW, &permit, &event) == TRIFUSE_ERROR_STRUCT_SIZE, "acquire %u", wrong[i]);
        CHECK(trifuse_breaker_trip(breaker, NOW, 0, &event) == TRIFUSE_ERROR_STRUCT_SIZE, "trip %u", wrong[i]);
        CHECK(trifuse_breaker_get_snapshot(breaker, NOW, &snapshot) == TRIFUSE_ERROR_STRUCT_SIZE, "snapshot %u", wrong[i]);
    }
    CHECK(trifuse_breaker_state(breaker) == TRIFUSE_STATE_CLOSED, "a refused call changed the state");
    trifuse_breaker_free(breaker);
}

static void snapshots_are_filled_as_far_as_they_reach(void) {
    trifuse_breaker *breaker = NULL;
    trifuse_breaker_config config;
    trifuse_breaker_config_init(&config, sizeof config, TRIFUSE_PRESET_DEFAULT);
    trifuse_breaker_new(&config, NOW, NULL, &breaker);
    trifuse_breaker_trip(breaker, NOW, 0, NULL);

    trifuse_breaker_snapshot part;
    memset(&part, 0xA5, sizeof part);
    part.struct_size = offsetof(trifuse_breaker_snapshot, since_ns);
    CHECK(trifuse_breaker_get_snapshot(breaker, NOW, &part) == TRIFUSE_OK, "a short snapshot");
    CHECK(part.state == TRIFUSE_STATE_OPEN, "state %u", part.state);
    CHECK(*(unsigned char *)&part.since_ns == 0xA5, "written beyond");

    struct {
        trifuse_breaker_snapshot snapshot;
        unsigned char tail[LONGER];
    } longer;
    memset(&longer, 0xA5, sizeof longer);
    longer.snapshot.struct_size = sizeof longer;
    CHECK(trifuse_breaker_get_snapshot(breaker, NOW, &longer.snapshot) == TRIFUSE_OK, "a long snapshot");
    CHECK(longer.snapshot.struct_size == sizeof longer, "struct_size %u", longer.snapshot.struct_size);
    CHECK(longer.tail[0] == 0 && longer.tail[LONGER - 1] == 0, "the tail is not zero");
    trifuse_breaker_free(breaker);
}

int main(void) {
    init_fills_any_length();
    init_fills_a_longer_struct_with_zeros();
    a_shorter_config_takes_the_defaults();
    sizes_that_are_none_are_refused();
    snapshots_are_filled_as_far_as_they_reach();
    return check_summary();
}
