/* SPDX-License-Identifier: MIT OR Apache-2.0
 * Copyright (c) The trifuse authors
 *
 * trifuse.h: the whole C interface of trifuse, a resilience library.
 *
 * Start here
 * ----------
 *     trifuse_breaker_config config;
 *     trifuse_breaker_config_init(&config, sizeof config, TRIFUSE_PRESET_DEFAULT);
 *     trifuse_breaker *breaker = NULL;
 *     if (trifuse_breaker_new(&config, 0, NULL, &breaker) != TRIFUSE_OK) ...
 *
 *     uint64_t permit;
 *     if (trifuse_breaker_try_acquire(breaker, 0, &permit, NULL) == TRIFUSE_OK) {
 *         int failed = call_the_service();
 *         trifuse_breaker_report(breaker, permit,
 *             failed ? TRIFUSE_OUTCOME_FAILURE : TRIFUSE_OUTCOME_SUCCESS, 0, 0, NULL);
 *     } else { ... answer without the service ... }
 *
 * Time
 * ----
 * All times and durations are nanoseconds in a uint64_t. Every `now_ns` is monotonic time with any
 * origin. **`now_ns == 0` means "read the monotonic clock yourself"**; a caller with a clock of its
 * own never passes a computed 0. A `now_ns` that is a little older than one seen before is harmless:
 * no window moves back, nothing opens or closes that the newer time would not.
 * TRIFUSE_NEVER (UINT64_MAX) as a wait means "not known"; as a deadline "not known or never".
 *
 * Threads, processes, signals
 * ---------------------------
 * Every call on an object may be made from any number of threads, from any process that maps the
 * object's memory, and from a signal handler: there are no locks, no allocation (but for _new and
 * _free), no callbacks, no errno, no global state, no logging. A thread or process that dies inside
 * a call leaves the object usable. The exceptions, _init and _free, say so.
 *
 * Results
 * -------
 * `int` results: TRIFUSE_OK (0) is "done" or "admitted"; a positive value is an answer that is no
 * mistake (a refusal, a late report); a negative value is a mistake of the caller, and then nothing
 * was changed. Values are pinned; new ones may be added in the gaps.
 *
 * Structs
 * -------
 * Every struct that passes the interface begins with `struct_size`, which the caller sets to
 * sizeof(the struct) before the call. A struct that the library reads and that is shorter than the
 * library's takes the defaults for what is missing; a longer one is taken when the tail is all zero
 * bytes. A struct that the library fills is filled as far as it reaches and zeroed beyond. `flags`
 * and `reserved` fields are 0. There is no padding, no enum, no bool, no long.
 */
#ifndef TRIFUSE_TRIFUSE_H
#define TRIFUSE_TRIFUSE_H

#include <stddef.h>
#include <stdint.h>

/* TRIFUSE_API: what marks a public function. Define TRIFUSE_STATIC when you link the static library
 * or compile the sources into your own. */
#if defined(TRIFUSE_STATIC)
#  define TRIFUSE_API
#elif defined(_WIN32) && defined(TRIFUSE_BUILD)
#  define TRIFUSE_API __declspec(dllexport)
#elif defined(_WIN32)
#  define TRIFUSE_API __declspec(dllimport)
#elif defined(__GNUC__)
#  define TRIFUSE_API __attribute__((visibility("default")))
#else
#  define TRIFUSE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* trifuse:begin (a binding generator reads from here to trifuse:end; plain declarations only) */

#define TRIFUSE_VERSION_MAJOR 0
#define TRIFUSE_VERSION_MINOR 1
#define TRIFUSE_VERSION_PATCH 0

/* "No idea when" for a wait, "not known or never" for a deadline. */
#define TRIFUSE_NEVER 0xFFFFFFFFFFFFFFFFULL
/* The longest duration that a configuration takes: 365 days. */
#define TRIFUSE_DURATION_MAX_NS 31536000000000000ULL
/* The number of states; the side of the table of transitions. */
#define TRIFUSE_STATES 6

/* Results ---------------------------------------------------------------------------------------*/
#define TRIFUSE_OK 0                       /* done; admitted */
#define TRIFUSE_REFUSED_OPEN 1             /* the circuit is open */
#define TRIFUSE_REFUSED_HALF_OPEN_LIMIT 2  /* half-open, and all probes are out */
#define TRIFUSE_REFUSED_FORCED_OPEN 3      /* isolated by a person or program */
#define TRIFUSE_REFUSED_RATE_LIMITED 4     /* a rate limiter has no tokens, or none within max_wait */
#define TRIFUSE_REFUSED_BULKHEAD_FULL 5    /* as many calls are in flight as the bulkhead or limit allows */
#define TRIFUSE_REFUSED_THROTTLED 6        /* the adaptive throttle drew this call */
#define TRIFUSE_REFUSED_RETRY_BUDGET 7     /* the retry budget is spent */
#define TRIFUSE_REFUSED_HEDGE_BUDGET 8     /* the hedge budget is spent */
#define TRIFUSE_LATE 32                    /* the permit is of an older generation, lapsed or spent */
#define TRIFUSE_STALE 33                   /* trifuse_breaker_reenter: acquire anew */
#define TRIFUSE_EMPTY 34                   /* nothing was recorded: there is no value */
#define TRIFUSE_STOP_RETRIES 40            /* trifuse_retry_next: max_retries are used up */
#define TRIFUSE_STOP_DEADLINE 41           /* trifuse_retry_next: the wait would end past the deadline */
#define TRIFUSE_STOP_RETRY_AFTER 42        /* trifuse_retry_next: the server's word is over retry_after_max */
#define TRIFUSE_ERROR_ARGUMENT -1          /* a NULL, a value outside its range, a 0 permit */
#define TRIFUSE_ERROR_CONFIG -2            /* a configuration field is refused; see the config_error */
#define TRIFUSE_ERROR_STRUCT_SIZE -3       /* struct_size too small, or a longer struct with a tail */
#define TRIFUSE_ERROR_MEMORY_SIZE -4       /* the memory given is too small */
#define TRIFUSE_ERROR_ALIGNMENT -5         /* the memory given is not aligned to 8 bytes */
#define TRIFUSE_ERROR_NOT_AN_OBJECT -6     /* the memory holds no object of this kind and layout */
#define TRIFUSE_ERROR_NO_MEMORY -7         /* _new: the allocator has none */
#define TRIFUSE_ERROR_UNSUPPORTED -8       /* the object is of a kind that cannot do this */
#define TRIFUSE_ERROR_TEXT -9              /* a text that names no value */
#define TRIFUSE_ERROR_OVER_CAPACITY -10    /* more tokens than the limiter can ever have: no wait helps */
#define TRIFUSE_ERROR_NOT_HELD -11         /* a release of what was not acquired */

/* States ----------------------------------------------------------------------------------------*/
#define TRIFUSE_STATE_CLOSED 0        /* all calls pass, outcomes are recorded and judged */
#define TRIFUSE_STATE_OPEN 1          /* all calls are refused until a deadline */
#define TRIFUSE_STATE_HALF_OPEN 2     /* a few probes pass and decide */
#define TRIFUSE_STATE_FORCED_OPEN 3   /* refuse all; set and left by a person or program only */
#define TRIFUSE_STATE_DISABLED 4      /* admit all, record nothing */
#define TRIFUSE_STATE_METRICS_ONLY 5  /* admit all, record, never trip (shadow mode) */

/* Outcomes of a call ----------------------------------------------------------------------------*/
#define TRIFUSE_OUTCOME_SUCCESS 0
#define TRIFUSE_OUTCOME_FAILURE 1
#define TRIFUSE_OUTCOME_TIMEOUT 2     /* a failure that is counted apart as well */
#define TRIFUSE_OUTCOME_IGNORED 3     /* gives the permit back and says nothing about the service */

/* Causes of a transition; of several that hold, the first in this order is told -----------------*/
#define TRIFUSE_CAUSE_NONE 0
#define TRIFUSE_CAUSE_FAILURE_RATE 1
#define TRIFUSE_CAUSE_FAILURE_COUNT 2
#define TRIFUSE_CAUSE_SLOW_RATE 3        /* also the cusum of slow calls */
#define TRIFUSE_CAUSE_CONSECUTIVE 4
#define TRIFUSE_CAUSE_CUSUM 5
#define TRIFUSE_CAUSE_PROBE_FAILED 6
#define TRIFUSE_CAUSE_PROBES_SUCCEEDED 7
#define TRIFUSE_CAUSE_WAIT_OVER 8
#define TRIFUSE_CAUSE_TRIPPED 9          /* trip(), or born OPEN */
#define TRIFUSE_CAUSE_FORCED 10          /* force_open(), disable(), metrics_only(), or born so */
#define TRIFUSE_CAUSE_RESET 11           /* reset() or close() */

/* Presets ---------------------------------------------------------------------------------------*/
#define TRIFUSE_PRESET_DEFAULT 0
#define TRIFUSE_PRESET_ADAPTIVE 1
#define TRIFUSE_PRESET_AGGRESSIVE 2
#define TRIFUSE_PRESET_CONSERVATIVE 3
#define TRIFUSE_PRESET_LLM 4
#define TRIFUSE_PRESET_CRITICAL 5
#define TRIFUSE_PRESET_NORMAL 6
#define TRIFUSE_PRESET_BATCH 7
#define TRIFUSE_PRESET_PAYMENT 8
#define TRIFUSE_PRESET_USER 9
#define TRIFUSE_PRESET_RECOMMENDATION 10

