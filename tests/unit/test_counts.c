/* Counts beside time (compare/counts.h), and runs of a suite that counts. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/metric.h"
#include "compare/compare.h"
#include "harness/counts.h"
#include "harness/machine.h"
#include "profiler/fold.h"

#define ROUNDS 20
#define QUIET 0.005
#define LOUD 0.15 /* of +-1: nothing can be decided */

struct fixture {
    struct xsg_arena arena;
    struct xsg_run base, head;
    struct xsg_target_run base_target, head_target;
    struct xsg_series base_series[32], head_series[32];
    struct xsg_gate gate;
    struct xsg_comparison c;
};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){0};
    xsg_gate_init(&f.gate);
    f.base_target = f.head_target = (struct xsg_target_run){.name = "t"};
    f.base = (struct xsg_run){
        .session = "aa", .targets = &f.base_target, .n_targets = 1, .series = f.base_series};
    f.head = (struct xsg_run){
        .session = "aa", .targets = &f.head_target, .n_targets = 1, .series = f.head_series};
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    xsg_arena_release(&f->arena);
    return 0;
}

static void add(struct fixture *f, struct xsg_run *run, const char *function, const char *metric,
                double mean, double noise)
{
    static const double pattern[] = {-1, 0.3, 0.8, -0.4, 0.1, -0.7, 1, 0.5, -0.2, -0.4};
    const struct xsg_metric *known = xsg_metric_find(metric);
    struct xsg_series *s = &run->series[run->n_series++];
    size_t shift = run == &f->base ? 0 : 3;
    *s = (struct xsg_series){.target = "t",
                             .function = {.name = function, .file = function ? "a.c" : NULL},
                             .metric = metric,
                             .unit = known->unit,
                             .n = known->counted ? XSG_COUNTS_RUNS : ROUNDS};
    s->values = XSG_NEW_ARRAY(&f->arena, double, s->n);
    for (size_t i = 0; i < s->n; i++)
        s->values[i] = mean * (1 + noise * pattern[(i * 7 + shift) % 10]);
}

static void both(struct fixture *f, const char *function, const char *metric, double base,
                 double head, double noise)
{
    add(f, &f->base, function, metric, base, noise);
    add(f, &f->head, function, metric, head, noise);
}

/* A target that computes for 100 ms, and one function with all of it. */
static void both_times(struct fixture *f, double ratio, double noise)
{
    both(f, NULL, "wall", 100e6, 100e6 * ratio, noise);
    both(f, NULL, "cpu", 100e6, 100e6 * ratio, noise);
    both(f, "work", "time", 95e6, 95e6 * ratio, noise);
}

static void both_counts(struct fixture *f, double ratio, double syscalls)
{
    both(f, NULL, "instructions", 1e9, 1e9 * ratio, 0);
    both(f, "work", "instructions", 9e8, 9e8 * ratio, 0);
    both(f, NULL, "syscalls", 120, 120 * syscalls, 0);
    both(f, "write", "syscalls", 100, 100 * syscalls, 0);
}

static void judge(struct fixture *f, const char *const *metrics, size_t n)
{
    struct xsg_err err = {0};
    f->gate.metrics = (const char **)(uintptr_t)metrics;
    f->gate.n_metrics = n;
    assert_int_equal(xsg_compare(&f->arena, &f->base, &f->head, &f->gate, NULL, &f->c, &err), 0);
}

static const struct xsg_delta *find(const struct fixture *f, const char *function,
                                    const char *metric)
{
    for (size_t i = 0; i < f->c.n_deltas; i++) {
        const struct xsg_delta *d = &f->c.deltas[i];
        const char *name = d->function.name;
        bool same = function && name ? strcmp(function, name) == 0 : function == name;
        if (same && strcmp(d->metric, metric) == 0)
            return d;
    }
    return NULL;
}

static const struct xsg_delta *expect(const struct fixture *f, const char *function,
                                      const char *metric, enum xsg_delta_verdict verdict,
                                      bool counts)
{
    const struct xsg_delta *d = find(f, function, metric);
    assert_non_null(d);
    assert_string_equal(xsg_delta_verdict_name(d->verdict), xsg_delta_verdict_name(verdict));
    assert_int_equal(d->counts, counts);
    return d;
}

