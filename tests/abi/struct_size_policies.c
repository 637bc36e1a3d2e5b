/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* As struct_size.c, of all other objects: configurations and snapshots of older and newer headers. */
#include "check.h"
#include <string.h>
#include <trifuse/trifuse.h>

#define NOW UINT64_C(1000000000)
#define LONGER 64

/* INIT(name, config, size): _config_init of each kind with its first choice. */
#define PLAIN(name, config, size) trifuse_##name##_config_init(config, size)
#define CHOICE(name, config, size) trifuse_##name##_config_init(config, size, 0)

#define CONFIG(name, init)                                                                                    \
    static void config_##name(void) {                                                                         \
        struct { trifuse_##name##_config config; unsigned char tail[LONGER]; } whole, part;                   \
        memset(&whole, 0xA5, sizeof whole);                                                                   \
        CHECK(init(name, &whole.config, sizeof whole) == TRIFUSE_OK, #name ": longer");                       \
        for (size_t i = 0; i < LONGER; i++) CHECK(whole.tail[i] == 0, #name ": tail byte %zu", i);            \
        CHECK(trifuse_##name##_config_check(&whole.config, NULL) == TRIFUSE_OK, #name ": a zero tail");       \
        whole.tail[LONGER - 1] = 1;                                                                           \
        CHECK(trifuse_##name##_config_check(&whole.config, NULL) == TRIFUSE_ERROR_STRUCT_SIZE, #name ": tail"); \
        CHECK(trifuse_##name##_size(&whole.config) == 0, #name ": size of a refused one");                    \
        for (size_t size = 8; size <= sizeof whole.config; size += 8) {                                       \
            memset(&part, 0xA5, sizeof part);                                                                 \
            CHECK(init(name, &part.config, size) == TRIFUSE_OK, #name ": size %zu", size);                    \
            CHECK(part.config.struct_size == size, #name ": struct_size of %zu", size);                       \
            CHECK(memcmp((char *)&part + 4, (char *)&whole + 4, size - 4) == 0, #name ": fields of %zu", size); \
            CHECK(((unsigned char *)&part)[size] == 0xA5, #name ": written beyond %zu", size);                \
            CHECK(trifuse_##name##_config_check(&part.config, NULL) == TRIFUSE_OK, #name ": check %zu", size); \
            CHECK(trifuse_##name##_size(&part.config) > 0, #name ": size of %zu", size);                      \
        }                                                                                                     \
        static const uint32_t wrong[] = {0, 1, 4, 7, 12};                                                     \
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {                                           \
            CHECK(init(name, &part.config, wrong[i]) == TRIFUSE_ERROR_STRUCT_SIZE, #name ": init %u", wrong[i]); \
            part.config.struct_size = wrong[i];                                                               \
            int result = trifuse_##name##_config_check(&part.config, NULL);                                   \
            CHECK(result == TRIFUSE_ERROR_STRUCT_SIZE, #name ": check %u is %d", wrong[i], result);           \
        }                                                                                                     \
    }

/* `read` fills the snapshot `s` of the object `made`. */
#define SNAPSHOT(name, init, read)                                                                            \
    static void snapshot_##name(void) {                                                                       \
        trifuse_##name##_config config;                                                                       \
        trifuse_##name *made = NULL;                                                                          \
        struct { trifuse_##name##_snapshot s; unsigned char tail[LONGER]; } whole, part;                      \
        CHECK(init(name, &config, sizeof config) == TRIFUSE_OK, #name);                                       \
        CHECK(trifuse_##name##_new(&config, NOW, NULL, &made) == TRIFUSE_OK, #name ": new");                  \
        memset(&whole, 0xA5, sizeof whole);                                                                   \
        trifuse_##name##_snapshot *s = &whole.s;                                                              \
        s->struct_size = sizeof whole;                                                                        \
        CHECK((read) == TRIFUSE_OK && s->struct_size == sizeof whole, #name ": a long snapshot");             \
        CHECK(whole.tail[0] == 0 && whole.tail[LONGER - 1] == 0, #name ": the tail is not zero");             \
        for (uint32_t size = 8; size <= sizeof *s; size += 8) {                                               \
            memset(&part, 0xA5, sizeof part);                                                                 \
            s = &part.s;                                                                                      \
            s->struct_size = size;                                                                            \
            CHECK((read) == TRIFUSE_OK, #name ": a snapshot of %u", size);                                    \
            CHECK(memcmp((char *)&part + 4, (char *)&whole + 4, size - 4) == 0, #name ": fields of %u", size); \
            CHECK(((unsigned char *)&part)[size] == 0xA5, #name ": written beyond %u", size);                 \
        }                                                                                                     \
        s->struct_size = 7;                                                                                   \
        CHECK((read) == TRIFUSE_ERROR_STRUCT_SIZE, #name ": a snapshot of 7");                                \
        trifuse_##name##_free(made);                                                                          \
    }

#define BOTH(name, init, read) CONFIG(name, init) SNAPSHOT(name, init, read)
BOTH(limiter, CHOICE, trifuse_limiter_get_snapshot(made, NOW, s))
BOTH(concurrency, CHOICE, trifuse_concurrency_get_snapshot(made, s))
BOTH(retry, CHOICE, trifuse_retry_get_snapshot(made, s))
BOTH(retry_budget, PLAIN, trifuse_retry_budget_get_snapshot(made, NOW, s))
BOTH(throttle, PLAIN, trifuse_throttle_get_snapshot(made, NOW, s))
BOTH(histogram, PLAIN, trifuse_histogram_get_snapshot(made, NOW, s))
BOTH(hedge, PLAIN, trifuse_hedge_get_snapshot(made, s))

static void a_call_needs_its_whole_struct(void) {
    trifuse_retry_config config;
    trifuse_retry *retry = NULL;
    CHECK(trifuse_retry_config_init(&config, sizeof config, 0) == TRIFUSE_OK, "config");
    CHECK(trifuse_retry_new(&config, NOW, NULL, &retry) == TRIFUSE_OK, "new");
    struct { trifuse_retry_call call; unsigned char tail[LONGER]; } longer;
    memset(&longer, 0xA5, sizeof longer);
    longer.call.struct_size = sizeof longer;
    CHECK(trifuse_retry_begin(retry, NOW, &longer.call) == TRIFUSE_OK, "a longer call");
    CHECK(longer.tail[LONGER - 1] == 0 && longer.call.struct_size == sizeof longer, "its tail");
    longer.call.struct_size = sizeof longer.call - 8;
    CHECK(trifuse_retry_begin(retry, NOW, &longer.call) == TRIFUSE_ERROR_STRUCT_SIZE, "a shorter call");
    trifuse_retry_free(retry);
}

#define RUN_BOTH(name) (config_##name(), snapshot_##name())
int main(void) {
    RUN_BOTH(limiter);
    RUN_BOTH(concurrency);
    RUN_BOTH(retry);
    RUN_BOTH(retry_budget);
    RUN_BOTH(throttle);
    RUN_BOTH(histogram);
    RUN_BOTH(hedge);
    a_call_needs_its_whole_struct();
    return check_summary();
}