/* Choices of a configuration --------------------------------------------------------------------*/
#define TRIFUSE_WINDOW_TIME 0
#define TRIFUSE_WINDOW_COUNT 1
#define TRIFUSE_DETECTOR_RATE 0
#define TRIFUSE_DETECTOR_CUSUM 1
#define TRIFUSE_JITTER_NONE 0
#define TRIFUSE_JITTER_PROPORTIONAL 1
#define TRIFUSE_JITTER_FULL 2
#define TRIFUSE_JITTER_EQUAL 3        /* of retries only */
#define TRIFUSE_JITTER_DECORRELATED 4 /* of retries only */
#define TRIFUSE_LIMITER_TOKEN_BUCKET 0
#define TRIFUSE_LIMITER_SLIDING_LOG 1
#define TRIFUSE_LIMITER_SLIDING_COUNTER 2
#define TRIFUSE_LIMITER_FIXED_WINDOW 3
#define TRIFUSE_ALGORITHM_FIXED 0
#define TRIFUSE_ALGORITHM_AIMD 1
#define TRIFUSE_ALGORITHM_VEGAS 2
#define TRIFUSE_ALGORITHM_GRADIENT2 3
#define TRIFUSE_STRATEGY_FIXED 0
#define TRIFUSE_STRATEGY_LINEAR 1
#define TRIFUSE_STRATEGY_EXPONENTIAL 2

/* Advice: legal, but known to hurt; bits of trifuse_breaker_config_advise -------------------------*/
#define TRIFUSE_ADVICE_LOW_THRESHOLD 0x1       /* failure_rate_threshold <= 0.1 opens on noise */
#define TRIFUSE_ADVICE_FEW_CALLS 0x2           /* minimum_calls <= 2: one bad call is a verdict */
#define TRIFUSE_ADVICE_LONG_OPEN 0x4           /* open_duration of 5 minutes or more */
#define TRIFUSE_ADVICE_TIMEOUT_OVER_OPEN 0x8   /* request_timeout over the longest open wait */
#define TRIFUSE_ADVICE_COUNT_WITHOUT_RATE 0x10 /* failure_count_threshold with the rate off */
#define TRIFUSE_ADVICE_NO_TIMEOUT 0x20         /* no request_timeout: a hang is never an outcome */
#define TRIFUSE_ADVICE_NO_RULE 0x40            /* no rule is on: the breaker can never open */
#define TRIFUSE_ADVICE_COUNT_OUT_OF_REACH 0x80 /* failure_count_threshold over window_count */
#define TRIFUSE_ADVICE_SLOW_RULE_OFF 0x100     /* slow_call_duration without a slow rule, or a rule without it */
#define TRIFUSE_ADVICE_SLOW_OVER_TIMEOUT 0x200 /* slow_call_duration not below request_timeout */

/* Fields of a configuration, as config_error.field names them ------------------------------------*/
#define TRIFUSE_FIELD_NONE 0
#define TRIFUSE_FIELD_FLAGS 1
#define TRIFUSE_FIELD_WINDOW_KIND 2
#define TRIFUSE_FIELD_WINDOW_BUCKETS 3
#define TRIFUSE_FIELD_WINDOW_DURATION 4
#define TRIFUSE_FIELD_WINDOW_COUNT 5
#define TRIFUSE_FIELD_MINIMUM_CALLS 6
#define TRIFUSE_FIELD_FAILURE_RATE_THRESHOLD 7
#define TRIFUSE_FIELD_SLOW_CALL_DURATION 8
#define TRIFUSE_FIELD_SLOW_CALL_RATE_THRESHOLD 9
#define TRIFUSE_FIELD_CONSECUTIVE_FAILURES 10
#define TRIFUSE_FIELD_FAILURE_COUNT_THRESHOLD 11
#define TRIFUSE_FIELD_DETECTOR 12
#define TRIFUSE_FIELD_INITIAL_STATE 13
#define TRIFUSE_FIELD_OPEN_DURATION 14
#define TRIFUSE_FIELD_OPEN_DURATION_MAX 15
#define TRIFUSE_FIELD_OPEN_BACKOFF_MULTIPLIER 16
#define TRIFUSE_FIELD_OPEN_JITTER 17
#define TRIFUSE_FIELD_OPEN_JITTER_FRACTION 18
#define TRIFUSE_FIELD_HALF_OPEN_MAX_CALLS 19
#define TRIFUSE_FIELD_SUCCESS_THRESHOLD 20
#define TRIFUSE_FIELD_HALF_OPEN_FAILURE_THRESHOLD 21
#define TRIFUSE_FIELD_HALF_OPEN_PERMIT_TTL 22
#define TRIFUSE_FIELD_REQUEST_TIMEOUT 23
#define TRIFUSE_FIELD_CANCELLED_COUNTS_AFTER 24
#define TRIFUSE_FIELD_TOLERATED_FAILURE_RATE 25
#define TRIFUSE_FIELD_OUTAGE_FAILURE_RATE 26
#define TRIFUSE_FIELD_TOLERATED_SLOW_RATE 27
#define TRIFUSE_FIELD_OUTAGE_SLOW_RATE 28
#define TRIFUSE_FIELD_FALSE_OPEN_EVERY 29
#define TRIFUSE_FIELD_CUSUM_IDLE_DECAY 30
#define TRIFUSE_FIELD_CUSUM_DESIGN 31
#define TRIFUSE_FIELD_RESERVE_WINDOW_BUCKETS 32
#define TRIFUSE_FIELD_RESERVE_WINDOW_COUNT 33
#define TRIFUSE_FIELD_RESERVE_HALF_OPEN_CALLS 34
#define TRIFUSE_FIELD_SEED 35
#define TRIFUSE_FIELD_KIND 64
#define TRIFUSE_FIELD_RATE 65
#define TRIFUSE_FIELD_PERMITS 66
#define TRIFUSE_FIELD_PERIOD 67
#define TRIFUSE_FIELD_CAPACITY 68
#define TRIFUSE_FIELD_ALGORITHM 80
#define TRIFUSE_FIELD_LIMIT 81
#define TRIFUSE_FIELD_MIN_LIMIT 82
#define TRIFUSE_FIELD_MAX_LIMIT 83
#define TRIFUSE_FIELD_TIMEOUT 84
#define TRIFUSE_FIELD_BACKOFF_RATIO 85
#define TRIFUSE_FIELD_ALPHA 86
#define TRIFUSE_FIELD_BETA 87
#define TRIFUSE_FIELD_PROBE_EVERY 88
#define TRIFUSE_FIELD_LONG_WINDOW 89
#define TRIFUSE_FIELD_TOLERANCE 90
#define TRIFUSE_FIELD_SMOOTHING 91
#define TRIFUSE_FIELD_QUEUE_SIZE 92
#define TRIFUSE_FIELD_LONG_DECAY 93
#define TRIFUSE_FIELD_STRATEGY 112
#define TRIFUSE_FIELD_JITTER 113
#define TRIFUSE_FIELD_MAX_RETRIES 114
#define TRIFUSE_FIELD_DELAY 115
#define TRIFUSE_FIELD_INCREMENT 116
#define TRIFUSE_FIELD_MULTIPLIER 117
#define TRIFUSE_FIELD_MAX_DELAY 118
#define TRIFUSE_FIELD_MAX_ELAPSED 119
#define TRIFUSE_FIELD_RETRY_AFTER_MAX 120
#define TRIFUSE_FIELD_TTL 128
#define TRIFUSE_FIELD_RATIO 129
#define TRIFUSE_FIELD_FLOOR 130
#define TRIFUSE_FIELD_K 136
#define TRIFUSE_FIELD_SLIDING 144
#define TRIFUSE_FIELD_SHARE 152
#define TRIFUSE_FIELD_MAX_SAVED 153

/* What `value` of a config_error holds */
#define TRIFUSE_VALUE_NONE 0
#define TRIFUSE_VALUE_INTEGER 1   /* value_integer */
#define TRIFUSE_VALUE_REAL 2      /* value_real */
#define TRIFUSE_VALUE_DURATION 3  /* value_integer, nanoseconds */

/* Flag of trifuse_breaker_event.flags: the call made a transition and this caller is told of it. */
#define TRIFUSE_EVENT_TRANSITION 0x1

/* A circuit breaker: opaque words in memory that the caller gives or trifuse_breaker_new allocates. */
typedef struct trifuse_breaker trifuse_breaker;

/* Why a configuration was refused: the field, its value, what is allowed. */
typedef struct trifuse_config_error {
    uint32_t struct_size;
    uint32_t flags;         /* 0 */
    uint32_t field;         /* TRIFUSE_FIELD_*; trifuse_field_text gives its name */
    uint32_t value_kind;    /* TRIFUSE_VALUE_* */
    uint64_t value_integer;
    double value_real;
    char allowed[96];       /* what is allowed, in English, NUL-terminated; durations in ns or s as it says */
} trifuse_config_error;

