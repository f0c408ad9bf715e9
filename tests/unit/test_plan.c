/* The plan: which invocations in which order, and when to stop. No process is started: the launcher
 * is a fake that notes each invocation, and time passes only in it. */
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
} calls[MOST];
static size_t n_calls;

/* What the fake does: changed by the tests. */
static struct {
    double seconds;      /* per invocation */
    double queued_share; /* ready to run without a CPU */
    double cpu_share;    /* CPU time per elapsed time */
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

static int64_t fake_now(void *arg)
{
    (void)arg;
    return now;
}

static const struct xsg_clock fake_clock = {.monotonic_ns = fake_now};

static size_t count_calls(char target, char side)
{
    size_t n = 0;
    for (size_t i = 0; i < n_calls; i++)
        n += (!target || calls[i].target == target) && (!side || calls[i].side == side);
    return n;
}

static void make_profile(struct xsg_arena *scratch, struct xsg_profile *profile)
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

static int fake_invoke(struct xsg_arena *scratch, const struct xsg_launcher *launcher,
                       const struct xsg_launch *launch, struct xsg_invocation *out,
                       struct xsg_err *e)
{
    assert_ptr_equal(launcher->invoke_arg, &fake);
    assert_true(n_calls < MOST);
    char target = launch->target->name[0], side = launch->root[0];
    size_t nth = count_calls(target, side);
    struct call *call = &calls[n_calls++];
    *call = (struct call){target, side, launch->env_padding, launcher->pin_cpu, ""};
    snprintf(call->bench, sizeof call->bench, "%s", launch->bench ? launch->bench : "-");
    if (n_calls == fake.interrupt_at)
        return xsg_fail(e, XSG_EINTR, "interrupted");
    if (n_calls == fake.set_flag_at)
        flag = 2;
    double seconds = fake.seconds * (side == 'H' ? fake.slow_head : 1);
    now += (int64_t)(seconds * 1e9);
    out->proc.wall_ns = (int64_t)(seconds * 1e9);
    out->proc.user_ns = (int64_t)(seconds * 1e9 * fake.cpu_share);
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
    bool fails;
    size_t n_same_core, n_two_core;
    int swapped; /* pairs whose first had the higher core */
} pairs;

static int fake_invoke_pair(struct xsg_arena *const scratch[2], const struct xsg_launcher *launcher,
                            const struct xsg_launch_pair *pair, struct xsg_invocation *out,
                            struct xsg_err *e)
{
    bool same = pair->cpu[0] == pair->cpu[1];
    double spread = same ? pairs.same_core : pairs.two_core;
    size_t n = same ? pairs.n_same_core++ : pairs.n_two_core++;
    int64_t start = now;
    pairs.swapped += pair->cpu[0] > pair->cpu[1];
    for (int i = 0; i < 2; i++) {
        int rc = fake_invoke(scratch[i], launcher, &pair->launch[i], &out[i], e);
        if (rc != 0)
            return rc;
    }
    out[0].proc.user_ns += (int64_t)((double)out[0].proc.user_ns * spread / 100 * (n % 2 ? 1 : -1));
    if (!same)
        now = start + (now - start) / 2;
    if (pairs.fails)
        out[1].failure = xsg_strdup(scratch[1], "the port is taken");
    return 0;
}

static void on_look(void *arg, const struct xsg_plan_look *look, enum xsg_plan_decision *decision)
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

static void on_progress(void *arg, const char *line)
{
    assert_ptr_equal(arg, &fake);
    snprintf(progress[n_progress++ % MOST], sizeof progress[0], "%s", line);
}

static int setup(void **state)
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

static int teardown(void **state)
{
    (void)state;
    xsg_arena_release(&arena);
    return 0;
}

static int run_with(struct xsg_plan_side *first)
{
    struct xsg_launcher launcher = {.pin_cpu = -1,
                                    .interrupt = &flag,
                                    .invoke = fake_invoke,
                                    .invoke_pair = at_once_possible ? fake_invoke_pair : NULL,
                                    .invoke_arg = &fake};
    return xsg_plan_run(&arena, &suite, &launcher, first, &head, &options, &err);
}

static int run(void)
{
    return run_with(&base);
}

static const struct xsg_series *find(const struct xsg_run *r, const char *target,
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

/* ---- order ---- */

/* Takes the control pairs out of the calls: base twice, with one padding. Returns how many. */
static size_t take_controls(void)
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

static void test_rounds_are_interleaved(void **state)
{
    (void)state;
    options.rounds = 30;
    assert_int_equal(run(), 0);
    assert_int_equal(take_controls(), 2 * 3); /* one in ten rounds of each target */
    assert_int_equal(base_run.targets[0].n_control, 3);
    assert_true(base_run.targets[1].control[2] == 0); /* equal programs in equal time */
    assert_int_equal(n_calls, 4 + 30 * 4);
    /* First the warm-up: of each target base, then head. */
    const char *warm = "1B1H2B2H";
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(calls[i].target, warm[2 * i]);
        assert_int_equal(calls[i].side, warm[2 * i + 1]);
        assert_int_equal(calls[i].padding, 0);
    }
    int head_first = 0, second_first = 0, changes = 0, first_of[2] = {0};
    for (size_t r = 0; r < 30; r++) {
        const struct call *c = &calls[4 + 4 * r];
        for (int k = 0; k < 4; k += 2) { /* both sides of a target stand together */
            assert_int_equal(c[k].target, c[k + 1].target);
            assert_int_not_equal(c[k].side, c[k + 1].side);
            assert_int_equal(c[k].padding, c[k + 1].padding);
            assert_true(c[k].padding < 4096);
            head_first += c[k].side == 'H';
        }
        assert_int_not_equal(c[0].target, c[2].target);
        first_of[c[0].target - '1'] += c[0].side == 'H';
        first_of[c[2].target - '1'] += c[2].side == 'H';
        second_first += c[0].target == '2';
        changes += r > 0 && c[0].padding != c[-4].padding;
    }
    assert_in_range(head_first, 18, 42); /* of 60 */
    for (int i = 0; i < 2; i++)
        assert_in_range(first_of[i], 12, 18); /* of 30: balanced, but for the control pairs */
    assert_in_range(second_first, 6, 24);
    assert_true(changes > 25);
    assert_int_equal(find(&base_run, "1", NULL, "cpu")->n, 30);
    assert_int_equal(find(&head_run, "2", "f", "time")->n, 30);
}

static bool same_call(const struct call *a, const struct call *b)
{
    return a->target == b->target && a->side == b->side && a->padding == b->padding &&
           a->pin_cpu == b->pin_cpu && strcmp(a->bench, b->bench) == 0;
}

static void test_the_seed_decides(void **state)
{
    (void)state;
    static struct call first[MOST];
    size_t differing = 0;
    options.rounds = 20;
    assert_int_equal(run(), 0);
    size_t n = n_calls;
    memcpy(first, calls, sizeof first);
    setup(NULL);
    options.rounds = 20;
    assert_int_equal(run(), 0);
    assert_int_equal(n_calls, n);
    for (size_t i = 0; i < n; i++)
        assert_true(same_call(&first[i], &calls[i]));
    setup(NULL);
    options.rounds = 20;
    options.seed = 43;
    assert_int_equal(run(), 0);
    for (size_t i = 0; i < n; i++)
        differing += !same_call(&first[i], &calls[i]);
    assert_true(differing > n / 4);
}

static void test_one_side_alone(void **state)
{
    (void)state;
    options.rounds = 3;
    assert_int_equal(run_with(NULL), 0);
    assert_int_equal(count_calls(0, 'B'), 0);
    assert_int_equal(count_calls('1', 'H'), 4);
    assert_int_equal(find(&head_run, "1", NULL, "time")->n, 3);
    assert_int_equal(base_run.n_targets, 0);
    fake.fail_target = '1';
    fake.fail_side = 'H';
    n_calls = 0;
    assert_int_equal(run_with(NULL), 0);
    assert_string_equal(head_run.targets[0].invalid, "ended with status 3; do better\n  | oops");
}

/* ---- warm-up ---- */

static void test_benches_are_calibrated_once(void **state)
{
    (void)state;
    fake.n_benches = 2;
    targets[0].warmup = 3;
    options.rounds = 2;
    assert_int_equal(run(), 0);
    assert_int_equal(count_calls('1', 'B'), 3 + 2);
    assert_int_equal(count_calls('1', 'H'), 3 + 2);
    assert_int_equal(count_calls('2', 'B'), 1 + 2);
    int calibrating = 0;
    for (size_t i = 0; i < n_calls; i++) {
        bool is_first = i == 0 || i == 6;
        calibrating += is_first;
        assert_string_equal(calls[i].bench, is_first ? "calibrate:200ms" : "b0=7;b1=8");
        assert_true(!is_first || calls[i].side == 'B');
    }
    assert_int_equal(calibrating, 2);
}

static void test_no_benches_no_counts(void **state)
{
    (void)state;
    options.rounds = 1;
    assert_int_equal(run(), 0);
    assert_string_equal(calls[0].bench, "calibrate:200ms");
    assert_string_equal(calls[1].bench, "-");
}

static void test_only_serial_targets_are_pinned(void **state)
{
    (void)state;
    int cpu = xsg_machine_pick_cpu();
    options.rounds = 2;
    assert_int_equal(run(), 0);
    assert_int_equal(calls[0].pin_cpu, -1); /* what it is shows only now */
    for (size_t i = 4; i < n_calls; i++)
        assert_int_equal(calls[i].pin_cpu, cpu);
    setup(NULL);
    options.rounds = 2;
    fake.n_threads = 2;
    assert_int_equal(run(), 0);
    for (size_t i = 0; i < n_calls; i++)
        assert_int_equal(calls[i].pin_cpu, -1);
    setup(NULL);
    options.rounds = 2;
    fake.cpu_share = 1.7; /* threads that the profiler did not see */
    assert_int_equal(run(), 0);
    assert_int_equal(calls[n_calls - 1].pin_cpu, -1);
}

/* ---- looks ---- */

static void test_looks_at_10_20_40_80(void **state)
{
    (void)state;
    assert_int_equal(run(), 0);
    take_controls();
    assert_int_equal(count_calls('1', 'B'), 81);
    assert_int_equal(n_looks, 4);
    static const size_t at[] = {10, 20, 40, 80};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(looks[i].look.index, i);
        assert_int_equal(looks[i].look.n_looks, 4);
        assert_int_equal(looks[i].look.planned, 80);
        assert_int_equal(looks[i].look.rounds, at[i]);
        assert_int_equal(looks[i].look.last, i == 3);
        assert_int_equal(looks[i].n, at[i]); /* what was measured is there to look at */
        assert_true(looks[i].open[0] && looks[i].open[1]);
    }
}

