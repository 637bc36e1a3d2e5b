/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The design of a cusum detector: from (p0, p1, false openings) to the lattice u, d, H.
 *
 * S walks on 0, 1, ... : up by u with probability p, down by d (not below 0) else; S >= H absorbs.
 * The average run length from 0 is solved level by level from the top. A row of level n says what
 * follows from n until the walk is first below n or absorbed: where it lands (1..d below), whether it
 * is absorbed, and the time taken. Row n follows from the rows of n+1..n+u, using sums, products and
 * quotients of positive numbers only, hence without cancellation: the elimination of
 * Grassmann, Taksar, Heyman (Operations Research 33, 1985) in the shape that this walk allows. */
#include "fields.h"

enum { DOWN_MAX = 16, LEVEL_LIMIT = 4096, ROW_CELLS = 4096, UP_MAX = 2048 };

typedef struct lattice { uint32_t up, down, levels; } lattice;

typedef struct rows {
    double land[ROW_CELLS]; /* [level % up][k - 1]: lands k below */
    double absorbed[UP_MAX];
    double time[UP_MAX];
    double mass[UP_MAX + DOWN_MAX + 1];
} rows;

typedef struct descent { double absorbed, time; } descent;

/* Lets mass 1 at level n + up fall until it is at n or below; r->mass[k] ends at n + k - down. */
static descent fall(rows *r, lattice l, uint32_t n) {
    descent sum = {0, 0};
    memset(r->mass, 0, (l.up + l.down + 1) * sizeof r->mass[0]);
    r->mass[l.up + l.down] = 1;
    for (uint32_t j = l.up; j >= 1; j--) {
        double x = r->mass[j + l.down];
        uint32_t at = (n + j) % l.up;
        sum.absorbed += x * r->absorbed[at];
        sum.time += x * r->time[at];
        for (uint32_t k = 1; k <= l.down; k++)
            r->mass[j + l.down - k] += x * r->land[at * l.down + k - 1];
    }
    return sum;
}

static void top_row(rows *r, lattice l, uint32_t n, double p) {
    uint32_t at = n % l.up;
    for (uint32_t k = 1; k < l.down; k++) r->land[at * l.down + k - 1] = 0;
    r->land[at * l.down + l.down - 1] = 1 - p;
    r->absorbed[at] = p;
    r->time[at] = 1;
}

static void inner_row(rows *r, lattice l, uint32_t n, double p) {
    descent sum = fall(r, l, n);
    double leaves = sum.absorbed;
    for (uint32_t k = 1; k < l.down; k++) leaves += r->mass[l.down - k];
    double weight = (1 - p) + p * leaves;
    uint32_t at = n % l.up;
    for (uint32_t k = 1; k < l.down; k++)
        r->land[at * l.down + k - 1] = p * r->mass[l.down - k] / weight;
    r->land[at * l.down + l.down - 1] = (1 - p) / weight;
    r->absorbed[at] = p * sum.absorbed / weight;
    r->time[at] = (1 + p * sum.time) / weight;
}

static double average_run_length(rows *r, lattice l, double p) {
    if (l.up >= l.levels) return 1 / p;
    for (uint32_t n = l.levels - 1; n >= 1; n--) {
        if (n + l.up >= l.levels) top_row(r, l, n, p);
        else inner_row(r, l, n, p);
    }
    descent sum = fall(r, l, 0);
    return (1 + p * sum.time) / (p * sum.absorbed);
}

/* ln(a / b) for a >= b > 0: halve into 3/4..3/2, then the series of 2 atanh(y). */
static double log_ratio(double a, double b) {
    double halvings = 0, sum = 0;
    for (; a > 1.5 * b; b *= 2) halvings += 1;
    double y = (a - b) / (a + b), power = y;
    for (int k = 1; k < 26; k += 2) {
        sum += power / k;
        power *= y * y;
    }
    return 2 * sum + halvings * 0.69314718055994530942;
}

/* The smallest d that fits, and u; up 0: none. */
static lattice steps_for(double p0, double p1) {
    double r = log_ratio(p1, p0) / log_ratio(1 - p0, 1 - p1);
    for (uint32_t d = 1; d <= DOWN_MAX; d++) {
        double wanted = d * r;
        uint32_t u = (uint32_t)(wanted + 0.5);
        double off = u > wanted ? u - wanted : wanted - u;
        if (u == 0 || off > 0.05 * wanted || u > UP_MAX || u * d > ROW_CELLS) continue;
        if (p0 * (u + d) < d && d < p1 * (u + d)) return (lattice){u, d, 0};
    }
    return (lattice){0, 0, 0};
}

/* The least number of levels with an average run length of at least `target`; 0: over the limit. */
static uint32_t levels_for(rows *r, lattice l, double p0, double target) {
    l.levels = LEVEL_LIMIT;
    if (!(average_run_length(r, l, p0) >= target)) return 0;
    uint32_t low = 1, high = LEVEL_LIMIT;
    while (low < high) {
        l.levels = low + (high - low) / 2;
        if (average_run_length(r, l, p0) >= target) high = l.levels;
        else low = l.levels + 1;
    }
    return high;
}

static int design_solve(trifuse_cusum_design *design, uint32_t field, trifuse_config_error *error) {
    static const char none[] = "a pair of rates further apart, or fewer false_open_every: "
                               "no lattice of at most 4096 levels fits";
    double p0 = (double)to_nano(design->tolerated_rate) / 1e9;
    double p1 = (double)to_nano(design->outage_rate) / 1e9;
    rows r;
    lattice l = steps_for(p0, p1);
    if (l.up) l.levels = levels_for(&r, l, p0, design->false_open_every);
    if (!l.levels) return refuse_real(error, field, none, design->tolerated_rate);
    design->up = l.up;
    design->down = l.down;
    design->threshold = l.levels;
    design->reserved = 0;
    design->calls_to_false_open = average_run_length(&r, l, p0);
    design->calls_to_detect_outage = average_run_length(&r, l, p1);
    design->calls_to_detect_total = (double)((l.levels + l.up - 1) / l.up);
    return TRIFUSE_OK;
}