/* One cusum detector (spec: Page's CUSUM on a lattice): the three wishes, and the design for them. */
typedef struct trifuse_cusum_design {
    uint32_t struct_size;
    uint32_t flags;              /* 0 */
    double tolerated_rate;       /* in: p0, 0.001 <= p0 < p1 */
    double outage_rate;          /* in: p1, p1 <= 0.99 */
    double false_open_every;     /* in: calls between false openings at p0, 1 to 1e15 */
    uint32_t up;                 /* out: u, how much S rises on a failure */
    uint32_t down;               /* out: d, how much S falls on a success, 1..16 */
    uint32_t threshold;          /* out: H, opens at S >= H, 1..4096 */
    uint32_t reserved;           /* 0 */
    double calls_to_false_open;  /* out: exact average run length at p0 */
    double calls_to_detect_outage; /* out: exact average run length at p1 */
    double calls_to_detect_total;  /* out: failures in a row that open: ceil(H / u) */
} trifuse_cusum_design;

/* Configuration of a breaker. Fill it with trifuse_breaker_config_init, then change fields.
 * Ranges stand behind each field; a value outside is refused. Rates are taken to the nearest 1e-9
 * and then compared exactly, in integers. Durations are nanoseconds, at most TRIFUSE_DURATION_MAX_NS. */
typedef struct trifuse_breaker_config {
    uint32_t struct_size;
    uint32_t flags;                     /* 0 */
    uint32_t window_kind;               /* TRIFUSE_WINDOW_TIME (default) or _COUNT */
    uint32_t window_buckets;            /* time window: 1..64, default 10 */
    uint64_t window_duration_ns;        /* time window: a bucket is floor(duration / buckets) >= 1 us; 60 s */
    uint32_t window_count;              /* count window: the last 1..4096 outcomes, default 100 */
    uint32_t minimum_calls;             /* 1..1,000,000, default 10; no rate is judged on fewer */
    double failure_rate_threshold;      /* 0..1, default 0.5; opens when rate > threshold; 1 = off */
    uint64_t slow_call_duration_ns;     /* slow is > this; 0 (default) = off */
    double slow_call_rate_threshold;    /* 0..1, default 1 = off */
    uint32_t consecutive_failures;      /* opens at this many in a row; 0 (default) = off; <= 1,000,000 */
    uint32_t failure_count_threshold;   /* opens at this many in the window; 0 (default) = off; <= 1,000,000 */
    uint32_t detector;                  /* TRIFUSE_DETECTOR_RATE (default) or _CUSUM in its place */
    uint32_t initial_state;             /* TRIFUSE_STATE_*, default CLOSED; read at creation only */
    uint64_t open_duration_ns;          /* how long OPEN refuses, > 0, default 30 s */
    uint64_t open_duration_max_ns;      /* cap of the back-off; 0 = max(5 min, open_duration) */
    double open_backoff_multiplier;     /* 1..1000, default 1; each re-opening multiplies the wait */
    double open_jitter_fraction;        /* 0..1, default 0.1; for TRIFUSE_JITTER_PROPORTIONAL */
    uint32_t open_jitter;               /* TRIFUSE_JITTER_*, default NONE */
    uint32_t half_open_max_calls;       /* 1..64 probes at once, default 5 */
    uint32_t success_threshold;         /* 1..10,000 probe successes close, default 1 */
    uint32_t half_open_failure_threshold; /* 1..10,000 probe failures re-open, default 1 */
    uint64_t half_open_permit_ttl_ns;   /* lease of a probe; 0 = max(60 s, 2 x request_timeout); > request_timeout */
    uint64_t request_timeout_ns;        /* for the language wrappers; 0 = none; default 5 s */
    uint64_t cancelled_counts_after_ns; /* for the language wrappers; 0 (default) = off */
    double tolerated_failure_rate;      /* cusum p0, 0.001..0.99, default 0.3 */
    double outage_failure_rate;         /* cusum p1, p0 < p1 <= 0.99, default 0.7 */
    double tolerated_slow_rate;         /* slow cusum p0; 0 (default) = off */
    double outage_slow_rate;            /* slow cusum p1, default 0.7 */
    double false_open_every;            /* 1..1e15 calls, default 1,000,000; for both */
    uint64_t cusum_idle_decay_ns;       /* S halves per full idle time; 0 = never; >= 100 ms; default 60 s */
    uint32_t cusum_up;                  /* a design made before (trifuse_cusum_solve); 0 = solve at creation */
    uint32_t cusum_down;
    uint32_t cusum_threshold;
    uint32_t slow_cusum_up;             /* the same for the slow cusum */
    uint32_t slow_cusum_down;
    uint32_t slow_cusum_threshold;
    double cusum_calls_to_detect_outage; /* of the design, shown in the snapshot; 0 = not known */
    uint64_t seed;                      /* of the open jitter and the permits' salt, default 0 */
    uint32_t reserve_window_buckets;    /* memory so that reconfigure can grow to so many, 0..64 */
    uint32_t reserve_window_count;      /* likewise, 0..4096 */
    uint32_t reserve_half_open_calls;   /* likewise, 0..64 (8 always fit) */
    uint32_t reserved;                  /* 0 */
} trifuse_breaker_config;

/* What a call says besides its result. Filled by every call that takes one, also when refused. */
typedef struct trifuse_breaker_event {
    uint32_t struct_size;
    uint32_t flags;           /* TRIFUSE_EVENT_TRANSITION, or 0: the fields after retry_after_ns say nothing */
    uint64_t retry_after_ns;  /* refused: the wait after which this call would be tried; TRIFUSE_NEVER
                                 = not known; admitted: 0 */
    uint32_t from;            /* TRIFUSE_STATE_* before ... */
    uint32_t to;              /* ... and after; METRICS_ONLY twice: would have opened; CLOSED twice: reset */
    uint32_t cause;           /* TRIFUSE_CAUSE_* */
    uint32_t reserved;        /* 0 */
    uint64_t generation;      /* after */
    uint64_t at_ns;           /* when: the caller's now, or the clock */
    uint64_t open_until_ns;   /* entering OPEN: the deadline; else 0 */
    uint64_t window_total;    /* the counts of the window that was left */
    uint64_t window_failed;
    uint64_t window_slow;
    uint32_t probe_successes; /* leaving HALF_OPEN: what the probes had said */
    uint32_t probe_failures;
} trifuse_breaker_event;

/* A picture of a breaker, consistent enough to print. */
typedef struct trifuse_breaker_snapshot {
    uint32_t struct_size;
    uint32_t flags;                  /* 0 */
    uint32_t state;                  /* OPEN stays OPEN past its deadline until a caller comes */
    uint32_t cause;                  /* of the last change; TRIFUSE_CAUSE_NONE when born CLOSED */
    uint64_t generation;             /* grows by one at every change of state and every reset */
    uint64_t since_ns;               /* when the state was entered */
    uint64_t last_failure_ns;        /* time of the last recorded failure; 0 = none yet */
    uint64_t open_until_ns;          /* OPEN: the deadline, TRIFUSE_NEVER if not known; else 0 */
    uint64_t window_total;           /* outcomes in the window at `now` */
    uint64_t window_failed;
    uint64_t window_slow;
    double failure_rate;             /* 0.0 when the window is empty */
    double slow_rate;
    uint64_t consecutive_failures;
    uint32_t probes_in_flight;       /* live leases */
    uint32_t probe_successes;        /* HALF_OPEN: so far */
    uint32_t probe_failures;
    uint32_t reopenings;             /* in a row; the exponent of the back-off */
    uint32_t cusum_s;                /* S, aged to `now`; 0 when the detector is off */
    uint32_t cusum_up;
    uint32_t cusum_down;
    uint32_t cusum_threshold;
    uint32_t slow_cusum_s;
    uint32_t slow_cusum_up;
    uint32_t slow_cusum_down;
    uint32_t slow_cusum_threshold;
    double cusum_calls_to_detect_outage; /* expected calls to detection at outage_failure_rate; 0 = off or not known */
    double cusum_calls_to_detect_total;  /* the same when every call fails */
    uint64_t calls;                  /* lifetime totals: outcomes in time, without ignored */
    uint64_t successes;
    uint64_t failures;               /* timeouts included */
    uint64_t timeouts;
    uint64_t slow;
    uint64_t ignored;
    uint64_t late_results;
    uint64_t lost_permits;           /* probes that never reported in time */
    uint64_t would_have_opened;      /* METRICS_ONLY */
    uint64_t refused_open;
    uint64_t refused_half_open_limit;
    uint64_t refused_forced_open;
    uint64_t transitions[6][6];      /* [from][to] */
} trifuse_breaker_snapshot;

/* Rate limiters: structs --------------------------------------------------------------------------*/

/* A rate limiter of any of the four kinds: opaque words, as a breaker is. */
typedef struct trifuse_limiter trifuse_limiter;

/* Configuration of a rate limiter. The rate is either `rate` tokens per second or, exactly, `permits`
 * per `period_ns`. */