static void test_looks_never_beyond_the_last_round(void **state)
{
    (void)state;
    options.max_rounds = 15;
    assert_int_equal(run(), 0);
    assert_int_equal(n_looks, 2);
    assert_int_equal(looks[0].look.rounds, 10);
    assert_int_equal(looks[1].look.rounds, 15);
    assert_int_equal(looks[1].look.n_looks, 2);
    assert_true(looks[1].look.last);
    setup(NULL);
    options.max_rounds = 10;
    assert_int_equal(run(), 0);
    assert_int_equal(n_looks, 1);
    assert_true(looks[0].look.last && looks[0].look.n_looks == 1);
}

static void test_decided_targets_stop(void **state)
{
    (void)state;
    close_first_at = 1;
    close_second_at = 2;
    assert_int_equal(run(), 0);
    take_controls();
    assert_int_equal(count_calls('1', 'B'), 11);
    assert_int_equal(count_calls('1', 'H'), 11);
    assert_int_equal(count_calls('2', 'H'), 21);
    assert_int_equal(n_looks, 2);
    assert_false(looks[1].open[0]);
    assert_int_equal(find(&head_run, "1", NULL, "time")->n, 10);
    assert_int_equal(find(&head_run, "2", NULL, "time")->n, 20);
}

static void test_a_fixed_number_is_looked_at_once(void **state)
{
    (void)state;
    options.rounds = 25;
    close_first_at = 1;
    assert_int_equal(run(), 0);
    assert_int_equal(n_looks, 1);
    assert_int_equal(looks[0].look.rounds, 25);
    assert_int_equal(looks[0].look.n_looks, 1);
    options.look = NULL;
    assert_int_equal(run(), 0);
}

