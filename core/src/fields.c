/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reading configurations: sizes and tails, fields against their ranges, the words of a refusal. */
#include "fields.h"

static uint64_t to_nano(double rate) { return (uint64_t)(rate * 1e9 + 0.5); }

static int refuse_with(trifuse_config_error *error, trifuse_config_error reason, const char *allowed) {
    if (!error || error->struct_size < sizeof *error) return TRIFUSE_ERROR_CONFIG;
    reason.struct_size = error->struct_size;
    size_t length = strlen(allowed);
    memcpy(reason.allowed, allowed, length < sizeof reason.allowed ? length : sizeof reason.allowed - 1);
    memcpy(error, &reason, sizeof reason);
    return TRIFUSE_ERROR_CONFIG;
}

static int refuse_kind(trifuse_config_error *error, uint32_t field, uint32_t kind, const char *allowed,
                       uint64_t value) {
    trifuse_config_error reason = {.field = field, .value_kind = kind, .value_integer = value};
    return refuse_with(error, reason, allowed);
}

static int refuse(trifuse_config_error *error, uint32_t field, const char *allowed, uint64_t integer) {
    return refuse_kind(error, field, TRIFUSE_VALUE_INTEGER, allowed, integer);
}

static int refuse_duration(trifuse_config_error *error, uint32_t field, const char *allowed, uint64_t ns) {
    return refuse_kind(error, field, TRIFUSE_VALUE_DURATION, allowed, ns);
}

static int refuse_real(trifuse_config_error *error, uint32_t field, const char *allowed, double value) {
    trifuse_config_error reason = {.field = field, .value_kind = TRIFUSE_VALUE_REAL, .value_real = value};
    return refuse_with(error, reason, allowed);
}

static int refuse_most(trifuse_config_error *error, uint32_t field, uint64_t value, uint64_t most) {
    char allowed[64] = "1 to ", digits[20];
    size_t length = strlen(allowed), n = 0;
    do digits[n++] = (char)('0' + most % 10);
    while (most /= 10);
    while (n) allowed[length++] = digits[--n];
    static const char rest[] = ", all that fits the memory of creation";
    memcpy(allowed + length, rest, sizeof rest);
    return refuse(error, field, allowed, value);
}

static uint64_t field_integer(const unsigned char *at, uint32_t width) {
    uint64_t value;
    uint32_t narrow;
    if (width == sizeof value) {
        memcpy(&value, at, sizeof value);
        return value;
    }
    memcpy(&narrow, at, sizeof narrow);
    return narrow;
}

static int field_check(const void *config, const field_rule *rule, trifuse_config_error *error) {
    const unsigned char *at = (const unsigned char *)config + rule->offset;
    if (rule->kind == TRIFUSE_VALUE_REAL) {
        double value;
        memcpy(&value, at, sizeof value);
        bool legal = value >= rule->least && value <= rule->most; /* NaN is not */
        return legal ? TRIFUSE_OK : refuse_real(error, rule->field, rule->allowed, value);
    }
    uint64_t value = field_integer(at, rule->width);
    bool legal = value >= (uint64_t)rule->least && value <= (uint64_t)rule->most;
    return legal ? TRIFUSE_OK : refuse_kind(error, rule->field, rule->kind, rule->allowed, value);
}

static bool tail_is_zero(const void *given, size_t from, size_t to) {
    const unsigned char *bytes = given;
    for (size_t i = from; i < to; i++)
        if (bytes[i]) return false;
    return true;
}

static bool size_is_legal(size_t size) { return size >= 8 && size % 8 == 0 && size <= UINT32_MAX; }

static int fields_read(const void *given, void *known, const void *defaults, size_t size,
                       const field_rules *rules, trifuse_config_error *error) {
    if (!given) return TRIFUSE_ERROR_ARGUMENT;
    uint32_t full = (uint32_t)size, theirs;
    memcpy(&theirs, given, sizeof theirs);
    if (!size_is_legal(theirs) || !tail_is_zero(given, size, theirs)) return TRIFUSE_ERROR_STRUCT_SIZE;
    memcpy(known, defaults, size);
    memcpy(known, given, theirs < size ? theirs : size);
    memcpy(known, &full, sizeof full);
    for (size_t i = 0; i < rules->count; i++) {
        int result = field_check(known, &rules->rules[i], error);
        if (result != TRIFUSE_OK) return result;
    }
    return TRIFUSE_OK;
}

static int fields_init(void *config, size_t struct_size, const void *preset, size_t size) {
    if (!config) return TRIFUSE_ERROR_ARGUMENT;
    if (!size_is_legal(struct_size)) return TRIFUSE_ERROR_STRUCT_SIZE;
    uint32_t theirs = (uint32_t)struct_size;
    memset(config, 0, struct_size);
    memcpy(config, preset, struct_size < size ? struct_size : size);
    memcpy(config, &theirs, sizeof theirs);
    return TRIFUSE_OK;
}

static int struct_fill(void *out, const void *value, size_t size) {
    uint32_t theirs;
    memcpy(&theirs, out, sizeof theirs);
    return fields_init(out, theirs, value, size);
}
