/* SPDX-License-Identifier: MIT OR Apache-2.0
 * The C side of trifuse._core. CFFI puts this after Python.h and its own macros and before the
 * functions it generates.
 */
#include <string.h>
#include "shim.h"

/* Every function here is lock-free, bounded and without I/O, and none uses errno: giving up the GIL
 * for some nanoseconds of work would cost up to 10 ms beside a busy thread. */
#undef Py_BEGIN_ALLOW_THREADS
#undef Py_END_ALLOW_THREADS
#define Py_BEGIN_ALLOW_THREADS {
#define Py_END_ALLOW_THREADS }
#undef _cffi_restore_errno
#undef _cffi_save_errno
#define _cffi_restore_errno() ((void)0)
#define _cffi_save_errno() ((void)0)

#include "shim.c"
#include "shim_limits.c"
#include "shim_retry.c"