/* ---- asked for by name ------------------------------------------------------------------------
 */

static const char *const instructions[] = {"instructions"};

static void test_asked_for_counts_fail_by_themselves(void **state)
{
    struct fixture *f = *state;
    both_times(f, 1, QUIET);
    both_counts(f, 1.2, 1);
    both(f, "rest", "instructions", 1e8, 1e8, 0);
    judge(f, instructions, 1);
    const struct xsg_delta *d = expect(f, "work", "instructions", XSG_DELTA_REGRESSED, true);
    assert_float_equal(d->ratio, 1.2, 1e-9);
    assert_float_equal(d->low, d->high, 0); /* exact */
    assert_int_equal(d->head.n, XSG_COUNTS_RUNS);
    expect(f, "rest", "instructions", XSG_DELTA_UNCHANGED, true);
    expect(f, NULL, "instructions", XSG_DELTA_REGRESSED, true);
    assert_null(find(f, NULL, "time"));
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
}

static void test_the_smallest_change_is_exact(void **state)
{
    struct fixture *f = *state;
    f->gate.threshold = 1e-6;
    both_counts(f, 1.00001, 1);
    judge(f, instructions, 1);
    expect(f, "work", "instructions", XSG_DELTA_REGRESSED, true);
}

/* Spread above 0.05 %: an interval, from three runs a side. */
static void test_what_is_not_deterministic_gets_an_interval(void **state)
{
    struct fixture *f = *state;
    both(f, NULL, "instructions", 1e9, 1.5e9, 0.01);
    both(f, "work", "instructions", 9e8, 9.1e8, 0.05);
    judge(f, instructions, 1);
    const struct xsg_delta *d = expect(f, NULL, "instructions", XSG_DELTA_REGRESSED, true);
    assert_true(d->low > 1 && d->low < d->ratio && d->ratio < d->high);
    expect(f, "work", "instructions", XSG_DELTA_UNDECIDED, true);
}

static void test_calls_of_the_counted_runs_split_the_cause(void **state)
{
    struct fixture *f = *state;
    both_counts(f, 1.2, 1);
    both(f, "work", "counted_calls", 1000, 1200, 0);
    both(f, "work", "calls", 7, 7, 0); /* of other runs */
    judge(f, instructions, 1);
    const struct xsg_delta *d = expect(f, "work", "instructions", XSG_DELTA_REGRESSED, true);
    assert_float_equal(d->head.calls, 1200, 0);
    assert_non_null(strstr(d->cause, "called 20 % more often"));
}

/* A counted run is no round: functions that rounds saw and counts did not, and the reverse. */
static void test_rounds_and_counted_runs_are_apart(void **state)
{
    struct fixture *f = *state;
    static const char *const two[] = {"time", "instructions"};
    both_times(f, 1, QUIET);
    both_counts(f, 1, 1);
    judge(f, two, 2);
    assert_float_equal(find(f, "work", "instructions")->base.mean, 9e8, 0);
    assert_float_equal(find(f, "work", "time")->base.mean, 95e6, 2e6);
    assert_int_equal(find(f, "work", "time")->base.n, ROUNDS);
    assert_int_equal(f->c.rounds, ROUNDS);
}

/* ---- beside time ------------------------------------------------------------------------------
 */

static void test_counts_do_not_fail_what_time_passes(void **state)
{
    struct fixture *f = *state;
    both_times(f, 1, QUIET);
    both_counts(f, 1.2, 1);
    judge(f, NULL, 0);
    expect(f, NULL, "time", XSG_DELTA_UNCHANGED, true);
    const struct xsg_delta *d = expect(f, NULL, "instructions", XSG_DELTA_REGRESSED, false);
    assert_string_equal(d->rule, "time says otherwise");
    d = expect(f, "work", "instructions", XSG_DELTA_REGRESSED, false);
    assert_string_equal(d->rule, "time says otherwise");
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
}

