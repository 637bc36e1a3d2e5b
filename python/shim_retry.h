/* SPDX-License-Identifier: MIT OR Apache-2.0
 * What a retry's wrapper calls on its hot path: functions of one pointer (see shim.h). An object of
 * the core stands at the beginning of the memory that it was made in, which Python owns; that is why
 * the objects are void pointers here.
 */
#ifndef TRIFUSE_PY_SHIM_RETRY_H
#define TRIFUSE_PY_SHIM_RETRY_H

#include "shim.h"

/* trifuse:begin */

/* A call that succeeded at its first attempt. */
static int trifuse_py_retry_succeeded(void *retry);
/* A first attempt pays into the budget. */
static int trifuse_py_retry_pay(void *budget);

/* trifuse:end */

#endif
