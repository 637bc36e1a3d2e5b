/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "internal.h"

#define TEXT_OF(x) #x
#define DOTTED(a, b, c) TEXT_OF(a) "." TEXT_OF(b) "." TEXT_OF(c)

uint32_t trifuse_version(void) {
    return TRIFUSE_VERSION_MAJOR * 1000000u + TRIFUSE_VERSION_MINOR * 1000u + TRIFUSE_VERSION_PATCH;
}

const char *trifuse_version_text(void) {
    return DOTTED(TRIFUSE_VERSION_MAJOR, TRIFUSE_VERSION_MINOR, TRIFUSE_VERSION_PATCH);
}