static void test_counts_fail_what_time_leaves_open(void **state)
{
    struct fixture *f = *state;
    both_times(f, 1.02, LOUD);
    both_counts(f, 1.2, 1);
    judge(f, NULL, 0);
    expect(f, NULL, "time", XSG_DELTA_UNDECIDED, true);
    expect(f, "work", "instructions", XSG_DELTA_REGRESSED, true);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
}

static void test_counts_of_what_is_not_judged_by_time_never_fail_it(void **state)
{
    struct fixture *f = *state;
    static const char *const rss[] = {"peak_rss"};
    both_counts(f, 1.2, 1);
    both(f, NULL, "peak_rss", 1e6, 1e6, QUIET);
    judge(f, rss, 1);
    expect(f, NULL, "instructions", XSG_DELTA_REGRESSED, false);
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
}

static void test_equal_counts_settle_what_time_leaves_open(void **state)
{
    struct fixture *f = *state;
    both_times(f, 1.001, LOUD);
    both_counts(f, 1, 1);
    judge(f, NULL, 0);
    const struct xsg_delta *d = expect(f, NULL, "time", XSG_DELTA_UNCHANGED, true);
    assert_string_equal(d->rule, "counts equal");
    expect(f, NULL, "instructions", XSG_DELTA_UNCHANGED, false);
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
}

/* On a machine under load the elapsed time is longer; the plan took CPU time all the same. A
 * function with wild samples is settled with its target, unless a gate names it. */
static void test_load_and_few_samples_do_not_keep_it_open(void **state)
{
    struct fixture *f = *state;
    struct xsg_gate_rule rule = {.function = "named", .threshold = 0.02};
    f->gate.rules = &rule;
    f->gate.n_rules = 1;
    both(f, NULL, "wall", 200e6, 200e6, LOUD);
    both(f, NULL, "cpu", 100e6, 100.1e6, LOUD);
    both(f, NULL, "time", 100e6, 100.1e6, LOUD);
    both(f, "work", "time", 50e6, 53e6, LOUD);
    both(f, "named", "time", 45e6, 48e6, LOUD);
    both(f, "named", "instructions", 5e7, 5e7, 0);
    both_counts(f, 1, 1);
    judge(f, NULL, 0);
    assert_string_equal(expect(f, NULL, "time", XSG_DELTA_UNCHANGED, true)->rule, "counts equal");
    assert_string_equal(expect(f, "work", "time", XSG_DELTA_UNCHANGED, true)->rule, "counts equal");
    expect(f, "named", "time", XSG_DELTA_UNDECIDED, true);
}

static void test_leaning_towards_faster_is_settled_too(void **state)
{
    struct fixture *f = *state;
    both_times(f, 0.96, LOUD);
    both_counts(f, 1, 1);
    judge(f, NULL, 0);
    assert_string_equal(expect(f, NULL, "time", XSG_DELTA_UNCHANGED, true)->rule, "counts equal");
}

/* Equal in sum is not equal: one function took from another. */
static void test_equal_sums_settle_nothing(void **state)
{
    struct fixture *f = *state;
    both_times(f, 1.001, LOUD);
    both_counts(f, 1, 1);
    both(f, "a", "instructions", 5e7, 4e7, 0);
    both(f, "b", "instructions", 5e7, 6e7, 0);
    judge(f, NULL, 0);
    expect(f, NULL, "time", XSG_DELTA_UNDECIDED, true);
}

static void test_more_system_calls_settle_nothing(void **state)
{
    struct fixture *f = *state;
    both_times(f, 1.001, LOUD);
    both_counts(f, 1, 1.05);
    judge(f, NULL, 0);
    expect(f, NULL, "time", XSG_DELTA_UNDECIDED, true);
}

/* Caches: the estimate leans towards slower by more than half the threshold. */
static void test_equal_counts_do_not_hide_a_slowdown(void **state)
{
    struct fixture *f = *state;
    both_times(f, 1.06, LOUD);
    both_counts(f, 1, 1);
    judge(f, NULL, 0);
    expect(f, NULL, "time", XSG_DELTA_UNDECIDED, true);
}

