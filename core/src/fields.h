/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tables of what a field of a configuration may be, and reading a configuration by one. */
#ifndef TRIFUSE_FIELDS_H
#define TRIFUSE_FIELDS_H

#include "internal.h"

typedef struct field_rule {
    uint32_t field, kind, width, offset; /* kind: TRIFUSE_VALUE_*; width in bytes */
    double least, most;                  /* both allowed; below 2^53 */
    const char *allowed;
} field_rule;

typedef struct field_rules {
    const field_rule *rules;
    size_t count;
} field_rules;

#define FIELD_RULES(table) {table, sizeof(table) / sizeof((table)[0])}
#define FIELD_INTEGER(id, at, least, most, text) \
    {TRIFUSE_FIELD_##id, TRIFUSE_VALUE_INTEGER, 4, at, least, most, text}
#define FIELD_LONG(id, at, least, most, text) \
    {TRIFUSE_FIELD_##id, TRIFUSE_VALUE_INTEGER, 8, at, least, most, text}
#define FIELD_REAL(id, at, least, most, text) {TRIFUSE_FIELD_##id, TRIFUSE_VALUE_REAL, 8, at, least, most, text}
#define FIELD_DURATION(id, at, least, text) \
    {TRIFUSE_FIELD_##id, TRIFUSE_VALUE_DURATION, 8, at, least, 3.1536e16, text}

/* Fills *config of `struct_size` bytes with the first bytes of `preset`, a struct of `size` bytes. */
static int fields_init(void *config, size_t struct_size, const void *preset, size_t size);
/* The given struct in the library's own length `size` (missing fields from `defaults`), each field in
 * its range. Results as _config_check. Its first member is struct_size. */
static int fields_read(const void *given, void *known, const void *defaults, size_t size,
                       const field_rules *rules, trifuse_config_error *error);
/* The three ways to refuse: always TRIFUSE_ERROR_CONFIG. */
static int refuse(trifuse_config_error *error, uint32_t field, const char *allowed, uint64_t integer);
static int refuse_duration(trifuse_config_error *error, uint32_t field, const char *allowed, uint64_t ns);
static int refuse_real(trifuse_config_error *error, uint32_t field, const char *allowed, double value);
/* "1 to N, all that fits the memory of creation". */
static int refuse_most(trifuse_config_error *error, uint32_t field, uint64_t value, uint64_t most);
/* Nearest multiple of 1e-9, in units of 1e-9; for 0 <= rate <= 2^53 / 10^9. */
static uint64_t to_nano(double rate);
/* Fills what the caller has of a struct of `size` bytes, and zeroes beyond. `out` carries its struct_size. */
static int struct_fill(void *out, const void *value, size_t size);

#endif