typedef struct trifuse_limiter_config {
    uint32_t struct_size;
    uint32_t flags;      /* 0 */
    uint32_t kind;       /* TRIFUSE_LIMITER_*, default TOKEN_BUCKET */
    uint32_t reserved;   /* 0 */
    double rate;         /* token bucket: tokens per second, 1e-6..1e9, to the nearest 1e-9; 0 (default) =
                            permits per period. The kinds with a window: 0 */
    uint64_t permits;    /* 1..1e9, default 100; sliding log: at most 1,000,000 (8 bytes each) */
    uint64_t period_ns;  /* 1 us..365 days, default 1 s; the kinds with a window: its length */
    uint64_t capacity;   /* token bucket: 1..1e9; 0 (default) = one second's worth of `rate` (at least 1), or
                            `permits`. The kinds with a window: 0 */
} trifuse_limiter_config;

/* What trifuse_limiter_reserve took: plain data of the caller's, to be handed to _cancel at most once. */
typedef struct trifuse_reservation {
    uint32_t struct_size;
    uint32_t flags;        /* 0 */
    uint64_t n;            /* tokens taken */
    uint64_t wait_ns;      /* how long to wait from the caller's now; 0 = go at once */
    uint64_t ready_ns;     /* now + wait_ns */
    uint64_t position[2];  /* where it stands among the others; the library's own */
} trifuse_reservation;

/* A picture of a rate limiter. */
typedef struct trifuse_limiter_snapshot {
    uint32_t struct_size;
    uint32_t flags;          /* 0 */
    uint32_t kind;           /* TRIFUSE_LIMITER_* */
    uint32_t reserved;       /* 0 */
    double rate;             /* tokens per second: permits / period where those were given */
    uint64_t permits;        /* as configured; 0 where `rate` was given */
    uint64_t period_ns;      /* likewise */
    uint64_t capacity;       /* the most tokens at once: N for the kinds with a window */
    uint64_t available;      /* whole tokens at now, at least 0 */
    uint64_t debt;           /* whole tokens below 0, rounded up */
    uint64_t granted;        /* requests granted, reservations with them */
    uint64_t refused;        /* requests refused; one over the capacity is neither */
    uint64_t granted_tokens; /* tokens granted */
    uint64_t given_back;     /* tokens given back by cancel and refund */
} trifuse_limiter_snapshot;

/* Bulkhead and adaptive concurrency limit: structs ------------------------------------------------*/

/* At most N calls in flight: N fixed (bulkhead) or moved by an algorithm (adaptive limit). Opaque words. */
typedef struct trifuse_concurrency trifuse_concurrency;

typedef struct trifuse_concurrency_config {
    uint32_t struct_size;
    uint32_t flags;        /* 0 */
    uint32_t algorithm;    /* TRIFUSE_ALGORITHM_*, default FIXED */
    uint32_t limit;        /* FIXED: N, 1..1,000,000; else the first N, within min..max; default 20 */
    uint32_t min_limit;    /* adaptive: 1..1,000,000, default 1 */
    uint32_t max_limit;    /* adaptive: min_limit..1,000,000, default 1000 */
    uint32_t probe_every;  /* VEGAS: the no-load time is taken anew every probe_every * N samples,
                              1..1,000,000, default 30 */
    uint32_t long_window;  /* GRADIENT2: samples of the long moving average, 1..1,000,000, default 600 */
    uint64_t timeout_ns;   /* AIMD: a longer call is a failure; 0 (default) = off */
    double backoff_ratio;  /* AIMD, GRADIENT2: N times this on failure, 0.1..0.999, default 0.9 */
    double alpha;          /* VEGAS: up while queue < alpha * max(1, log10 N), 0.1..100, default 3 */
    double beta;           /* VEGAS: down above beta * max(1, log10 N), alpha..100, default 6 */
    double tolerance;      /* GRADIENT2: the long time may be exceeded so many times, 1..100, default 1.5 */
    double smoothing;      /* GRADIENT2: weight of a new N, 0.001..1, default 0.2 */
    double queue_size;     /* GRADIENT2: calls that may wait, 0..1000, default 4 */
    double long_decay;     /* GRADIENT2: the long time times this while over twice the short, 0.5..1,
                              default 0.95 */
    uint64_t seed;         /* of the jitter of VEGAS' probes, default 0 */
} trifuse_concurrency_config;

typedef struct trifuse_concurrency_snapshot {
    uint32_t struct_size;
    uint32_t flags;         /* 0 */
    uint32_t algorithm;     /* TRIFUSE_ALGORITHM_* */
    uint32_t limit;         /* N, whole */
    double limit_exact;     /* N with its fraction */
    uint64_t in_flight;
    uint64_t admitted;      /* lifetime totals */
    uint64_t refused;
    uint64_t released;      /* all releases, ignored ones with them */
    uint64_t failures;      /* releases that were failures or timeouts, or over timeout_ns (AIMD) */
    uint64_t no_load_ns;    /* VEGAS: the no-load time; 0 = none yet */
    uint64_t short_ns;      /* GRADIENT2: the newest time; 0 = none yet */
    uint64_t long_ns;       /* GRADIENT2: the long moving average; 0 = none yet */
} trifuse_concurrency_snapshot;

/* Retry: structs ----------------------------------------------------------------------------------*/

/* What is to be known about retries of one kind of call. Opaque words; shared by all calls. */
typedef struct trifuse_retry trifuse_retry;

/* Delay of retry k (k = 0 is the first): FIXED delay; LINEAR delay + k * increment; EXPONENTIAL
 * delay * multiplier^k; each at most max_delay. Then the jitter: NONE; PROPORTIONAL plus 0..10 % (of a
 * delay of at most max_delay / 1.1); FULL uniform 0..delay; EQUAL half and uniform half; DECORRELATED
 * uniform from `delay` to 3 * the wait before or max_delay if that is less, whatever the strategy (Brooker,
 * "Exponential Backoff And Jitter", 2015). The result is at most max_delay. Saturates for any k. */
typedef struct trifuse_retry_config {
    uint32_t struct_size;
    uint32_t flags;              /* 0 */
    uint32_t strategy;           /* TRIFUSE_STRATEGY_*, default EXPONENTIAL */
    uint32_t jitter;             /* TRIFUSE_JITTER_*, default PROPORTIONAL */
    uint32_t max_retries;        /* 0..1,000,000, default 3: 4 attempts */
    uint32_t reserved;           /* 0 */
    uint64_t delay_ns;           /* 0..365 days, default 100 ms */
    uint64_t increment_ns;       /* LINEAR: 0..365 days, default 100 ms */
    double multiplier;           /* EXPONENTIAL: 1..1000, default 2 */
    uint64_t max_delay_ns;       /* delay..365 days, default 10 s */
    uint64_t max_elapsed_ns;     /* of all attempts and waits; 0 (default) = no limit */
    uint64_t retry_after_max_ns; /* a server's word over this ends the call; 0..365 days, default 60 s */
    uint64_t seed;               /* of the jitter, default 0 */
} trifuse_retry_config;

/* One call that is being retried: plain data of the caller's, made by trifuse_retry_begin. */
typedef struct trifuse_retry_call {
    uint32_t struct_size;
    uint32_t flags;        /* 0 */
    uint32_t retries;      /* retries granted so far */
    uint32_t reserved;     /* 0 */
    uint64_t started_ns;   /* when the first attempt began; 0 if _begin was not told and need not ask */
    uint64_t deadline_ns;  /* started + max_elapsed, or TRIFUSE_NEVER; the caller may lower it */
    uint64_t previous_ns;  /* the delay before, for DECORRELATED */
    uint64_t random;       /* its own stream of the jitter; 0 until the first draw */
} trifuse_retry_call;

typedef struct trifuse_retry_snapshot {
    uint32_t struct_size;
    uint32_t flags;           /* 0 */
    uint64_t calls;           /* calls settled */
    uint64_t successes;       /* of them ended well, with or without retries */
    uint64_t failures;        /* of them ended badly */
    uint64_t retried;         /* of them had at least one retry */
    uint64_t retries;         /* retries granted by trifuse_retry_next */
    uint64_t stopped_retries; /* how often _next said so: max_retries */
    uint64_t stopped_deadline;
    uint64_t stopped_retry_after;
    uint64_t refused_budget;
} trifuse_retry_snapshot;

/* Retry budget: retries of all calls of a client, as a share of its first attempts. Opaque words. */
typedef struct trifuse_retry_budget trifuse_retry_budget;

typedef struct trifuse_retry_budget_config {
    uint32_t struct_size;
    uint32_t flags;   /* 0 */
    uint64_t ttl_ns;  /* the sliding window, 10 ms..365 days in 10 buckets, default 10 s */
    double ratio;     /* retries per first attempt, 0..1000, to the nearest 1e-9, default 0.2 */
    double floor;     /* retries per second whatever the traffic, 0..1,000,000, to the nearest 1e-9; 10 */
} trifuse_retry_budget_config;

typedef struct trifuse_retry_budget_snapshot {
    uint32_t struct_size;
    uint32_t flags;      /* 0 */
    uint64_t available;  /* whole retries that would be granted at now */
    uint64_t deposits;   /* first attempts in the window */
    uint64_t withdrawals; /* retries in the window */
    uint64_t total_deposits;
    uint64_t total_withdrawals;
    uint64_t refused;    /* lifetime */
} trifuse_retry_budget_snapshot;

/* Adaptive throttle, latency histogram, hedge budget: structs --------------------------------------*/