static void test_waiting_is_not_settled_by_counts(void **state)
{
    struct fixture *f = *state;
    both(f, NULL, "wall", 300e6, 300.3e6, LOUD);
    both(f, NULL, "cpu", 100e6, 100e6, QUIET);
    both(f, "work", "time", 95e6, 95e6, QUIET);
    both_counts(f, 1, 1);
    judge(f, NULL, 0);
    expect(f, NULL, "time", XSG_DELTA_UNDECIDED, true);
}

static void test_slower_with_equal_counts_stays_slower(void **state)
{
    struct fixture *f = *state;
    both_times(f, 1.2, QUIET);
    both_counts(f, 1, 1);
    judge(f, NULL, 0);
    const struct xsg_delta *d = expect(f, "work", "time", XSG_DELTA_REGRESSED, true);
    assert_non_null(strstr(d->cause, "as many instructions as before: caches, layout or waiting"));
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
}

static void test_slower_by_instructions_says_so_once(void **state)
{
    struct fixture *f = *state;
    both_times(f, 1.2, QUIET);
    both_counts(f, 1.3, 1);
    judge(f, NULL, 0);
    const struct xsg_delta *d = expect(f, "work", "time", XSG_DELTA_REGRESSED, true);
    assert_non_null(strstr(d->cause, "30 % more instructions"));
    assert_null(find(f, "work", "instructions"));
    assert_null(find(f, NULL, "instructions"));
}

/* Time knows that the target is slower, but not yet which function; the counts do. */
static void test_counts_name_the_function_of_a_slower_target(void **state)
{
    struct fixture *f = *state;
    both(f, NULL, "wall", 100e6, 115e6, QUIET);
    both(f, NULL, "cpu", 100e6, 115e6, QUIET);
    both(f, "work", "time", 50e6, 57e6, LOUD);
    both(f, "side", "time", 5e6, 5.2e6, LOUD);
    both(f, NULL, "instructions", 1e9, 1.145e9, 0);
    both(f, "work", "instructions", 5e8, 6.4e8, 0);
    both(f, "side", "instructions", 5e7, 5.8e7, 0);
    both(f, "tiny", "instructions", 1e7, 1.2e7, 0);
    both(f, NULL, "syscalls", 120, 120, 0);
    judge(f, NULL, 0);
    expect(f, NULL, "time", XSG_DELTA_REGRESSED, true);
    expect(f, "work", "instructions", XSG_DELTA_REGRESSED, true);
    const struct xsg_delta *d = expect(f, "side", "instructions", XSG_DELTA_REGRESSED, false);
    assert_string_equal(d->rule, "beside the judged metrics");
    assert_null(find(f, "tiny", "instructions")); /* 1 % of the change */
    assert_non_null(strstr(f->c.reason, "work (target t) needs 28 % more instructions"));
}

static void test_system_calls_and_the_kernel_are_named(void **state)
{
    struct fixture *f = *state;
    both_times(f, 3, QUIET);
    both(f, NULL, "system", 1e6, 181e6, QUIET);
    both_counts(f, 1.39, 50);
    judge(f, NULL, 0);
    const struct xsg_delta *d = expect(f, NULL, "time", XSG_DELTA_REGRESSED, true);
    assert_non_null(strstr(d->cause, "50 times the system calls (120 -> 6000, mostly write)"));
    assert_non_null(strstr(d->cause, "90 % of it in the kernel"));
    expect(f, NULL, "syscalls", XSG_DELTA_REGRESSED, false);
}

static void parse(struct fixture *f, struct xsg_suite *suite, const char *text)
{
    struct xsg_err err = {0};
    if (xsg_suite_parse(&f->arena, "x.yml", text, strlen(text), suite, &err) != 0)
        fail_msg("%s", err.text);
}

/* ---- counted runs by a fake launcher ----------------------------------------------------------
 */

struct fake {
    size_t single[2], pairs; /* launches by side, and of both at once */
    bool alone;              /* fails when it does not run alone */
    const char *failure;     /* of head */
    double spread;           /* of head's counts */
    int64_t now_ns, takes_ns;
    double timeout_s; /* of the last launch */
};

