/* Runs of a suite that counts: by a fake launcher, and what is collected from them. */
#include "harness/machine.h"
#include "profiler/fold.h"
#include "tests/unit/compared.h"

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
    const struct CMUnitTest tests[] = {
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
