/* SPDX-License-Identifier: MIT OR Apache-2.0
 * Included by _core.csrc.c: the functions of shim_retry.h.
 */
#include "shim_retry.h"

static int trifuse_py_retry_succeeded(void *retry)
{
    return py_bypass_on ? TRIFUSE_OK : trifuse_retry_settle(retry, 0, 1);
}

static int trifuse_py_retry_pay(void *budget)
{
    return py_bypass_on ? TRIFUSE_OK : trifuse_retry_budget_deposit(budget, py_clock());
}