static void fake_one(struct fake *fake, const struct xsg_launch *launch, bool paired,
                     struct xsg_arena *arena, struct xsg_invocation *out)
{
    bool head = strcmp(launch->root, "head") == 0;
    assert_true(launch->counts && launch->no_profile);
    assert_null(launch->bench);
    assert_int_equal(launch->env_padding, 0);
    fake->timeout_s = launch->timeout_s;
    *out = (struct xsg_invocation){0};
    if (paired && fake->alone)
        out->failure = "the port is in use";
    else if (head && fake->failure)
        out->failure = fake->failure;
    out->counts = (struct xsg_counts){.functions = XSG_NEW(arena, struct xsg_counts_function),
                                      .n_functions = 1,
                                      .instructions = 1e6,
                                      .n_processes = 1};
    out->counts.instructions *= 1 + (head ? fake->spread * (double)fake->single[1] : 0);
    out->counts.functions[0] =
        (struct xsg_counts_function){.function = {.name = "work"}, .instructions = 9e5};
}

static int fake_invoke(struct xsg_arena *arena, const struct xsg_launcher *launcher,
                       const struct xsg_launch *launch, struct xsg_invocation *out,
                       struct xsg_err *err)
{
    struct fake *fake = launcher->invoke_arg;
    (void)err;
    fake_one(fake, launch, false, arena, out);
    fake->single[strcmp(launch->root, "head") == 0]++;
    fake->now_ns += fake->takes_ns;
    return 0;
}

static int fake_pair(struct xsg_arena *const arena[2], const struct xsg_launcher *launcher,
                     const struct xsg_launch_pair *pair, struct xsg_invocation *out,
                     struct xsg_err *err)
{
    struct fake *fake = launcher->invoke_arg;
    (void)err;
    for (int i = 0; i < 2; i++)
        fake_one(fake, &pair->launch[i], true, arena[i], &out[i]);
    fake->pairs++;
    fake->now_ns += fake->takes_ns;
    return 0;
}

static int64_t fake_clock(void *arg)
{
    return ((struct fake *)arg)->now_ns;
}

/* Counts one target; side by side only where at_once. */
static void count_target(struct fixture *f, struct fake *fake, const char *profile, bool at_once,
                         double max_time_s, struct xsg_plan_target *target)
{
    static struct xsg_suite suite;
    static struct xsg_plan_side base, head;
    const struct xsg_clock clock = {.monotonic_ns = fake_clock, .arg = fake};
    const struct xsg_plan_options options = {.max_time_s = max_time_s, .clock = &clock};
    const struct xsg_launcher launcher = {
        .invoke = fake_invoke, .invoke_pair = at_once ? fake_pair : NULL, .invoke_arg = fake};
    struct xsg_plan_side *const side[] = {&base, &head};
    const struct xsg_counts_plan plan = {.arena = &f->arena,
                                         .suite = &suite,
                                         .launcher = &launcher,
                                         .side = side,
                                         .options = &options};
    struct xsg_err err = {0};
    base.root = "base";
    head.root = "head";
    suite = (struct xsg_suite){0};
    parse(f, &suite,
          xsg_printf(&f->arena, "targets: [{name: t, command: ./t, profile: %s}]", profile));
    *target = (struct xsg_plan_target){.suite = &suite.targets[0], .open = true};
    for (int i = 0; i < 2; i++)
        xsg_collect_open(&target->part[i].collect, &f->arena, "t", &err);
    assert_int_equal(xsg_counts_run(&plan, target, 1, &err), 0);
}

static void test_each_side_is_counted_three_times(void **state)
{
    struct fake fake = {0};
    struct xsg_plan_target target;
    count_target(*state, &fake, "[instructions]", false, 0, &target);
    assert_int_equal(fake.single[0], XSG_COUNTS_RUNS);
    assert_int_equal(fake.single[1], XSG_COUNTS_RUNS);
    assert_int_equal(target.counted, XSG_COUNTS_RUNS);
    assert_false(target.open); /* nothing needs a round */
    assert_null(target.part[1].invalid);
    assert_int_equal(target.part[1].count_notes.n, 0);
    assert_float_equal(fake.timeout_s, 60 * XSG_COUNTS_SLOWER, 0);
    count_target(*state, &fake, "[sample, instructions]", false, 0, &target);
    assert_true(target.open);
    count_target(*state, &fake, "[sample]", false, 0, &target);
    assert_int_equal(fake.single[0], 2 * XSG_COUNTS_RUNS);
    assert_int_equal(target.counted, 0);
}

