/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The hedge budget: every call pays its share in, every hedge costs 1.
 *
 *   SHARE, MOST       the configuration: share and max_saved, in units of 1e-9
 *   SAVED             what is saved, in units of 1e-9, 0..MOST
 *   CALLS, HEDGES     totals; REFUSED on a line of its own
 *
 * A deposit is one swap of SAVED to at most MOST, a withdrawal one swap that takes 1. Each is done whole
 * or not at all. A call is counted before it pays, a hedge after it has been paid for: dying between loses
 * the payment, or the count, of that one call; never is more handed out than was paid in. */
#include "object.h"

enum { E_SHARE = O_FIRST, E_MOST, E_SAVED = 8, E_CALLS, E_HEDGES, E_REFUSED = 16, E_END = 24 };
#define HEDGE_MAGIC 0x0101006567646568ULL /* "hedge", layout 1 */

struct trifuse_hedge {
    word w[E_END];
};

static const trifuse_hedge_config hedge_defaults = {
    .struct_size = sizeof(trifuse_hedge_config), .share = 0.05, .max_saved = 10};

#define AT(member) (uint32_t)offsetof(trifuse_hedge_config, member)
static const field_rule hedge_rules[] = {
    FIELD_INTEGER(FLAGS, AT(flags), 0, 0, "0"),
    FIELD_INTEGER(FLAGS, AT(reserved), 0, 0, "0"),
    FIELD_REAL(SHARE, AT(share), 0, 1, "0.0 to 1.0"),
    FIELD_INTEGER(MAX_SAVED, AT(max_saved), 1, 1000000, "1 to 1000000"),
};
#undef AT
static const field_rules hedge_fields = FIELD_RULES(hedge_rules);

int trifuse_hedge_config_init(trifuse_hedge_config *config, size_t struct_size) {
    return fields_init(config, struct_size, &hedge_defaults, sizeof hedge_defaults);
}

static int hedge_take(const trifuse_hedge_config *given, trifuse_hedge_config *known, trifuse_config_error *error) {
    return fields_read(given, known, &hedge_defaults, sizeof *known, &hedge_fields, error);
}

static size_t hedge_words(const trifuse_hedge_config *known) {
    (void)known;
    return E_END;
}

static void hedge_write(word *w, const trifuse_hedge_config *known, uint64_t now_ns) {
    (void)now_ns;
    store_release(&w[E_SHARE], to_nano(known->share));
    store_release(&w[E_MOST], known->max_saved * NANO);
}

OBJECT_FUNCTIONS(hedge, HEDGE_MAGIC)

int trifuse_hedge_deposit(trifuse_hedge *hedge) {
    if (!hedge) return TRIFUSE_ERROR_ARGUMENT;
    word *w = hedge->w;
    uint64_t share = load_relaxed(&w[E_SHARE]), most = load_relaxed(&w[E_MOST]), old, next;
    add_relaxed(&w[E_CALLS], 1);
    do {
        old = load_acquire(&w[E_SAVED]);
        next = min64(old + share, most);
    } while (next != old && !cas_acq_rel(&w[E_SAVED], old, next));
    return TRIFUSE_OK;
}

int trifuse_hedge_try_withdraw(trifuse_hedge *hedge) {
    if (!hedge) return TRIFUSE_ERROR_ARGUMENT;
    word *w = hedge->w;
    for (;;) {
        uint64_t old = load_acquire(&w[E_SAVED]);
        if (old < NANO) {
            add_relaxed(&w[E_REFUSED], 1);
            return TRIFUSE_REFUSED_HEDGE_BUDGET;
        }
        if (cas_acq_rel(&w[E_SAVED], old, old - NANO)) break;
    }
    add_relaxed(&w[E_HEDGES], 1);
    return TRIFUSE_OK;
}

int trifuse_hedge_get_snapshot(trifuse_hedge *hedge, trifuse_hedge_snapshot *snapshot) {
    if (!hedge || !snapshot) return TRIFUSE_ERROR_ARGUMENT;
    word *w = hedge->w;
    trifuse_hedge_snapshot s = {0};
    s.saved = (double)load_acquire(&w[E_SAVED]) / 1e9;
    s.hedges = load_acquire(&w[E_HEDGES]);
    s.calls = load_acquire(&w[E_CALLS]);
    s.refused = load_acquire(&w[E_REFUSED]);
    return struct_fill(snapshot, &s, sizeof s);
}
