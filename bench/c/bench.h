/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Measuring beside a floor: rounds of all subjects in turn, so that what disturbs the machine disturbs
 * all alike; of each the median and the best round in ns an operation. */
#ifndef TRIFUSE_BENCH_H
#define TRIFUSE_BENCH_H

#include <stdint.h>

typedef void subject_body(uint64_t operations, void *argument);

typedef struct subject {
    const char *name;
    subject_body *run;
    void *argument;
    uint64_t operations; /* a round */
    double round[64];
    double median, best;
} subject;

enum { BENCH_ROUNDS = 25 };

/* Runs every subject once a round and fills median and best. */
void bench_run(subject *subjects, unsigned n);
void bench_print(const subject *s);
/* Prints a / b, by medians and by bests, against the most that is aimed at; true if the median or the
 * best ratio is within it. */
int bench_ratio(const char *what, const subject *a, const subject *b, double most);
int bench_limit(const char *what, const subject *a, double most_ns);

double bench_ns(void);

#endif