/* ---- pairing ---- */

static void run_pairs(enum xsg_pairing asked)
{
    suite.n_targets = 1;
    at_once_possible = true;
    options.pairing = asked;
    options.rounds = 20;
    assert_int_equal(run(), 0);
}

static void assert_pairing(enum xsg_pairing pairing, const char *reason)
{
    assert_int_equal(base_run.targets[0].pairing, pairing);
    assert_int_equal(head_run.targets[0].pairing, pairing);
    if (!strstr(head_run.targets[0].pairing_reason, reason))
        fail_msg("'%s' is not in '%s'", reason, head_run.targets[0].pairing_reason);
}

static void test_same_core(void **state)
{
    (void)state;
    run_pairs(XSG_PAIRING_SAME_CORE);
    assert_pairing(XSG_PAIRING_SAME_CORE, "asked for");
    assert_int_equal(pairs.n_same_core, 20 + 2);
    assert_int_equal(pairs.n_two_core, 0);
    assert_int_equal(base_run.targets[0].n_control, 2);
    assert_int_equal(find(&head_run, "1", NULL, "time")->n, 20);
}

static void test_two_core(void **state)
{
    (void)state;
    int cpus[2];
    run_pairs(XSG_PAIRING_TWO_CORE);
    if (xsg_machine_pick_cpus(cpus) == 0) {
        assert_pairing(XSG_PAIRING_ALTERNATE, "one CPU");
        return;
    }
    assert_pairing(XSG_PAIRING_TWO_CORE, "asked for");
    assert_int_equal(pairs.n_two_core, 22);
    assert_int_equal(pairs.swapped, 11); /* balanced over the sides */
}