/* Client-side adaptive throttle (Beyer et al., Site Reliability Engineering, 2016, chapter 21). */
typedef struct trifuse_throttle trifuse_throttle;

typedef struct trifuse_throttle_config {
    uint32_t struct_size;
    uint32_t flags;              /* 0 */
    uint64_t window_duration_ns; /* 1 us a bucket..365 days, default 30 s */
    uint32_t window_buckets;     /* 1..64, default 10 */
    uint32_t reserved;           /* 0 */
    double k;                    /* 1..1000, to the nearest 1e-9, default 2; larger refuses later */
    uint64_t seed;               /* of the draws, default 0 */
} trifuse_throttle_config;

typedef struct trifuse_throttle_snapshot {
    uint32_t struct_size;
    uint32_t flags;     /* 0 */
    uint64_t requests;  /* in the window at now, refused ones too */
    uint64_t accepts;   /* in the window: taken on by the backend */
    double probability; /* of refusing the next: max(0, (requests - k * accepts) / (requests + 1)) */
    uint64_t admitted;  /* lifetime totals */
    uint64_t refused;
    uint64_t accepted;
} trifuse_throttle_snapshot;

/* Log-linear histogram of durations: 16 steps an octave, so any quantile is within 5 % of the exact one. */
typedef struct trifuse_histogram trifuse_histogram;

typedef struct trifuse_histogram_config {
    uint32_t struct_size;
    uint32_t flags;       /* 0 */
    uint64_t sliding_ns;  /* 0 (default) = over the lifetime; else two halves that take turns: what is read
                             spans from half of it to all of it; 1 ms..365 days */
} trifuse_histogram_config;

typedef struct trifuse_histogram_snapshot {
    uint32_t struct_size;
    uint32_t flags;     /* 0 */
    uint64_t count;     /* values in the span at now */
    uint64_t sum_ns;    /* of them, from their steps: within 5 %, saturating */
    uint64_t min_ns;    /* within 5 %; 0 when empty */
    uint64_t max_ns;
    uint64_t p50_ns;    /* as trifuse_histogram_quantile; 0 when empty */
    uint64_t p95_ns;
    uint64_t p99_ns;
    uint64_t total;     /* values over the lifetime */
} trifuse_histogram_snapshot;

/* Hedge budget: every call pays in a share, every hedge costs 1. Opaque words. */
typedef struct trifuse_hedge trifuse_hedge;

typedef struct trifuse_hedge_config {
    uint32_t struct_size;
    uint32_t flags;      /* 0 */
    double share;        /* hedges per call, 0..1, to the nearest 1e-9, default 0.05 */
    uint32_t max_saved;  /* the most hedges saved up, 1..1,000,000, default 10 */
    uint32_t reserved;   /* 0 */
} trifuse_hedge_config;

typedef struct trifuse_hedge_snapshot {
    uint32_t struct_size;
    uint32_t flags;   /* 0 */
    double saved;     /* hedges that could be made now, with the fraction */
    uint64_t calls;   /* lifetime totals */
    uint64_t hedges;
    uint64_t refused;
} trifuse_hedge_snapshot;

/* Version ---------------------------------------------------------------------------------------*/

/* The version of the library at run time: MAJOR * 1,000,000 + MINOR * 1,000 + PATCH. */
TRIFUSE_API uint32_t trifuse_version(void);
/* The same as text, such as "0.1.0"; static storage. */
TRIFUSE_API const char *trifuse_version_text(void);

/* Clock -----------------------------------------------------------------------------------------*/

/* The monotonic clock that `now_ns == 0` stands for, in nanoseconds; never 0. */
TRIFUSE_API uint64_t trifuse_now_ns(void);

/* Text ------------------------------------------------------------------------------------------
 * X_text gives a short lower-case name in static storage, or "unknown" for a value that is none.
 * X_from_text writes the value of exactly such a name to *value and returns TRIFUSE_OK; any other
 * text: TRIFUSE_ERROR_TEXT; a NULL: TRIFUSE_ERROR_ARGUMENT; *value is then untouched. */
TRIFUSE_API const char *trifuse_result_text(int result);
TRIFUSE_API int trifuse_result_from_text(const char *text, int *value);
TRIFUSE_API const char *trifuse_state_text(uint32_t state);
TRIFUSE_API int trifuse_state_from_text(const char *text, uint32_t *value);
TRIFUSE_API const char *trifuse_outcome_text(uint32_t outcome);
TRIFUSE_API int trifuse_outcome_from_text(const char *text, uint32_t *value);
TRIFUSE_API const char *trifuse_cause_text(uint32_t cause);
TRIFUSE_API int trifuse_cause_from_text(const char *text, uint32_t *value);
TRIFUSE_API const char *trifuse_preset_text(uint32_t preset);
TRIFUSE_API int trifuse_preset_from_text(const char *text, uint32_t *value);
TRIFUSE_API const char *trifuse_window_text(uint32_t kind);
TRIFUSE_API int trifuse_window_from_text(const char *text, uint32_t *value);
TRIFUSE_API const char *trifuse_detector_text(uint32_t detector);
TRIFUSE_API int trifuse_detector_from_text(const char *text, uint32_t *value);
TRIFUSE_API const char *trifuse_jitter_text(uint32_t jitter);
TRIFUSE_API int trifuse_jitter_from_text(const char *text, uint32_t *value);
TRIFUSE_API const char *trifuse_limiter_kind_text(uint32_t kind);
TRIFUSE_API int trifuse_limiter_kind_from_text(const char *text, uint32_t *value);
TRIFUSE_API const char *trifuse_algorithm_text(uint32_t algorithm);
TRIFUSE_API int trifuse_algorithm_from_text(const char *text, uint32_t *value);
TRIFUSE_API const char *trifuse_strategy_text(uint32_t strategy);
TRIFUSE_API int trifuse_strategy_from_text(const char *text, uint32_t *value);
TRIFUSE_API const char *trifuse_field_text(uint32_t field);
TRIFUSE_API int trifuse_field_from_text(const char *text, uint32_t *value);
/* `advice` is one bit, TRIFUSE_ADVICE_*. */
TRIFUSE_API const char *trifuse_advice_text(uint32_t advice);
TRIFUSE_API int trifuse_advice_from_text(const char *text, uint32_t *value);
/* A sentence that says why the configuration is known to hurt; static storage; "" for no such bit. */
TRIFUSE_API const char *trifuse_advice_reason(uint32_t advice);

/* Configuration ---------------------------------------------------------------------------------*/

/* Fills *config with a preset and sets struct_size, where `struct_size` is the caller's
 * sizeof(trifuse_breaker_config). TRIFUSE_ERROR_ARGUMENT for NULL or an unknown preset,
 * TRIFUSE_ERROR_STRUCT_SIZE for a size below 8 or not a multiple of 8. */
TRIFUSE_API int trifuse_breaker_config_init(trifuse_breaker_config *config, size_t struct_size,
                                            uint32_t preset);

/* Checks a configuration without making anything. TRIFUSE_OK, or TRIFUSE_ERROR_CONFIG with the first
 * refused field in *error (which may be NULL). Does not solve a cusum: _init may still refuse a pair
 * of rates for which no design exists. */
TRIFUSE_API int trifuse_breaker_config_check(const trifuse_breaker_config *config,
                                             trifuse_config_error *error);

/* Writes the TRIFUSE_ADVICE_* bits that fit a legal configuration to *advice; returns as _check. */
TRIFUSE_API int trifuse_breaker_config_advise(const trifuse_breaker_config *config, uint32_t *advice,
                                              trifuse_config_error *error);

/* Solves a cusum: fills the out fields of *design for its in fields. Exact (the average run length
 * from the Markov chain by elimination without subtraction: Grassmann, Taksar, Heyman 1985), no
 * simulation; takes up to some 100 ms for rates close together, so solve once and keep the result.
 * TRIFUSE_ERROR_CONFIG when a field is out of range or no design exists (*error names the pair). */
TRIFUSE_API int trifuse_cusum_solve(trifuse_cusum_design *design, trifuse_config_error *error);

/* Making a breaker ------------------------------------------------------------------------------*/

/* Bytes of memory that a breaker of this configuration needs (reserves included), a multiple of 64;
 * 0 if the configuration is refused (trifuse_breaker_config_check says why). */
TRIFUSE_API size_t trifuse_breaker_size(const trifuse_breaker_config *config);

/* Makes a breaker in `memory` of `size` bytes, aligned to 8 (64 is faster). The memory stays the
 * caller's: nothing is allocated, there is no corresponding free, and it may be copied or unmapped
 * once no call is running. Not thread-safe: publish *breaker afterwards. More memory than needed is
 * room for a later, larger window. Results: TRIFUSE_OK; TRIFUSE_ERROR_ARGUMENT (memory, config or
 * breaker NULL), _STRUCT_SIZE, _CONFIG (with *error, which may be NULL), _MEMORY_SIZE, _ALIGNMENT;
 * when it fails nothing has been written to memory or *breaker. */
TRIFUSE_API int trifuse_breaker_init(void *memory, size_t size, const trifuse_breaker_config *config,
                                     uint64_t now_ns, trifuse_config_error *error,
                                     trifuse_breaker **breaker);

