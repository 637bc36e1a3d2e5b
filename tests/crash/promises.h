/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What callers may expect of a breaker in any state, whoever died in it before. */
#ifndef TRIFUSE_TESTS_PROMISES_H
#define TRIFUSE_TESTS_PROMISES_H

#include "scenes.h"

/* Leads the breaker through its states, checking that waits are exact, probes are as many as allowed,
 * outcomes are counted and failures open it. */
bool others_go_on(world *w, uint64_t now);

#endif
