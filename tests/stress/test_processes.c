/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Processes that share one breaker's memory and are killed at any moment; the others go on. */
#include "check.h"
#include "trifuse/trifuse.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ULL
#define START (1000 * SECOND)
#if defined(TRIFUSE_EMULATED) /* repeat less */
enum { CHILDREN = 3, KILLS = 20 };
#else
enum { CHILDREN = 3, KILLS = 300 };
#endif
/* A death loses at most the word of the window that was being overwritten: 16 outcomes, and its own. */
enum { LOST_BY_A_DEATH = 17 };

typedef struct shared {
    _Atomic(uint64_t) clock_ns, begun, done;
    _Alignas(64) uint64_t memory[2048];
} shared;

static shared *map;

static void nap(void) {
    struct timespec t = {0, 300000 + rand() % 3000000};
    (void)nanosleep(&t, NULL);
}

static void one_call(trifuse_breaker *b, uint64_t random) {
    uint64_t permit, now = atomic_fetch_add(&map->clock_ns, SECOND / 100);
    if (random % 64 == 0) (void)trifuse_breaker_reset(b, now, NULL);
    if (random % 128 == 1) (void)trifuse_breaker_trip(b, now, SECOND / 2, NULL);
    if (trifuse_breaker_try_acquire(b, now, &permit, NULL) != TRIFUSE_OK) return;
    (void)atomic_fetch_add(&map->begun, 1);
    uint32_t outcome = random % 3 ? TRIFUSE_OUTCOME_SUCCESS : TRIFUSE_OUTCOME_FAILURE;
    (void)trifuse_breaker_report(b, permit, outcome, 0, now, NULL);
    (void)atomic_fetch_add(&map->done, 1);
}

/* A child finds the breaker by itself, as another program would. */
static pid_t start_child(uint64_t seed) {
    pid_t child = fork();
    if (child != 0) return child;
    trifuse_breaker *b = NULL;
    if (trifuse_breaker_attach(map->memory, sizeof map->memory, &b) != TRIFUSE_OK) _exit(1);
    for (uint64_t x = seed;;) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        one_call(b, x >> 20);
    }
}

static trifuse_breaker *make(void) {
    map = mmap(NULL, sizeof *map, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) abort();
    trifuse_breaker_config c;
    (void)trifuse_breaker_config_init(&c, sizeof c, TRIFUSE_PRESET_DEFAULT);
    c.window_kind = TRIFUSE_WINDOW_COUNT;
    c.open_duration_ns = SECOND / 2;
    c.half_open_permit_ttl_ns = 6 * SECOND;
    trifuse_breaker *b = NULL;
    CHECK_EQ(trifuse_breaker_init(map->memory, sizeof map->memory, &c, START, NULL, &b), TRIFUSE_OK);
    atomic_store(&map->clock_ns, START);
    return b;
}

static trifuse_breaker_snapshot picture(trifuse_breaker *b) {
    trifuse_breaker_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_breaker_get_snapshot(b, map->clock_ns, &s), TRIFUSE_OK);
    return s;
}

static void kill_at_random(trifuse_breaker *b) {
    pid_t child[CHILDREN];
    for (unsigned i = 0; i < CHILDREN; i++) child[i] = start_child(88172645463325252ULL + i);
    uint64_t calls = 0, generation = 0;
    for (unsigned k = 0; k < KILLS; k++) {
        nap();
        unsigned i = (unsigned)rand() % CHILDREN;
        CHECK_EQ(kill(child[i], SIGKILL), 0);
        CHECK_EQ(waitpid(child[i], NULL, 0), child[i]);
        trifuse_breaker_snapshot s = picture(b);
        CHECK(s.calls >= calls && s.generation >= generation && s.probes_in_flight <= 5 && s.window_total <= 100);
        calls = s.calls;
        generation = s.generation;
        child[i] = start_child(977 + k);
    }
    for (unsigned i = 0; i < CHILDREN; i++) {
        (void)kill(child[i], SIGKILL);
        (void)waitpid(child[i], NULL, 0);
    }
}

static void the_last_one_finds_it_whole(trifuse_breaker *b) {
    uint64_t now = map->clock_ns + 100 * SECOND, permit, probes = 0;
    CHECK_EQ(trifuse_breaker_reset(b, now, NULL), TRIFUSE_OK);
    for (unsigned i = 0; i < 150; i++) {
        CHECK_EQ(trifuse_breaker_try_acquire(b, now, &permit, NULL), TRIFUSE_OK);
        CHECK_EQ(trifuse_breaker_report(b, permit, TRIFUSE_OUTCOME_SUCCESS, 0, now, NULL), TRIFUSE_OK);
    }
    CHECK_EQ(picture(b).window_total, 100);
    CHECK_EQ(trifuse_breaker_trip(b, now, SECOND, NULL), TRIFUSE_OK);
    CHECK_EQ(trifuse_breaker_try_acquire(b, now + SECOND - 1, &permit, NULL), TRIFUSE_REFUSED_OPEN);
    for (unsigned i = 0; i < 20; i++)
        probes += trifuse_breaker_try_acquire(b, now + SECOND, &permit, NULL) == TRIFUSE_OK;
    CHECK_EQ(probes, 5);
}

static void processes_killed_at_random_harm_nobody(void) {
    trifuse_breaker *b = make();
    kill_at_random(b);
    uint64_t begun = map->begun, done = map->done;
    trifuse_breaker_snapshot s = picture(b);
    printf("%" PRIu64 " calls, %d kills, %" PRIu64 " changes of state\n", done, KILLS, s.generation - 1);
    CHECK(done > KILLS && s.generation > KILLS);
    CHECK(s.calls + s.late_results <= begun);
    CHECK(s.calls + s.late_results + (KILLS + CHILDREN) * LOST_BY_A_DEATH >= done);
    the_last_one_finds_it_whole(b);
    (void)munmap(map, sizeof *map);
}

int main(void) {
    RUN(processes_killed_at_random_harm_nobody);
    return check_summary();
}
