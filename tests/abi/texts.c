/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every constant that names a choice has a pinned text, and the text leads back to it. */
#include "check.h"
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <trifuse/trifuse.h>

#define UNTOUCHED 12345

/* For one kind: the row checks, then what the conversions do with anything else. */
#define KIND(kind, type)                                                                            \
    static void row_##kind(type value, const char *name, const char *text) {                        \
        CHECK(strcmp(trifuse_##kind##_text(value), text) == 0, "%s is \"%s\", pinned \"%s\"", name,  \
              trifuse_##kind##_text(value), text);                                                  \
        type back = UNTOUCHED;                                                                      \
        int result = trifuse_##kind##_from_text(text, &back);                                       \
        CHECK(result == TRIFUSE_OK && back == value, "\"%s\" gives %d, not %s", text, result, name); \
        refuses_##kind(other_case(text));                                                           \
        refuses_##kind(with_tail(text));                                                            \
        refuses_##kind(with_another_end(text));                                                         \
    }                                                                                               \
    static void others_##kind(type unknown) {                                                       \
        CHECK(strcmp(trifuse_##kind##_text(unknown), "unknown") == 0, "got \"%s\"",                  \
              trifuse_##kind##_text(unknown));                                                      \
        refuses_##kind("unknown");                                                                  \
        refuses_##kind("");                                                                         \
        type back = UNTOUCHED;                                                                      \
        CHECK(trifuse_##kind##_from_text(NULL, &back) == TRIFUSE_ERROR_ARGUMENT, "a NULL text");     \
        CHECK(back == UNTOUCHED, "the value was touched");                                          \
        CHECK(trifuse_##kind##_from_text("x", NULL) == TRIFUSE_ERROR_ARGUMENT, "a NULL value");      \
    }

#define REFUSES(kind, type)                                                                         \
    static void refuses_##kind(const char *text) {                                                  \
        type back = UNTOUCHED;                                                                      \
        int result = trifuse_##kind##_from_text(text, &back);                                       \
        CHECK(result == TRIFUSE_ERROR_TEXT, "\"%s\" gives %d", text, result);                        \
        CHECK(back == UNTOUCHED, "\"%s\" touched the value", text);                                  \
    }

static char scratch[128];

static const char *other_case(const char *text) {
    snprintf(scratch, sizeof scratch, "%s", text);
    scratch[0] = (char)toupper((unsigned char)scratch[0]);
    return scratch;
}

static const char *with_tail(const char *text) {
    snprintf(scratch, sizeof scratch, "%s ", text);
    return scratch;
}

static const char *with_another_end(const char *text) {
    snprintf(scratch, sizeof scratch, "%.*s?", (int)strlen(text) - 1, text);
    return scratch;
}

#define BOTH(kind, type) REFUSES(kind, type) KIND(kind, type)
BOTH(result, int)
BOTH(state, uint32_t)
BOTH(outcome, uint32_t)
BOTH(cause, uint32_t)
BOTH(preset, uint32_t)
BOTH(window, uint32_t)
BOTH(detector, uint32_t)
BOTH(jitter, uint32_t)
BOTH(limiter_kind, uint32_t)
BOTH(algorithm, uint32_t)
BOTH(strategy, uint32_t)
BOTH(field, uint32_t)
BOTH(advice, uint32_t)

static void reasons(void) {
    for (uint32_t bit = 1; bit != 0; bit <<= 1) {
        int known = strcmp(trifuse_advice_text(bit), "unknown") != 0;
        size_t length = strlen(trifuse_advice_reason(bit));
        CHECK(known ? length >= 20 : length == 0, "advice 0x%" PRIx32 ": \"%s\"", bit,
              trifuse_advice_reason(bit));
    }
    CHECK(strcmp(trifuse_advice_reason(0), "") == 0, "no bit");
    CHECK(strcmp(trifuse_advice_reason(3), "") == 0, "two bits");
}

int main(void) {
#define ROW(kind, constant, text) row_##kind(constant, #constant, text);
#include "pinned_texts.inc"
#define OTHERS(kind) others_##kind(99999);
    OTHERS(result) OTHERS(state) OTHERS(outcome) OTHERS(cause) OTHERS(preset)
    OTHERS(window) OTHERS(detector) OTHERS(jitter) OTHERS(field) OTHERS(advice)
    OTHERS(limiter_kind) OTHERS(algorithm) OTHERS(strategy)
    others_result(-99999);
    reasons();
    uint32_t expected = TRIFUSE_VERSION_MAJOR * 1000000U + TRIFUSE_VERSION_MINOR * 1000U + TRIFUSE_VERSION_PATCH;
    CHECK(trifuse_version() == expected, "version %" PRIu32, trifuse_version());
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", TRIFUSE_VERSION_MAJOR, TRIFUSE_VERSION_MINOR, TRIFUSE_VERSION_PATCH);
    CHECK(strcmp(trifuse_version_text(), text) == 0, "version \"%s\"", trifuse_version_text());
    return check_summary();
}