/* Each switch between the sides costs the scope that it happens in. */
static void test_scopes_do_not_share_a_core(void **state)
{
    (void)state;
    targets[0].profile = XSG_MODE_SCOPES;
    run_pairs(XSG_PAIRING_SAME_CORE);
    assert_pairing(XSG_PAIRING_ALTERNATE, "cost scopes and");
    assert_int_equal(pairs.n_same_core, 0);
}

static void test_the_targets_own_pairing(void **state)
{
    (void)state;
    targets[0].pairing = XSG_PAIRING_SAME_CORE;
    run_pairs(XSG_PAIRING_AUTO);
    assert_pairing(XSG_PAIRING_SAME_CORE, "asked for");
    setup(NULL);
    targets[0].pairing = XSG_PAIRING_SAME_CORE;
    run_pairs(XSG_PAIRING_ALTERNATE);
    assert_pairing(XSG_PAIRING_ALTERNATE, "asked for");
}

static void test_auto_takes_what_spreads_least(void **state)
{
    (void)state;
    int cpus[2];
    pairs.same_core = 1;
    pairs.two_core = 4;
    run_pairs(XSG_PAIRING_AUTO);
    assert_pairing(XSG_PAIRING_SAME_CORE, "equal programs differ by");
    assert_int_equal(base_run.targets[0].n_control, 5 + 2); /* those of the trial, too */
    setup(NULL);
    pairs.same_core = 4;
    pairs.two_core = 1;
    run_pairs(XSG_PAIRING_AUTO);
    assert_pairing(xsg_machine_pick_cpus(cpus) == 2 ? XSG_PAIRING_TWO_CORE : XSG_PAIRING_SAME_CORE,
                   "equal programs differ by");
    setup(NULL);
    pairs.same_core = pairs.two_core = 4;
    fake.seconds = 0.1; /* short enough to try one after the other */
    run_pairs(XSG_PAIRING_AUTO);
    assert_pairing(XSG_PAIRING_ALTERNATE, "equal programs differ by");
}