/* Takes up a breaker that _init made in this memory, perhaps in another process or at another
 * address. TRIFUSE_OK; _ARGUMENT, _ALIGNMENT, _MEMORY_SIZE, or _NOT_AN_OBJECT when the memory holds
 * no breaker of this library's layout. Writes nothing. */
TRIFUSE_API int trifuse_breaker_attach(void *memory, size_t size, trifuse_breaker **breaker);

/* As _init, in memory of the heap; to be freed with trifuse_breaker_free. Also _NO_MEMORY. */
TRIFUSE_API int trifuse_breaker_new(const trifuse_breaker_config *config, uint64_t now_ns,
                                    trifuse_config_error *error, trifuse_breaker **breaker);

/* Frees a breaker of trifuse_breaker_new; NULL is fine. No call on it may be running or follow. */
TRIFUSE_API void trifuse_breaker_free(trifuse_breaker *breaker);

/* Guarding calls --------------------------------------------------------------------------------*/

/* Asks for one call. TRIFUSE_OK: admitted, *permit (never 0) is to be reported once. Positive:
 * refused, TRIFUSE_REFUSED_*; *permit is 0, and event->retry_after_ns tells the wait. `event` may be
 * NULL (a transition that this call makes is then told to nobody). The caller that moves OPEN to
 * HALF_OPEN is told so even if others took all probes in the same instant and it is refused. Negative:
 * _ARGUMENT (breaker or permit NULL), _STRUCT_SIZE (event). While CLOSED this is one read of memory and
 * no clock. */
TRIFUSE_API int trifuse_breaker_try_acquire(trifuse_breaker *breaker, uint64_t now_ns,
                                            uint64_t *permit, trifuse_breaker_event *event);

/* For wrappers that share one permit among calls: TRIFUSE_OK if `permit` is a permit of this very
 * generation that is no probe's, and the state admits all calls (CLOSED, DISABLED, METRICS_ONLY);
 * that call is then admitted on the same permit value. Else TRIFUSE_STALE: use _try_acquire.
 * One read of memory. TRIFUSE_ERROR_ARGUMENT for a NULL. */
TRIFUSE_API int trifuse_breaker_reenter(const trifuse_breaker *breaker, uint64_t permit);

/* Reports the outcome of an admitted call that took duration_ns (0 if not measured: never slow).
 * TRIFUSE_OK: counted. TRIFUSE_LATE: the permit is of an older generation, of another breaker, or of
 * a lapsed or already reported probe; only late_results counts it. `event` may be NULL. Negative:
 * _ARGUMENT (breaker NULL, permit 0, unknown outcome), _STRUCT_SIZE (event).
 * A closed-state permit is plain data: reporting it twice counts twice, wrappers prevent it. */
TRIFUSE_API int trifuse_breaker_report(trifuse_breaker *breaker, uint64_t permit, uint32_t outcome,
                                       uint64_t duration_ns, uint64_t now_ns,
                                       trifuse_breaker_event *event);

/* Extends the lease of a probe that is still live to now + its ttl (for long streams). TRIFUSE_OK;
 * also for a permit that is current and no probe's (nothing to extend). TRIFUSE_LATE: too late. */
TRIFUSE_API int trifuse_breaker_renew(trifuse_breaker *breaker, uint64_t permit, uint64_t now_ns);

/* Steering --------------------------------------------------------------------------------------
 * Each returns TRIFUSE_OK, also when there was nothing to change, or TRIFUSE_ERROR_ARGUMENT (breaker
 * NULL), _STRUCT_SIZE (event). `event` may be NULL. */

/* Opens now. wait_ns 0: for the ordinary wait; else for wait_ns (a server's Retry-After: beats the
 * cap, is never jittered). OPEN already: the later of its deadline and now + wait_ns, told to nobody;
 * past its deadline: a new wait from now. HALF_OPEN: a re-opening. Forced states ignore it. */
TRIFUSE_API int trifuse_breaker_trip(trifuse_breaker *breaker, uint64_t now_ns, uint64_t wait_ns,
                                     trifuse_breaker_event *event);
/* CLOSED from any state, with an empty window, run and back-off; the lifetime totals stay. */
TRIFUSE_API int trifuse_breaker_reset(trifuse_breaker *breaker, uint64_t now_ns,
                                      trifuse_breaker_event *event);
/* As reset, but nothing happens if CLOSED already. */
TRIFUSE_API int trifuse_breaker_close(trifuse_breaker *breaker, uint64_t now_ns,
                                      trifuse_breaker_event *event);
TRIFUSE_API int trifuse_breaker_force_open(trifuse_breaker *breaker, uint64_t now_ns,
                                           trifuse_breaker_event *event);
TRIFUSE_API int trifuse_breaker_disable(trifuse_breaker *breaker, uint64_t now_ns,
                                        trifuse_breaker_event *event);
TRIFUSE_API int trifuse_breaker_metrics_only(trifuse_breaker *breaker, uint64_t now_ns,
                                             trifuse_breaker_event *event);

/* Takes a new configuration; state, generation, window, deadlines and leases stay, initial_state and
 * the reserves are not read, the seed is. New rules are judged at the next outcome. Another shape of
 * the window (kind, buckets, duration, count, slow detection on or off) restarts the window only;
 * another cusum design or idle decay sets S to 0. Results as _init: when refused nothing is taken;
 * a shape or half_open_max_calls that does not fit the memory is TRIFUSE_ERROR_CONFIG and *error
 * names the most that fits. */
TRIFUSE_API int trifuse_breaker_reconfigure(trifuse_breaker *breaker,
                                            const trifuse_breaker_config *config, uint64_t now_ns,
                                            trifuse_config_error *error);

/* Reading ---------------------------------------------------------------------------------------*/

/* Fills *snapshot as of now. TRIFUSE_OK, _ARGUMENT (a NULL), _STRUCT_SIZE. Sees no time: a later call
 * with an older now is not affected. Lifetime totals never run backwards, for which this call may
 * write three words of the breaker. */
TRIFUSE_API int trifuse_breaker_get_snapshot(trifuse_breaker *breaker, uint64_t now_ns,
                                             trifuse_breaker_snapshot *snapshot);

/* The state now, TRIFUSE_STATE_*, or TRIFUSE_ERROR_ARGUMENT for NULL. One read of memory. */
TRIFUSE_API int trifuse_breaker_state(const trifuse_breaker *breaker);

/* The generation now; 0 for NULL. One read of memory. */
TRIFUSE_API uint64_t trifuse_breaker_generation(const trifuse_breaker *breaker);

/* The configuration in force: what was given, rates as they were taken (1e-9), automatic values as 0;
 * initial_state is CLOSED and the reserves are 0, which are not kept; a cusum with its design, so
 * clear cusum_up and slow_cusum_up before changing its rates. *config must have its struct_size set.
 * TRIFUSE_OK, _ARGUMENT (a NULL), _STRUCT_SIZE. */
TRIFUSE_API int trifuse_breaker_get_config(const trifuse_breaker *breaker,
                                           trifuse_breaker_config *config);

/* The other policies ------------------------------------------------------------------------------
 *
 * Each object below is made as a breaker is: _config_init fills a configuration with defaults (results
 * as trifuse_breaker_config_init), _config_check checks one without making anything, _size tells the
 * bytes (a multiple of 64; 0 if refused), _init makes an object in the caller's memory and writes
 * nothing when it fails, _attach takes up one that _init made, _new and _free use the heap. Their
 * results, ownership, alignment and thread safety are those of trifuse_breaker_size, _init, _attach,
 * _new and _free. `error` may be NULL. Where a call below lists its results, TRIFUSE_ERROR_ARGUMENT
 * for a NULL and TRIFUSE_ERROR_STRUCT_SIZE for a struct it fills are understood. */

/* Rate limiters -----------------------------------------------------------------------------------
 *
 * TOKEN_BUCKET     rate r tokens per second, capacity c, starts full: never more than c + r * t tokens in
 *                  any t seconds, in the long run at most 0.01 % below r. (The generic cell rate algorithm:
 *                  ITU-T I.371.)
 * SLIDING_LOG      never more than N in any window [t, t + W). 8 bytes a permit.
 * SLIDING_COUNTER  two fixed windows, the older one weighted by how much of it is still in reach; constant
 *                  memory. Near the log, not equal: docs/limiters.md has its measured error.
 * FIXED_WINDOW     N per window aligned to multiples of W on the monotonic clock; lets 2 N pass around a
 *                  boundary.
 *
 * Waits are exact: refused with wait w, the same request is refused at w - 1 ns and granted at w if nothing
 * else takes tokens. A refused request leaves no trace but in the totals. n is 1 or more (0:
 * TRIFUSE_ERROR_ARGUMENT). A now older than the newest seen may see the newer level or its own. */

TRIFUSE_API int trifuse_limiter_config_init(trifuse_limiter_config *config, size_t struct_size,
    uint32_t preset);
TRIFUSE_API int trifuse_limiter_config_check(const trifuse_limiter_config *config,
    trifuse_config_error *error);
TRIFUSE_API size_t trifuse_limiter_size(const trifuse_limiter_config *config);
TRIFUSE_API int trifuse_limiter_init(void *memory, size_t size, const trifuse_limiter_config *config,
    uint64_t now_ns, trifuse_config_error *error, trifuse_limiter **limiter);