static void test_what_cannot_run_beside_itself_is_counted_alone(void **state)
{
    struct fake fake = {.alone = true};
    struct xsg_plan_target target;
    int cpus[2];
    count_target(*state, &fake, "[instructions]", true, 0, &target);
    assert_int_equal(fake.pairs, xsg_machine_pick_cpus(cpus) > 0 ? 1 : 0);
    assert_int_equal(fake.single[0], XSG_COUNTS_RUNS);
    assert_int_equal(target.counted, XSG_COUNTS_RUNS);
    assert_null(target.part[0].invalid);
}

static void test_a_failure_is_invalid_or_a_warning(void **state)
{
    struct fake fake = {.failure = "under callgrind it was killed"};
    struct xsg_plan_target target;
    count_target(*state, &fake, "[instructions]", false, 0, &target);
    assert_int_equal(fake.single[1], 1);
    assert_int_equal(target.counted, 0);
    assert_string_equal(target.part[1].invalid, "under callgrind it was killed");
    assert_null(target.part[0].invalid);
    count_target(*state, &fake, "[sample, instructions]", false, 0, &target);
    assert_null(target.part[1].invalid);
    assert_true(target.open);
    assert_string_equal(target.part[1].count_notes.item[0],
                        "instructions were not counted: under callgrind it was killed");
}

static void test_a_spread_is_told(void **state)
{
    struct fake fake = {.spread = 1e-3};
    struct xsg_plan_target target;
    count_target(*state, &fake, "[instructions]", false, 0, &target);
    assert_int_equal(target.part[0].count_notes.n, 0);
    assert_non_null(strstr(target.part[1].count_notes.item[0], "not deterministic"));
    assert_non_null(strstr(target.part[1].count_notes.item[0], "spreads by 0.2 %"));
}

static void test_the_time_bounds_counted_runs(void **state)
{
    struct fake fake = {.takes_ns = INT64_C(4000000000)};
    struct xsg_plan_target target;
    count_target(*state, &fake, "[sample, instructions]", false, 20, &target);
    assert_int_equal(fake.single[0], 2);        /* 8 s each: a third one would end after 24 s */
    assert_float_equal(fake.timeout_s, 8, 0.1); /* what was left for the last one */
    assert_int_equal(target.counted, 0);
    assert_true(target.open);
    assert_string_equal(target.part[1].count_notes.item[0],
                        "instructions were not counted: the time was up after 2 of 3 counted runs");
}

/* ---- what a suite asks for, and what is collected ---------------------------------------------
 */

static void test_who_needs_rounds(void **state)
{
    struct xsg_suite suite;
    parse(*state, &suite,
          "targets:\n"
          "  - {name: a, command: ./a, profile: [instructions]}\n"
          "  - {name: b, command: ./b, profile: [sample, instructions]}\n"
          "  - {name: c, command: ./c, profile: [instructions], metrics: [time, instructions]}\n"
          "  - {name: d, command: ./d, profile: [instructions], metrics: [syscalls]}\n");
    assert_int_equal(suite.targets[0].profile, XSG_MODE_INSTRUCTIONS);
    assert_string_equal(suite.targets[0].metrics[0], "instructions");
    assert_string_equal(suite.targets[1].metrics[0], "time");
    assert_int_equal(suite.gate.n_own_metrics, 3);
    assert_false(xsg_counts_need_rounds(&suite, &suite.targets[0]));
    assert_true(xsg_counts_need_rounds(&suite, &suite.targets[1]));
    assert_true(xsg_counts_need_rounds(&suite, &suite.targets[2]));
    assert_false(xsg_counts_need_rounds(&suite, &suite.targets[3]));
    suite.gate.n_own_metrics = 0; /* --metric time */
    assert_true(xsg_counts_need_rounds(&suite, &suite.targets[0]));
}