static void test_auto_asks_the_target(void **state)
{
    (void)state;
    fake.n_threads = 2;
    run_pairs(XSG_PAIRING_AUTO);
    assert_pairing(XSG_PAIRING_ALTERNATE, "more than one thread");
    setup(NULL);
    fake.cpu_share = 0.3;
    run_pairs(XSG_PAIRING_AUTO);
    assert_pairing(XSG_PAIRING_ALTERNATE, "waits");
    setup(NULL);
    pairs.fails = true;
    run_pairs(XSG_PAIRING_AUTO);
    assert_pairing(XSG_PAIRING_ALTERNATE, "fails when two of it run at once");
    assert_null(head_run.targets[0].invalid);
    setup(NULL);
    fake.seconds = 20;
    run_pairs(XSG_PAIRING_AUTO);
    assert_pairing(XSG_PAIRING_SAME_CORE, "too long");
    assert_int_equal(pairs.n_same_core, 22);
}

/* ---- confirmation ---- */

static size_t confirmed_from, confirmed_rounds, n_confirmed;
static bool confirms;

static bool on_confirmed(void *arg, size_t target, size_t from)
{
    assert_ptr_equal(arg, &fake);
    assert_int_equal(target, 0);
    confirmed_from = from;
    confirmed_rounds = find(&head_run, "1", NULL, "time")->n;
    n_confirmed++;
    return confirms;
}

static void run_confirming(size_t at, bool yes)
{
    options.confirmed = on_confirmed;
    confirms = yes;
    confirm_first_at = at;
    n_confirmed = 0;
    assert_int_equal(run(), 0);
    assert_int_equal(n_confirmed, 1);
}

static void test_a_regression_is_measured_again(void **state)
{
    (void)state;
    close_second_at = 1;
    run_confirming(1, true);
    assert_int_equal(confirmed_from, 10);
    assert_int_equal(confirmed_rounds, 15);
    assert_int_equal(find(&head_run, "1", NULL, "time")->n, 15);
    assert_int_equal(find(&head_run, "2", NULL, "time")->n, 10);
    assert_int_equal(n_looks, 1);
}

/* A quarter of the rounds so far, also after the last look. */
static void test_the_fresh_batch_grows(void **state)
{
    (void)state;
    close_second_at = 1;
    run_confirming(4, false);
    assert_int_equal(confirmed_from, 80);
    assert_int_equal(confirmed_rounds, 100);
}

static void test_what_went_away_goes_on(void **state)
{
    (void)state;
    close_second_at = 1;
    run_confirming(1, false);
    assert_int_equal(confirmed_rounds, 15);
    assert_int_equal(n_looks, 4);
    assert_int_equal(find(&head_run, "1", NULL, "time")->n, 80);
}

static void test_a_fresh_batch_is_within_the_time(void **state)
{
    (void)state;
    fake.seconds = 1;
    close_second_at = 1;
    options.max_time_s = 52; /* warm-up 4, ten rounds 40, two controls 4, and two more rounds */
    run_confirming(1, true);
    assert_int_equal(confirmed_rounds, 12);
}

/* ---- the budget ---- */

static void test_the_time_is_kept(void **state)
{
    (void)state;
    fake.seconds = 1;
    options.max_time_s = 21; /* 4 of warm-up, 4 per round */
    int64_t start = now;
    assert_int_equal(run(), 0);
    assert_true(now - start <= 21 * INT64_C(1000000000));
    assert_true(now - start > 17 * INT64_C(1000000000));
    assert_int_equal(n_looks, 1);
    assert_true(looks[0].look.last);
    assert_int_equal(looks[0].look.rounds, 4);
    assert_int_equal(looks[0].look.n_looks, 4);
    assert_int_equal(looks[0].n, 4);
    assert_int_equal(head_run.n_warnings, 2);
    assert_string_equal(head_run.warnings[0], "1: the time was up after 4 rounds");
}

static void test_a_round_is_measured_however_short_the_time(void **state)
{
    (void)state;
    fake.seconds = 5;
    options.max_time_s = 0.1;
    assert_int_equal(run(), 0);
    assert_int_equal(count_calls('1', 'H'), 2);
    assert_int_equal(count_calls('2', 'B'), 2);
    assert_int_equal(find(&base_run, "2", NULL, "time")->n, 1);
    assert_string_equal(base_run.warnings[0], "1: the time was up after 1 round");
}

/* ---- failures ---- */