TRIFUSE_API int trifuse_limiter_attach(void *memory, size_t size, trifuse_limiter **limiter);
TRIFUSE_API int trifuse_limiter_new(const trifuse_limiter_config *config, uint64_t now_ns,
    trifuse_config_error *error, trifuse_limiter **limiter);
TRIFUSE_API void trifuse_limiter_free(trifuse_limiter *limiter);

/* Takes n tokens if they are there. TRIFUSE_OK; TRIFUSE_REFUSED_RATE_LIMITED with the wait in *wait_ns
 * (which may be NULL; 0 when granted); TRIFUSE_ERROR_OVER_CAPACITY when n is more than can ever be there. */
TRIFUSE_API int trifuse_limiter_try_acquire(trifuse_limiter *limiter, uint64_t n, uint64_t now_ns,
    uint64_t *wait_ns);

/* Token bucket only, else TRIFUSE_ERROR_UNSUPPORTED. Takes n tokens in advance, in the order of the calls,
 * and says how long to wait before using them; a later try_acquire is refused until they are paid.
 * TRIFUSE_REFUSED_RATE_LIMITED, nothing taken and reservation->wait_ns telling the wait, when that is over
 * max_wait_ns (TRIFUSE_NEVER: any). TRIFUSE_ERROR_OVER_CAPACITY as _try_acquire. */
TRIFUSE_API int trifuse_limiter_reserve(trifuse_limiter *limiter, uint64_t n, uint64_t now_ns,
    uint64_t max_wait_ns, trifuse_reservation *reservation);
/* Gives a reservation up: n tokens less what was granted after it come back, at least 0, told in
 * *given_back (which may be NULL). TRIFUSE_OK; TRIFUSE_ERROR_UNSUPPORTED. */
TRIFUSE_API int trifuse_limiter_cancel(trifuse_limiter *limiter, const trifuse_reservation *reservation,
    uint64_t now_ns, uint64_t *given_back);
/* Puts n tokens in, up to the capacity (an estimate was too high). TRIFUSE_OK; TRIFUSE_ERROR_UNSUPPORTED. */
TRIFUSE_API int trifuse_limiter_refund(trifuse_limiter *limiter, uint64_t n, uint64_t now_ns);
/* Takes n tokens, into debt if need be, any n (an estimate was too low). TRIFUSE_OK;
 * TRIFUSE_ERROR_UNSUPPORTED. A debt of more than 30 years of the rate, or of 2^60 tokens, saturates there. */
TRIFUSE_API int trifuse_limiter_debit(trifuse_limiter *limiter, uint64_t n, uint64_t now_ns);
/* Another rate and capacity, of `config`'s rate, permits, period_ns and capacity; the number of tokens
 * stays (at most the new capacity), a debt too, and so do waits already given. TRIFUSE_OK;
 * TRIFUSE_ERROR_CONFIG with *error; TRIFUSE_ERROR_UNSUPPORTED, also for a config of another kind. */
TRIFUSE_API int trifuse_limiter_set_rate(trifuse_limiter *limiter, const trifuse_limiter_config *config,
    uint64_t now_ns, trifuse_config_error *error);
/* The kinds with a window (a token bucket: TRIFUSE_ERROR_UNSUPPORTED): another N, at once; what was granted
 * stays counted. TRIFUSE_ERROR_CONFIG for an N out of range, of a sliding log over its memory's N. */
TRIFUSE_API int trifuse_limiter_set_permits(trifuse_limiter *limiter, uint64_t permits, uint64_t now_ns,
    trifuse_config_error *error);

/* Whole tokens that a request could take at now, at least 0; 0 for NULL. Sees no time. */
TRIFUSE_API uint64_t trifuse_limiter_available(trifuse_limiter *limiter, uint64_t now_ns);
/* Totals never run backwards, for which this call may write two words of the limiter. */
TRIFUSE_API int trifuse_limiter_get_snapshot(trifuse_limiter *limiter, uint64_t now_ns,
    trifuse_limiter_snapshot *snapshot);

/* Bulkhead and adaptive concurrency limit ---------------------------------------------------------
 *
 * AIMD       N + 1 on success, N * backoff_ratio on failure, timeout or a call longer than timeout_ns.
 * VEGAS      queue = N (1 - no-load time / time), with l = max(1, log10 N): up by 6 l while it is <= l, by l
 *            below alpha l, down by l above beta l or on failure. The no-load time is the least since it was
 *            taken anew, which it is after 1/2..1 of probe_every * N samples.
 *            (Brakmo, Peterson: TCP Vegas, 1995; Netflix concurrency-limits.)
 * GRADIENT2  long = moving average; g = tolerance * long / short within 0.5..1; N = (1 - smoothing) N +
 *            smoothing (g N + queue_size); N * backoff_ratio on failure. (Netflix concurrency-limits.)
 * No clock is read. The limit does not grow while less than half of it is in use. A caller that dies while it
 * holds a place keeps it. */

/* TRIFUSE_ERROR_ARGUMENT for an unknown algorithm (TRIFUSE_ALGORITHM_*). */
TRIFUSE_API int trifuse_concurrency_config_init(trifuse_concurrency_config *config, size_t struct_size,
    uint32_t algorithm);
TRIFUSE_API int trifuse_concurrency_config_check(const trifuse_concurrency_config *config,
    trifuse_config_error *error);
TRIFUSE_API size_t trifuse_concurrency_size(const trifuse_concurrency_config *config);
TRIFUSE_API int trifuse_concurrency_init(void *memory, size_t size, const trifuse_concurrency_config *config,
    uint64_t now_ns, trifuse_config_error *error, trifuse_concurrency **concurrency);
TRIFUSE_API int trifuse_concurrency_attach(void *memory, size_t size, trifuse_concurrency **concurrency);
TRIFUSE_API int trifuse_concurrency_new(const trifuse_concurrency_config *config, uint64_t now_ns,
    trifuse_config_error *error, trifuse_concurrency **concurrency);
TRIFUSE_API void trifuse_concurrency_free(trifuse_concurrency *concurrency);

/* Takes a place. TRIFUSE_OK, to be released once; TRIFUSE_REFUSED_BULKHEAD_FULL. */
TRIFUSE_API int trifuse_concurrency_try_acquire(trifuse_concurrency *concurrency);
/* Gives a place back. The outcome (TRIFUSE_OUTCOME_*) and the duration move an adaptive limit; IGNORED
 * moves nothing. The times of VEGAS and GRADIENT2 are those of successes; a duration of 0 means "not
 * measured" and moves neither them nor their N (a failure does). TRIFUSE_OK;
 * TRIFUSE_ERROR_NOT_HELD when no place is out; TRIFUSE_ERROR_ARGUMENT for an unknown outcome. */
TRIFUSE_API int trifuse_concurrency_release(trifuse_concurrency *concurrency, uint32_t outcome,
    uint64_t duration_ns);
/* Another N, of an adaptive limit within min..max; throws nobody out. TRIFUSE_ERROR_CONFIG with *error. */
TRIFUSE_API int trifuse_concurrency_set_limit(trifuse_concurrency *concurrency, uint32_t limit,
    trifuse_config_error *error);
/* N now; 0 for NULL. */
TRIFUSE_API uint32_t trifuse_concurrency_limit(const trifuse_concurrency *concurrency);
/* Places out now; 0 for NULL. */
TRIFUSE_API uint64_t trifuse_concurrency_in_flight(const trifuse_concurrency *concurrency);
TRIFUSE_API int trifuse_concurrency_get_snapshot(trifuse_concurrency *concurrency,
    trifuse_concurrency_snapshot *snapshot);

/* Retry -------------------------------------------------------------------------------------------*/

/* CRITICAL, NORMAL and BATCH have 3, 2 and 5 retries; every other preset the defaults. */
TRIFUSE_API int trifuse_retry_config_init(trifuse_retry_config *config, size_t struct_size, uint32_t preset);
TRIFUSE_API int trifuse_retry_config_check(const trifuse_retry_config *config,
    trifuse_config_error *error);
TRIFUSE_API size_t trifuse_retry_size(const trifuse_retry_config *config);
TRIFUSE_API int trifuse_retry_init(void *memory, size_t size, const trifuse_retry_config *config,
    uint64_t now_ns, trifuse_config_error *error, trifuse_retry **retry);
TRIFUSE_API int trifuse_retry_attach(void *memory, size_t size, trifuse_retry **retry);
TRIFUSE_API int trifuse_retry_new(const trifuse_retry_config *config, uint64_t now_ns,
    trifuse_config_error *error, trifuse_retry **retry);
TRIFUSE_API void trifuse_retry_free(trifuse_retry *retry);

/* The longest that a call of this configuration can take: max_retries + 1 attempts of attempt_timeout_ns
 * each (TRIFUSE_NEVER: attempts have no limit, and nor has the call) and the longest delay before each
 * retry, the server's word apart; with max_elapsed_ns the last attempt that it leaves time for, begun as
 * late as can be. Exact, saturating. */
TRIFUSE_API int trifuse_retry_max_total(const trifuse_retry_config *config, uint64_t attempt_timeout_ns,
    uint64_t *total_ns, trifuse_config_error *error);

