/*
 * What the tests of the plan share: a launcher that starts no process but notes each invocation,
 * and time that passes only in it. One program includes this once; setup() makes all of it new.
 */
#ifndef XSG_TESTS_PLAN_FAKE_H
#define XSG_TESTS_PLAN_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "harness/machine.h"
#include "harness/plan.h"

enum { MOST = 4000 };

static struct call {
    char target;
    char side;
    size_t padding;
    int pin_cpu;
    char bench[64];
    double phase;
} calls[MOST];
static size_t n_calls;

/* What the fake does: changed by the tests. */
static struct {
    double seconds;      /* per invocation */
    double queued_share; /* ready to run without a CPU */
    double cpu_share;    /* CPU time per elapsed time */
    double head_share;   /* the same of head; 0: as base */
    double slow_head;    /* head takes that much longer */
    size_t n_threads, n_benches, n_notes;
    int leftovers, taken; /* processes; times that the CPU was taken away */
    char fail_target, fail_side;
    size_t fail_from;    /* that invocation of target and side, counted from 0, fails */
    size_t interrupt_at; /* that invocation of all */
    size_t set_flag_at;  /* after it the flag is up */
} fake;

static struct xsg_arena arena;
static struct xsg_err err;
static struct xsg_suite suite;
static struct xsg_suite_target targets[2];
static struct xsg_run base_run, head_run;
static struct xsg_plan_side base = {"B", &base_run}, head = {"H", &head_run};
static struct xsg_plan_options options;
static volatile int flag;
static int64_t now;

static struct {
    struct xsg_plan_look look;
    size_t n; /* values of the first series of base at that time */
    bool open[2];
} looks[10];
static size_t n_looks;
static size_t close_first_at, close_second_at, confirm_first_at; /* the look's number + 1 */
static char progress[MOST][100];
static bool at_once_possible;
static size_t n_progress;

static inline int64_t fake_now(void *arg)
{
    (void)arg;
    return now;
}

static const struct xsg_clock fake_clock = {.monotonic_ns = fake_now};

static inline size_t count_calls(char target, char side)
{
    size_t n = 0;
    for (size_t i = 0; i < n_calls; i++)
        n += (!target || calls[i].target == target) && (!side || calls[i].side == side);
    return n;
}

static inline void make_profile(struct xsg_arena *scratch, struct xsg_profile *profile)
{
    static const char *const notes[] = {"a note", "another"};
    profile->n_processes = 1;
    profile->n_threads = fake.n_threads;
    profile->n_benches = fake.n_benches;
    profile->benches = XSG_NEW_ARRAY(scratch, struct xsg_profile_bench, fake.n_benches);
    for (size_t i = 0; i < fake.n_benches; i++) {
        profile->benches[i].name = xsg_printf(scratch, "b%zu", i);
        profile->benches[i].iterations = 7 + i;
    }
    profile->n_notes = fake.n_notes;
    profile->notes = XSG_NEW_ARRAY(scratch, const char *, fake.n_notes);
    for (size_t i = 0; i < fake.n_notes; i++)
        profile->notes[i] = xsg_strdup(scratch, notes[i]);
    profile->functions = XSG_NEW(scratch, struct xsg_profile_function);
    profile->n_functions = 1;
    profile->functions[0] = (struct xsg_profile_function){
        .function = {.name = "f"}, .self = (double)n_calls, .total = (double)n_calls, .calls = 1};
}

static inline int fake_invoke(struct xsg_arena *scratch, const struct xsg_launcher *launcher,
                              const struct xsg_launch *launch, struct xsg_invocation *out,
                              struct xsg_err *e)
{
    assert_ptr_equal(launcher->invoke_arg, &fake);
    assert_true(n_calls < MOST);
    char target = launch->target->name[0], side = launch->root[0];
    size_t nth = count_calls(target, side);
    struct call *call = &calls[n_calls++];
    *call = (struct call){
        target, side, launch->env_padding, launcher->pin_cpu, "", launch->start_phase};
    snprintf(call->bench, sizeof call->bench, "%s", launch->bench ? launch->bench : "-");
    if (n_calls == fake.interrupt_at)
        return xsg_fail(e, XSG_EINTR, "interrupted");
    if (n_calls == fake.set_flag_at)
        flag = 2;
    double seconds = fake.seconds * (side == 'H' ? fake.slow_head : 1);
    now += (int64_t)(seconds * 1e9);
    out->proc.wall_ns = (int64_t)(seconds * 1e9);
    double share = side == 'H' && fake.head_share > 0 ? fake.head_share : fake.cpu_share;
    out->proc.user_ns = (int64_t)(seconds * 1e9 * share);
    out->proc.queued_ns = (int64_t)(seconds * 1e9 * fake.queued_share);
    out->proc.peak_rss = 1000;
    out->proc.leftovers = fake.leftovers;
    out->proc.involuntary_switches = fake.taken;
    out->proc.voluntary_switches = 1;
    make_profile(scratch, &out->profile);
    if (target == fake.fail_target && side == fake.fail_side && nth >= fake.fail_from) {
        out->failure = xsg_strdup(scratch, "ended with status 3");
        out->hint = xsg_strdup(scratch, "do better");
        out->output = xsg_strdup(scratch, "\n  | oops");
    }
    return 0;
}