static void test_a_failing_side_stops_its_target_only(void **state)
{
    (void)state;
    fake.fail_target = '2';
    fake.fail_side = 'H';
    fake.fail_from = 1 + 3; /* after warm-up and three rounds */
    options.rounds = 10;
    assert_int_equal(run(), 0);
    assert_int_equal(count_calls('1', 'H'), 11);
    assert_int_equal(count_calls('2', 'H'), 5);
    assert_null(head_run.targets[0].invalid);
    assert_null(base_run.targets[1].invalid);
    assert_string_equal(head_run.targets[1].invalid, "ended with status 3; do better\n  | oops");
    /* Whole rounds only, also when base had already run in the fourth. */
    assert_int_equal(find(&base_run, "2", NULL, "cpu")->n, 3);
    assert_int_equal(find(&head_run, "2", NULL, "cpu")->n, 3);
    assert_int_equal(find(&base_run, "2", "f", "time")->n, 3);
}

static void test_a_failing_warm_up_is_seen_on_both_sides(void **state)
{
    (void)state;
    fake.fail_target = '1';
    fake.fail_side = 'B';
    options.rounds = 5;
    targets[0].warmup = 4;
    assert_int_equal(run(), 0);
    assert_int_equal(count_calls('1', 'B'), 1);
    assert_int_equal(count_calls('1', 'H'), 4);
    assert_string_equal(base_run.targets[0].invalid, "ended with status 3; do better\n  | oops");
    assert_null(head_run.targets[0].invalid);
    assert_null(find(&base_run, "1", NULL, "cpu"));
    assert_int_equal(find(&base_run, "2", NULL, "cpu")->n, 5);
    assert_string_equal(base_run.targets[1].profile, "scopes,sample");
}

static void test_all_failing_ends_at_once(void **state)
{
    (void)state;
    suite.n_targets = 1;
    fake.fail_target = '1';
    fake.fail_side = 'H';
    assert_int_equal(run(), 0);
    assert_int_equal(n_calls, 2);
    assert_int_equal(n_looks, 0);
}

static void test_interrupts(void **state)
{
    (void)state;
    for (size_t at = 1; at < 12; at++) {
        setup(NULL);
        fake.interrupt_at = at;
        assert_int_equal(run(), XSG_EINTR);
        assert_int_equal(n_calls, at);
        assert_null(base_run.series);
    }
    for (size_t at = 1; at < 12; at++) {
        setup(NULL);
        fake.set_flag_at = at;
        assert_int_equal(run(), XSG_EINTR);
        assert_int_equal(n_calls, at);
        assert_int_equal(n_looks, 0);
    }
}

/* ---- values ---- */

static void test_time_is_cpu_time(void **state)
{
    (void)state;
    options.rounds = 3;
    fake.cpu_share = 0.9;
    fake.slow_head = 2;
    assert_int_equal(run(), 0);
    assert_true(find(&base_run, "1", NULL, "time")->values[2] == 450e6);
    assert_true(find(&head_run, "1", NULL, "time")->values[2] == 900e6);
    assert_true(find(&head_run, "1", NULL, "wall")->values[0] == 1e9);
    assert_true(find(&head_run, "1", NULL, "user")->values[0] == 900e6);
    assert_true(find(&head_run, "1", NULL, "system")->values[0] == 0);
    assert_true(find(&head_run, "1", NULL, "peak_rss")->values[0] == 1000);
    assert_non_null(find(&head_run, "1", NULL, "page_faults"));
    assert_non_null(find(&head_run, "1", NULL, "context_switches"));
    assert_int_equal(head_run.n_warnings, 0);
    assert_true(head_run.elapsed_s > 8.9 && head_run.elapsed_s < 12.1);
}

static void test_time_of_one_that_waits_is_wall_time(void **state)
{
    (void)state;
    options.rounds = 3;
    fake.cpu_share = 0.25;
    assert_int_equal(run(), 0);
    assert_true(find(&base_run, "1", NULL, "time")->values[2] == 500e6);
    assert_true(find(&head_run, "2", NULL, "time")->values[0] == 500e6);
    assert_true(find(&head_run, "2", NULL, "cpu")->values[0] == 125e6);
    assert_int_equal(head_run.n_warnings, 2);
    assert_string_equal(head_run.warnings[0],
                        "1: its CPU time is 25 % of its elapsed time, so that it is judged by "
                        "elapsed time, which is noisier");
}