/* Begins a call whose first attempt began at now; call->struct_size must be set. Writes nothing to *retry,
 * and reads the clock for a now of 0 only where there is a max_elapsed_ns. */
TRIFUSE_API int trifuse_retry_begin(trifuse_retry *retry, uint64_t now_ns, trifuse_retry_call *call);

/* An attempt has failed: may it be made again, and after what delay from now?
 * retry_after_ns: the server's word, TRIFUSE_NEVER if none; replaces the delay, plus 0..10 %, never less.
 * own_delay_ns: a delay of the caller's own making in place of the computed one, TRIFUSE_NEVER if none;
 * max_delay, deadline and budget still hold. `budget` may be NULL.
 * TRIFUSE_OK: wait *delay_ns, then try again (call->retries has grown). TRIFUSE_STOP_RETRIES,
 * TRIFUSE_STOP_RETRY_AFTER (the server's word is over retry_after_max), TRIFUSE_STOP_DEADLINE (the wait,
 * its jitter left out, would not end before call->deadline_ns; the jitter is cut to fit),
 * TRIFUSE_REFUSED_RETRY_BUDGET: in this order; give up with the error of the attempt, *delay_ns is 0. */
TRIFUSE_API int trifuse_retry_next(trifuse_retry *retry, trifuse_retry_budget *budget,
    trifuse_retry_call *call, uint64_t retry_after_ns, uint64_t own_delay_ns, uint64_t now_ns,
    uint64_t *delay_ns);

/* Counts a call that has ended, well (`ok` is not 0) or badly, after so many retries. */
TRIFUSE_API int trifuse_retry_settle(trifuse_retry *retry, uint32_t retries, int ok);
/* Takes a new configuration; calls in progress keep their deadline. Results as _init. */
TRIFUSE_API int trifuse_retry_reconfigure(trifuse_retry *retry, const trifuse_retry_config *config,
    trifuse_config_error *error);
TRIFUSE_API int trifuse_retry_get_snapshot(trifuse_retry *retry, trifuse_retry_snapshot *snapshot);

/* Retry budget: over a sliding ttl, ratio * first attempts + floor * seconds of ttl - retries must be at
 * least 1 for a retry. (Finagle's RetryBudget.) From cold floor * ttl retries can come at once. */
TRIFUSE_API int trifuse_retry_budget_config_init(trifuse_retry_budget_config *config, size_t struct_size);
TRIFUSE_API int trifuse_retry_budget_config_check(const trifuse_retry_budget_config *config,
    trifuse_config_error *error);
TRIFUSE_API size_t trifuse_retry_budget_size(const trifuse_retry_budget_config *config);
TRIFUSE_API int trifuse_retry_budget_init(void *memory, size_t size,
    const trifuse_retry_budget_config *config, uint64_t now_ns, trifuse_config_error *error,
    trifuse_retry_budget **budget);
TRIFUSE_API int trifuse_retry_budget_attach(void *memory, size_t size, trifuse_retry_budget **budget);
TRIFUSE_API int trifuse_retry_budget_new(const trifuse_retry_budget_config *config, uint64_t now_ns,
    trifuse_config_error *error, trifuse_retry_budget **budget);
TRIFUSE_API void trifuse_retry_budget_free(trifuse_retry_budget *budget);

/* A first attempt pays in; retries do not. */
TRIFUSE_API int trifuse_retry_budget_deposit(trifuse_retry_budget *budget, uint64_t now_ns);
/* A retry asks. TRIFUSE_OK or TRIFUSE_REFUSED_RETRY_BUDGET. Never more than the promise, however many ask. */
TRIFUSE_API int trifuse_retry_budget_try_withdraw(trifuse_retry_budget *budget, uint64_t now_ns);
TRIFUSE_API int trifuse_retry_budget_get_snapshot(trifuse_retry_budget *budget, uint64_t now_ns,
    trifuse_retry_budget_snapshot *snapshot);

/* Adaptive throttle -------------------------------------------------------------------------------*/

TRIFUSE_API int trifuse_throttle_config_init(trifuse_throttle_config *config, size_t struct_size);
TRIFUSE_API int trifuse_throttle_config_check(const trifuse_throttle_config *config,
    trifuse_config_error *error);
TRIFUSE_API size_t trifuse_throttle_size(const trifuse_throttle_config *config);
TRIFUSE_API int trifuse_throttle_init(void *memory, size_t size, const trifuse_throttle_config *config,
    uint64_t now_ns, trifuse_config_error *error, trifuse_throttle **throttle);
TRIFUSE_API int trifuse_throttle_attach(void *memory, size_t size, trifuse_throttle **throttle);
TRIFUSE_API int trifuse_throttle_new(const trifuse_throttle_config *config, uint64_t now_ns,
    trifuse_config_error *error, trifuse_throttle **throttle);
TRIFUSE_API void trifuse_throttle_free(trifuse_throttle *throttle);

/* Counts a request and draws: TRIFUSE_OK, or TRIFUSE_REFUSED_THROTTLED with probability
 * max(0, (requests - k * accepts) / (requests + 1)), requests being those before this one. */
TRIFUSE_API int trifuse_throttle_try_acquire(trifuse_throttle *throttle, uint64_t now_ns);
/* The backend took an admitted request on. (One it refused for overload is not reported.) */
TRIFUSE_API int trifuse_throttle_accept(trifuse_throttle *throttle, uint64_t now_ns);
TRIFUSE_API int trifuse_throttle_get_snapshot(trifuse_throttle *throttle, uint64_t now_ns,
    trifuse_throttle_snapshot *snapshot);

/* Latency histogram -------------------------------------------------------------------------------*/

TRIFUSE_API int trifuse_histogram_config_init(trifuse_histogram_config *config, size_t struct_size);
TRIFUSE_API int trifuse_histogram_config_check(const trifuse_histogram_config *config,
    trifuse_config_error *error);
TRIFUSE_API size_t trifuse_histogram_size(const trifuse_histogram_config *config);
TRIFUSE_API int trifuse_histogram_init(void *memory, size_t size, const trifuse_histogram_config *config,
    uint64_t now_ns, trifuse_config_error *error, trifuse_histogram **histogram);
TRIFUSE_API int trifuse_histogram_attach(void *memory, size_t size, trifuse_histogram **histogram);
TRIFUSE_API int trifuse_histogram_new(const trifuse_histogram_config *config, uint64_t now_ns,
    trifuse_config_error *error, trifuse_histogram **histogram);
TRIFUSE_API void trifuse_histogram_free(trifuse_histogram *histogram);

/* Takes a duration in; any value, 0 as 1 and those over 2^48 ns (78 hours) as 2^48. */
TRIFUSE_API int trifuse_histogram_record(trifuse_histogram *histogram, uint64_t value_ns, uint64_t now_ns);
/* The value that the share `quantile` (0..1) of the values does not exceed, within 5 %, in *value_ns.
 * TRIFUSE_OK; TRIFUSE_EMPTY; TRIFUSE_ERROR_ARGUMENT for a quantile outside 0..1 or NaN. */
TRIFUSE_API int trifuse_histogram_quantile(trifuse_histogram *histogram, double quantile, uint64_t now_ns,
    uint64_t *value_ns);
/* Adds what `from` holds at now to `into`; `from` is not changed. */
TRIFUSE_API int trifuse_histogram_merge(trifuse_histogram *into, trifuse_histogram *from, uint64_t now_ns);
TRIFUSE_API int trifuse_histogram_get_snapshot(trifuse_histogram *histogram, uint64_t now_ns,
    trifuse_histogram_snapshot *snapshot);

/* Hedge budget (Dean, Barroso: The Tail at Scale, 2013). Begins with nothing saved. ----------------*/

TRIFUSE_API int trifuse_hedge_config_init(trifuse_hedge_config *config, size_t struct_size);
TRIFUSE_API int trifuse_hedge_config_check(const trifuse_hedge_config *config,
    trifuse_config_error *error);
TRIFUSE_API size_t trifuse_hedge_size(const trifuse_hedge_config *config);
TRIFUSE_API int trifuse_hedge_init(void *memory, size_t size, const trifuse_hedge_config *config,
    uint64_t now_ns, trifuse_config_error *error, trifuse_hedge **hedge);
TRIFUSE_API int trifuse_hedge_attach(void *memory, size_t size, trifuse_hedge **hedge);
TRIFUSE_API int trifuse_hedge_new(const trifuse_hedge_config *config, uint64_t now_ns,
    trifuse_config_error *error, trifuse_hedge **hedge);
TRIFUSE_API void trifuse_hedge_free(trifuse_hedge *hedge);

/* A call pays its share in. */
TRIFUSE_API int trifuse_hedge_deposit(trifuse_hedge *hedge);
/* A hedge asks. TRIFUSE_OK (it costs 1) or TRIFUSE_REFUSED_HEDGE_BUDGET. */
TRIFUSE_API int trifuse_hedge_try_withdraw(trifuse_hedge *hedge);
TRIFUSE_API int trifuse_hedge_get_snapshot(trifuse_hedge *hedge, trifuse_hedge_snapshot *snapshot);

/* trifuse:end */

#ifdef __cplusplus
}
#endif

#endif /* TRIFUSE_TRIFUSE_H */
