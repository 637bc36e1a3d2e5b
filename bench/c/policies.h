/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The operations of the other policies that are measured. `argument` is an object of make_...; those `_now`
 * are given the time, read once for 64 calls, the others have the clock read inside where they need it. */
#ifndef TRIFUSE_BENCH_POLICIES_H
#define TRIFUSE_BENCH_POLICIES_H

#include "subjects.h"

trifuse_limiter *make_limiter(uint32_t kind);         /* grants all that is asked here */
trifuse_limiter *make_spent_limiter(uint32_t kind);   /* refuses all that is asked here */
void run_limiter(uint64_t n, void *argument);
void run_limiter_now(uint64_t n, void *argument);

trifuse_concurrency *make_concurrency(uint32_t algorithm);
void run_places(uint64_t n, void *argument);          /* acquire and release */

trifuse_histogram *make_histogram(uint64_t sliding_ns);
void run_record(uint64_t n, void *argument);
void run_record_now(uint64_t n, void *argument);
void run_quantile(uint64_t n, void *argument);

trifuse_retry *make_retry(void);
void run_at_once(uint64_t n, void *argument);         /* begin and settle: a call that succeeds at once */
void run_back_off_now(uint64_t n, void *argument);    /* one retry of a call that goes on for ever */

trifuse_retry_budget *make_budget(void);
void run_deposit(uint64_t n, void *argument);
void run_deposit_now(uint64_t n, void *argument);
void run_withdraw_now(uint64_t n, void *argument);    /* a deposit that pays a retry, and the retry */

trifuse_throttle *make_throttle(void);
void run_throttle(uint64_t n, void *argument);        /* a request and its accept */
void run_throttle_now(uint64_t n, void *argument);

trifuse_hedge *make_hedge(void);
void run_hedge(uint64_t n, void *argument);

#endif