/* One that is starved by others computes all the same. */
static void test_time_on_a_busy_machine_is_cpu_time(void **state)
{
    (void)state;
    options.rounds = 3;
    fake.cpu_share = 0.25;
    fake.queued_share = 0.7;
    suite.n_targets = 1;
    assert_int_equal(run(), 0);
    assert_true(find(&base_run, "1", NULL, "time")->values[2] == 125e6);
    assert_int_equal(head_run.n_warnings, 1);
    assert_string_equal(head_run.warnings[0],
                        "1: other programs kept it from running for 70 % of its elapsed time; a "
                        "quieter machine needs fewer rounds");
}

/* Of several processes the queueing is not known; but who computes has the CPU taken. */
static void test_time_of_several_busy_processes_is_cpu_time(void **state)
{
    (void)state;
    options.rounds = 3;
    fake.cpu_share = 0.25;
    fake.n_threads = 2;
    fake.taken = 5;
    assert_int_equal(run(), 0);
    assert_true(find(&base_run, "1", NULL, "time")->values[2] == 125e6);
    assert_int_equal(head_run.n_warnings, 0);
    fake.taken = 0;
    assert_int_equal(run(), 0);
    assert_true(find(&base_run, "1", NULL, "time")->values[2] == 500e6);
}

static void test_notes_and_leftovers_are_warnings(void **state)
{
    (void)state;
    suite.n_targets = 1;
    fake.n_notes = 2;
    fake.leftovers = 2;
    assert_int_equal(run(), 0); /* filled at three looks and at the end: said once */
    assert_int_equal(base_run.n_warnings, 3);
    assert_string_equal(base_run.warnings[0], "1: 2 processes outlived the target and were ended; "
                                              "what they did is not in its CPU time");
    assert_string_equal(base_run.warnings[1], "1: a note");
    assert_string_equal(base_run.warnings[2], "1: another");
}

static void test_progress(void **state)
{
    (void)state;
    suite.n_targets = 1;
    options.rounds = 200;
    assert_int_equal(run(), 0);
    assert_string_equal(progress[0], "1: warming up");
    assert_string_equal(progress[1], "1: round 1 of 200");
    assert_string_equal(progress[2], "1: round 2 of 200, about 3m19s left");
    assert_string_equal(progress[200], "1: round 200 of 200, about 1s left");
    setup(NULL);
    suite.n_targets = 1;
    options.max_time_s = 9.5;
    assert_int_equal(run(), 0);
    assert_string_equal(progress[2], "1: round 2 of at most 80, about 8s left");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_rounds_are_interleaved),
        TEST(test_the_seed_decides),
        TEST(test_one_side_alone),
        TEST(test_benches_are_calibrated_once),
        TEST(test_no_benches_no_counts),
        TEST(test_only_serial_targets_are_pinned),
        TEST(test_same_core),
        TEST(test_two_core),
        TEST(test_scopes_do_not_share_a_core),
        TEST(test_the_targets_own_pairing),
        TEST(test_auto_takes_what_spreads_least),
        TEST(test_auto_asks_the_target),
        TEST(test_a_regression_is_measured_again),
        TEST(test_the_fresh_batch_grows),
        TEST(test_what_went_away_goes_on),
        TEST(test_a_fresh_batch_is_within_the_time),
        TEST(test_looks_at_10_20_40_80),
        TEST(test_looks_never_beyond_the_last_round),
        TEST(test_decided_targets_stop),
        TEST(test_a_fixed_number_is_looked_at_once),
        TEST(test_the_time_is_kept),
        TEST(test_a_round_is_measured_however_short_the_time),
        TEST(test_a_failing_side_stops_its_target_only),
        TEST(test_a_failing_warm_up_is_seen_on_both_sides),
        TEST(test_all_failing_ends_at_once),
        TEST(test_interrupts),
        TEST(test_time_is_cpu_time),
        TEST(test_time_of_one_that_waits_is_wall_time),
        TEST(test_time_on_a_busy_machine_is_cpu_time),
        TEST(test_time_of_several_busy_processes_is_cpu_time),
        TEST(test_notes_and_leftovers_are_warnings),
        TEST(test_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