/* Both at once: on one core, or on two; each way has a spread of its own, in percent. */
static struct {
    double same_core, two_core;
    double contention; /* on two cores, each takes that many percent more CPU time */
    size_t
        neighbour_from; /* after so many on two cores, these spread ten times as much; 0: never */
    bool fails;
    size_t n_same_core, n_two_core;
    int swapped; /* pairs whose first had the higher core */
} pairs;

static inline int fake_invoke_pair(struct xsg_arena *const scratch[2],
                                   const struct xsg_launcher *launcher,
                                   const struct xsg_launch_pair *pair, struct xsg_invocation *out,
                                   struct xsg_err *e)
{
    bool same = pair->cpu[0] == pair->cpu[1];
    double spread = same ? pairs.same_core : pairs.two_core;
    size_t n = same ? pairs.n_same_core++ : pairs.n_two_core++;
    int64_t start = now;
    if (!same && pairs.neighbour_from > 0 && n >= pairs.neighbour_from)
        spread *= 10;
    pairs.swapped += pair->cpu[0] > pair->cpu[1];
    for (int i = 0; i < 2; i++) {
        int rc = fake_invoke(scratch[i], launcher, &pair->launch[i], &out[i], e);
        if (rc != 0)
            return rc;
    }
    for (int i = 0; !same && i < 2; i++)
        out[i].proc.user_ns += (int64_t)((double)out[i].proc.user_ns * pairs.contention / 100);
    out[0].proc.user_ns += (int64_t)((double)out[0].proc.user_ns * spread / 100 * (n % 2 ? 1 : -1));
    if (!same)
        now = start + (now - start) / 2;
    if (pairs.fails)
        out[1].failure = xsg_strdup(scratch[1], "the port is taken");
    return 0;
}

static inline void on_look(void *arg, const struct xsg_plan_look *look,
                           enum xsg_plan_decision *decision)
{
    assert_ptr_equal(arg, &fake);
    looks[n_looks].look = *look;
    looks[n_looks].n = base_run.n_series ? base_run.series[0].n : 0;
    for (size_t i = 0; i < 2; i++)
        looks[n_looks].open[i] = decision[i] == XSG_PLAN_CONTINUE;
    n_looks++;
    if (n_looks == close_first_at)
        decision[0] = XSG_PLAN_STOP;
    if (n_looks == close_second_at)
        decision[1] = XSG_PLAN_STOP;
    if (n_looks == confirm_first_at)
        decision[0] = XSG_PLAN_CONFIRM;
}

static inline void on_progress(void *arg, const char *line)
{
    assert_ptr_equal(arg, &fake);
    snprintf(progress[n_progress++ % MOST], sizeof progress[0], "%s", line);
}

static inline int setup(void **state)
{
    (void)state;
    memset(&err, 0, sizeof err);
    memset(&fake, 0, sizeof fake);
    memset(&pairs, 0, sizeof pairs);
    at_once_possible = false;
    fake.seconds = 0.5;
    fake.cpu_share = 1;
    fake.slow_head = 1;
    fake.n_threads = 1;
    n_calls = n_looks = n_progress = close_first_at = close_second_at = confirm_first_at = 0;
    flag = 0;
    now = 1000;
    base_run = head_run = (struct xsg_run){0};
    for (int i = 0; i < 2; i++)
        targets[i] = (struct xsg_suite_target){.name = i ? "2" : "1",
                                               .command = i ? "./two" : "./one",
                                               .profile = i ? XSG_MODE_SCOPES | XSG_MODE_SAMPLE
                                                            : XSG_MODE_SAMPLE,
                                               .warmup = 1};
    suite = (struct xsg_suite){.targets = targets, .n_targets = 2};
    options = (struct xsg_plan_options){
        .seed = 42, .look = on_look, .progress = on_progress, .arg = &fake, .clock = &fake_clock};
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    xsg_arena_release(&arena);
    return 0;
}

static inline int run_with(struct xsg_plan_side *first)
{
    struct xsg_launcher launcher = {.pin_cpu = -1,
                                    .interrupt = &flag,
                                    .invoke = fake_invoke,
                                    .invoke_pair = at_once_possible ? fake_invoke_pair : NULL,
                                    .invoke_arg = &fake};
    return xsg_plan_run(&arena, &suite, &launcher, first, &head, &options, &err);
}

static inline int run(void)
{
    return run_with(&base);
}

static inline const struct xsg_series *find(const struct xsg_run *r, const char *target,
                                            const char *function, const char *metric)
{
    for (size_t i = 0; i < r->n_series; i++) {
        const struct xsg_series *s = &r->series[i];
        bool same = function ? s->function.name && strcmp(s->function.name, function) == 0
                             : !s->function.name;
        if (same && strcmp(s->target, target) == 0 && strcmp(s->metric, metric) == 0)
            return s;
    }
    return NULL;
}

/* Takes the control pairs out of the calls: base twice, with one padding. Returns how many. */
static inline size_t take_controls(void)
{
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < n_calls; i++) {
        bool control = i > 4 && i + 1 < n_calls && calls[i].side == 'B' &&
                       calls[i + 1].side == 'B' && calls[i].target == calls[i + 1].target &&
                       calls[i].padding == calls[i + 1].padding;
        n += control;
        if (control)
            i++;
        else
            calls[kept++] = calls[i];
    }
    n_calls = kept;
    return n;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
