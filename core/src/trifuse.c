/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The library, as one translation unit: `cc -c -I core/include core/src/trifuse.c` builds it. */
#define _POSIX_C_SOURCE 200809L

#include "atomic.h"
#include "clock.c"
#include "version.c"
#include "text.c"
#include "detector.c"
#include "preset.c"
#include "config.c"
#include "advice.c"
#include "layout.c"
#include "window.c"
#include "window_time.c"
#include "window_count.c"
#include "run.c"
#include "state.c"
#include "probe.c"
#include "breaker.c"
#include "control.c"
#include "snapshot.c"
#include "heap.c"