static void test_the_command_line(void **state)
{
    struct fixture *f = *state;
    const char *const argv[] = {"./a", "x y", NULL};
    const char *const *words = xsg_counts_argv(&f->arena, argv, "/tmp/50%");
    size_t n = 0;
    assert_string_equal(words[0], "valgrind");
    while (words[n])
        n++;
    assert_string_equal(words[n - 4], "--callgrind-out-file=/tmp/50%%/callgrind.out.%p");
    assert_string_equal(words[n - 3], "--");
    assert_string_equal(words[n - 2], "./a");
    assert_string_equal(words[n - 1], "x y");
}

static const struct xsg_series *series(const struct xsg_series *list, size_t n,
                                       const char *function, const char *metric)
{
    for (size_t i = 0; i < n; i++) {
        const char *name = list[i].function.name;
        bool same = function && name ? strcmp(function, name) == 0 : function == name;
        if (same && strcmp(list[i].metric, metric) == 0)
            return &list[i];
    }
    return NULL;
}

static void test_counted_runs_are_series_of_their_own(void **state)
{
    struct fixture *f = *state;
    struct xsg_collect *collect;
    struct xsg_counts_function functions[] = {
        {.function = {.name = "work"}, .instructions = 70, .total = 100, .calls = 2},
        {.function = {.name = "write"}, .instructions = 30, .total = 30, .calls = 5, .syscalls = 5},
    };
    struct xsg_series *list = NULL;
    struct xsg_target_run target = {0};
    size_t n = 0;
    assert_int_equal(xsg_collect_open(&collect, &f->arena, "t", NULL), 0);
    for (size_t run = 0; run < 3; run++) {
        /* The second run does not see write. */
        const struct xsg_counts counts = {functions, run == 1 ? 1 : 2, 100, 5, 1, NULL, 0};
        assert_int_equal(xsg_collect_counts(collect, run, &counts), 0);
    }
    for (size_t round = 0; round < 7; round++)
        xsg_collect_value(collect, round, "cpu", 1);
    assert_int_equal(xsg_collect_finish(collect, &list, &n, &target, NULL), 0);
    assert_int_equal(series(list, n, NULL, "cpu")->n, 7);
    assert_int_equal(series(list, n, NULL, "instructions")->n, 3);
    assert_float_equal(series(list, n, "work", "instructions_total")->values[2], 100, 0);
    assert_float_equal(series(list, n, "write", "syscalls")->values[0], 5, 0);
    assert_true(isnan(series(list, n, "write", "instructions")->values[1]));
    assert_float_equal(series(list, n, "work", "counted_calls")->values[0], 2, 0);
    assert_null(series(list, n, "work", "syscalls"));
    assert_null(series(list, n, "work", "time"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_asked_for_counts_fail_by_themselves),
        TEST(test_the_smallest_change_is_exact),
        TEST(test_what_is_not_deterministic_gets_an_interval),
        TEST(test_calls_of_the_counted_runs_split_the_cause),
        TEST(test_rounds_and_counted_runs_are_apart),
        TEST(test_counts_do_not_fail_what_time_passes),
        TEST(test_counts_fail_what_time_leaves_open),
        TEST(test_counts_of_what_is_not_judged_by_time_never_fail_it),
        TEST(test_equal_counts_settle_what_time_leaves_open),
        TEST(test_load_and_few_samples_do_not_keep_it_open),
        TEST(test_leaning_towards_faster_is_settled_too),
        TEST(test_equal_sums_settle_nothing),
        TEST(test_more_system_calls_settle_nothing),
        TEST(test_equal_counts_do_not_hide_a_slowdown),
        TEST(test_waiting_is_not_settled_by_counts),
        TEST(test_slower_with_equal_counts_stays_slower),
        TEST(test_slower_by_instructions_says_so_once),
        TEST(test_counts_name_the_function_of_a_slower_target),
        TEST(test_system_calls_and_the_kernel_are_named),
        TEST(test_each_side_is_counted_three_times),
        TEST(test_what_cannot_run_beside_itself_is_counted_alone),
        TEST(test_a_failure_is_invalid_or_a_warning),
        TEST(test_a_spread_is_told),
        TEST(test_the_time_bounds_counted_runs),
        TEST(test_who_needs_rounds),
        TEST(test_the_command_line),
        TEST(test_counted_runs_are_series_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
