/* Slowdowns of identical machine code: do they persist when programs are linked in other orders? */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "compare/compare.h"
#include "compare/explain.h"
#include "compare/layout.h"

enum { ROUNDS = 10, LAYOUTS = 3 };

/* ---- the decision ---- */

static enum xsg_layout decide(double p, bool apart, size_t n, const double *percent)
{
    double worse[8];
    bool ends_below[8];
    for (size_t i = 0; i < n; i++) {
        worse[i] = log1p(percent[i] / 100);
        ends_below[i] = apart;
    }
    const struct xsg_layout_evidence e = {worse, ends_below, n, p};
    return xsg_layout_decide(&e, 0.05, 0.01);
}
#define DECIDE_IF(apart, p, ...)                                                                   \
    decide(p, apart, sizeof((double[]){__VA_ARGS__}) / sizeof(double),                             \
           (const double[]){__VA_ARGS__})
#define DECIDE(p, ...) DECIDE_IF(true, p, __VA_ARGS__)

static void what_every_layout_shows_persists(void **state)
{
    (void)state;
    assert_int_equal(DECIDE(1e-9, 12, 11.5, 12.2), XSG_LAYOUT_PERSISTS);
    assert_int_equal(DECIDE(1e-9, 12, 10, 13, 11), XSG_LAYOUT_PERSISTS);
    assert_int_equal(DECIDE(1e-9, 12, 12, 12), XSG_LAYOUT_PERSISTS);
}

static void what_one_layout_lacks_is_gone(void **state)
{
    (void)state;
    assert_int_equal(DECIDE(0.4, 12, -1), XSG_LAYOUT_GONE);
    assert_int_equal(DECIDE(1e-9, 12, 12, 2.4), XSG_LAYOUT_GONE);
    assert_int_equal(DECIDE(1e-9, 12, 2.4, 12, 12), XSG_LAYOUT_GONE);
}

/* Ten rounds of a function that spreads widely prove nothing against eighty. */
static void what_may_be_chance_is_not_gone(void **state)
{
    (void)state;
    assert_int_equal(DECIDE_IF(false, 0.4, 12, -1), XSG_LAYOUT_OPEN);
    assert_int_equal(DECIDE_IF(false, 1e-9, 12, 2.4, 12), XSG_LAYOUT_OPEN);
    assert_int_equal(DECIDE_IF(false, 1e-9, 12, 11.5, 12.2), XSG_LAYOUT_PERSISTS);
}

static void too_little_to_tell_stays_open(void **state)
{
    (void)state;
    assert_int_equal(DECIDE(1, 12), XSG_LAYOUT_OPEN);
    assert_int_equal(DECIDE(1e-9, 12, 12), XSG_LAYOUT_OPEN);    /* two layouts */
    assert_int_equal(DECIDE(0.2, 12, 12, 12), XSG_LAYOUT_OPEN); /* noisy rounds */
    assert_int_equal(DECIDE(1e-9, 12, 4, 6), XSG_LAYOUT_OPEN);  /* layouts that differ */
    assert_int_equal(DECIDE(1e-9, 12, 3, 8, 5), XSG_LAYOUT_OPEN);
    assert_int_equal(DECIDE((double)NAN, 12, 12, 12), XSG_LAYOUT_OPEN);
}

/* Layouts that draw their effects at random: what was picked for being slow must not seem to
 * persist more often than alpha says. */
static void random_layouts_do_not_persist(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252u;
    size_t tried = 0, persists = 0;
    while (tried < 20000) {
        double worse[4];
        for (size_t i = 0; i < 4; i++) {
            worse[i] = -6;
            for (size_t k = 0; k < 12; k++) { /* nearly normal, spread 1 */
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                worse[i] += (double)(seed >> 11) / 9007199254740992.0;
            }
            worse[i] *= 0.05;
        }
        if (worse[0] < log1p(0.05))
            continue;
        static const bool apart[4] = {true, true, true, true};
        const struct xsg_layout_evidence three = {worse, apart, 3, 1e-9},
                                         four = {worse, apart, 4, 1e-9};
        enum xsg_layout first = xsg_layout_decide(&three, 0.05, 0.01);
        tried++;
        persists += first == XSG_LAYOUT_PERSISTS ||
                    (first == XSG_LAYOUT_OPEN &&
                     xsg_layout_decide(&four, 0.05, 0.01) == XSG_LAYOUT_PERSISTS);
    }
    print_message("%zu of %zu random slowdowns persist\n", persists, tried);
    /* A first one that was picked lies above the others' mean, which helps: at random 1 % of all
     * triples, 2.4 % of those that begin with a slow one. */
    assert_true((double)persists / (double)tried < 0.04);
}

/* ---- rows ---- */

struct side {
    struct xsg_run run;
    struct xsg_target_run target;
    struct xsg_series series[8];
    struct xsg_function functions[3];
    struct xsg_tree_node nodes[3];
};

struct fixture {
    struct xsg_arena arena;
    struct side base, head, other[LAYOUTS][2];
    struct xsg_compare_layout layouts[LAYOUTS];
    struct xsg_compare_options options;
    struct xsg_gate gate;
    struct xsg_comparison c;
    uint64_t below;     /* head's code of what work calls, when it is another one */
    uint64_t elsewhere; /* the same, of what only main calls */
    uint64_t main;      /* head's code of main, when it is another one */
    bool thread;        /* work is not called by main: a thread starts there */
    double rest;        /* ms of main; 0: 30 */
    bool library;       /* work is in one that the project does not build */
    bool unread;        /* the project does, but its code cannot be read */
};

static void add(struct fixture *f, struct side *s, const struct xsg_function *function,
                const char *metric, double ms)
{
    struct xsg_series *to = &s->series[s->run.n_series++];
    *to = (struct xsg_series){.target = "t",
                              .function = *function,
                              .metric = metric,
                              .unit = "ns",
                              .values = XSG_NEW_ARRAY(&f->arena, double, ROUNDS),
                              .n = ROUNDS};
    for (size_t i = 0; i < ROUNDS; i++)
        to->values[i] = 1e6 * ms * (1 + 0.002 * (double)((i * 7 + s->run.n_series) % 5));
}

/* main calls work (work ms), whose code is one on all sides unless it is given. */
static void fill(struct fixture *f, struct side *s, uint64_t binary, double work, uint64_t code,
                 uint64_t deep)
{
    bool head = binary % 10 == 2 || binary > 20;
    static const struct xsg_function whole = {0};
    double rest = f->rest > 0 ? f->rest : 30;
    *s = (struct side){.target = {.name = "t", .binary = binary}};
    s->functions[0].name = "t";
    s->functions[1] = (struct xsg_function){
        .name = "main", .file = "a.c", .module = "prog", .code = 1, .code_deep = deep};
    if (head && f->elsewhere)
        s->functions[1].code_deep = f->elsewhere;
    if (head && f->main)
        s->functions[1].code = f->main;
    s->functions[2] = (struct xsg_function){
        .name = "work", .file = "a.c", .module = "prog", .code = code, .code_deep = deep};
    if (f->library)
        s->functions[2] = (struct xsg_function){
            .name = "work", .module = "libwork.so", .code_deep = f->unread ? XSG_CODE_UNREAD : 0};
    s->nodes[1] =
        (struct xsg_tree_node){.parent = 0, .function = 1, .self = rest * 1e6, .total = rest * 1e6};
    s->nodes[2] = (struct xsg_tree_node){
        .parent = f->thread ? 0 : 1, .function = 2, .self = work * 1e6, .total = work * 1e6};
    s->target.tree = (struct xsg_calltree){s->functions, 3, s->nodes, 3};
    s->run = (struct xsg_run){
        .session = "aa", .targets = &s->target, .n_targets = 1, .series = s->series};
    add(f, s, &whole, "cpu", rest + work);
    add(f, s, &s->functions[1], "time", rest);
    add(f, s, &s->functions[2], "time", work);
}

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){0};
    xsg_gate_init(&f.gate);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    xsg_arena_release(&f->arena);
    return 0;
}

/* work takes 70 ms in base and percent more in head; so it does in n other layouts. */
static void compare(struct fixture *f, double percent, uint64_t code, size_t n, const double *other)
{
    struct xsg_err err = {0};
    uint64_t deep = f->below ? f->below : code;
    fill(f, &f->base, 1, 70, 7, 7);
    fill(f, &f->head, 2, 70 * (1 + percent / 100), code, deep);
    for (size_t i = 0; i < n; i++) {
        fill(f, &f->other[i][0], 11 + i, 70, 7, 7);
        fill(f, &f->other[i][1], 21 + i, 70 * (1 + other[i] / 100), code, deep);
        f->layouts[i] = (struct xsg_compare_layout){&f->other[i][0].run, &f->other[i][1].run};
    }
    f->options.layouts = f->layouts;
    f->options.n_layouts = n;
    assert_int_equal(
        xsg_compare(&f->arena, &f->base.run, &f->head.run, &f->gate, &f->options, &f->c, &err), 0);
}

static const struct xsg_delta *find(const struct fixture *f, const char *function)
{
    for (size_t i = 0; i < f->c.n_deltas; i++) {
        const char *name = f->c.deltas[i].function.name;
        if (function && name ? strcmp(function, name) == 0 : function == name)
            return &f->c.deltas[i];
    }
    fail_msg("no row of %s", function ? function : "the target");
    return NULL;
}

static void it_is_asked_where_nothing_but_time_differs(void **state)
{
    struct fixture *f = *state;
    compare(f, 20, 7, 0, NULL);
    assert_true(xsg_compare_wants_layouts(&f->c, "t", f->options.n_layouts));
    assert_false(xsg_compare_wants_layouts(&f->c, "u", f->options.n_layouts));
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED); /* the target itself, as ever */
    assert_string_equal(find(f, "work")->rule, XSG_RULE_SAME_CODE);
    assert_int_equal(find(f, "work")->n_layouts, 0);
    compare(f, 20, 8, 0, NULL);
    assert_false(xsg_compare_wants_layouts(&f->c, "t", f->options.n_layouts));
    compare(f, 0, 7, 0, NULL);
    assert_false(xsg_compare_wants_layouts(&f->c, "t", f->options.n_layouts));
    assert_int_equal(find(f, NULL)->layout, XSG_LAYOUT_NONE);
}

static void what_persists_counts(void **state)
{
    struct fixture *f = *state;
    compare(f, 20, 7, 2, (const double[]){21, 20});
    const struct xsg_delta *d = find(f, "work");
    assert_int_equal(d->layout, XSG_LAYOUT_PERSISTS);
    assert_true(d->counts);
    assert_string_equal(d->rule, "machine code identical, slower in 3 of 3 layouts");
    assert_non_null(strstr(d->cause, "input or data, not layout (+20 %, +21 %, +20 %"));
    assert_null(strstr(d->cause, "what calls it changed"));
    assert_int_equal(d->n_layouts, 3);
    assert_int_equal(find(f, NULL)->layout, XSG_LAYOUT_PERSISTS);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
    assert_non_null(strstr(f->c.reason, "work"));
    assert_false(xsg_compare_wants_layouts(&f->c, "t", f->options.n_layouts));
}

static void what_is_gone_is_layout(void **state)
{
    struct fixture *f = *state;
    compare(f, 20, 7, 1, (const double[]){-1});
    const struct xsg_delta *d = find(f, "work"), *target = find(f, NULL);
    assert_int_equal(d->layout, XSG_LAYOUT_GONE);
    assert_false(d->counts);
    assert_non_null(strstr(d->cause, "layout: gone when linked in another order (+20 %, -1.0 %)"));
    assert_int_equal(target->verdict, XSG_DELTA_UNDECIDED);
    assert_string_equal(target->rule, XSG_RULE_LAYOUT);
    assert_string_equal(target->cause, "layout: gone when linked in another order (+14 %, -0.7 %)");
    assert_int_equal(f->c.verdict, XSG_VERDICT_UNDECIDED);
    assert_string_equal(f->c.reason,
                        "target t got slower only in the order that its build links in");
    assert_false(xsg_compare_wants_layouts(&f->c, "t", f->options.n_layouts));
}

/* Where the intervals overlap, chance may be all that differs: then nothing is gone. */
static void noise_is_not_called_layout(void **state)
{
    struct fixture *f = *state;
    compare(f, 20, 7, 1, (const double[]){2});
    for (size_t i = 0; i < ROUNDS; i++) /* half of the rounds wild, in both directions */
        f->other[0][1].series[2].values[i] *= i % 2 ? 0.5 : 1.6;
    struct xsg_err err = {0};
    assert_int_equal(
        xsg_compare(&f->arena, &f->base.run, &f->head.run, &f->gate, &f->options, &f->c, &err), 0);
    assert_int_equal(find(f, "work")->layout, XSG_LAYOUT_OPEN);
    assert_non_null(strstr(find(f, "work")->cause, "other link orders leave it open"));
    assert_non_null(strstr(find(f, NULL)->cause, "layout: gone"));
}

static void layouts_that_differ_leave_it_open(void **state)
{
    struct fixture *f = *state;
    compare(f, 20, 7, 2, (const double[]){9, 14});
    const struct xsg_delta *d = find(f, "work");
    assert_int_equal(d->layout, XSG_LAYOUT_OPEN);
    assert_false(d->counts);
    assert_non_null(strstr(d->cause, "other link orders leave it open"));
    assert_int_equal(find(f, NULL)->verdict, XSG_DELTA_REGRESSED);
    assert_true(xsg_compare_wants_layouts(&f->c, "t", f->options.n_layouts));
}

/* Nothing is concluded from a program that is the same as before, or that fails. */
static void a_build_that_does_not_follow_changes_nothing(void **state)
{
    struct fixture *f = *state;
    compare(f, 20, 7, 1, (const double[]){0});
    f->other[0][1].target.binary = 2;
    struct xsg_err err = {0};
    for (int i = 0; i < 3; i++) {
        static const char *const why[] = {"the build does not allow it",
                                          "not known whether the build follows it",
                                          "the target fails there"};
        f->other[0][1].target.binary = i == 0 ? 2 : 0;
        f->other[0][1].target.invalid = i == 2 ? "status 1" : NULL;
        assert_int_equal(
            xsg_compare(&f->arena, &f->base.run, &f->head.run, &f->gate, &f->options, &f->c, &err),
            0);
        const struct xsg_delta *d = find(f, "work");
        assert_int_equal(d->layout, XSG_LAYOUT_OPEN);
        assert_false(d->counts);
        assert_int_equal(d->n_layouts, 0);
        assert_non_null(strstr(d->cause, why[i]));
        assert_false(xsg_compare_wants_layouts(&f->c, "t", 1));
        assert_int_equal(find(f, NULL)->verdict, XSG_DELTA_REGRESSED);
    }
    f->options.no_layouts = "the time was up";
    compare(f, 20, 7, 0, NULL);
    assert_non_null(strstr(find(f, "work")->cause, "link order: the time was up"));
}

/* Changed code below one percent of the program does not make it another program; code that
 * differs where the time is spent does. */
static void a_changed_function_settles_it(void **state)
{
    struct fixture *f = *state;
    compare(f, 20, 8, 1, (const double[]){0});
    assert_int_equal(find(f, NULL)->layout, XSG_LAYOUT_NONE);
    assert_int_equal(find(f, "work")->layout, XSG_LAYOUT_NONE);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
}

/* What it calls changed, which may give it more to do: it counts until another layout shows that it
 * does not. */
static void same_code_above_a_change_counts_unless_it_is_gone(void **state)
{
    struct fixture *f = *state;
    for (int library = 0; library < 2; library++) {
        f->rest = 600;
        f->below = 8;
        f->library = library;
        compare(f, 20, 7, 0, NULL);
        assert_true(find(f, "work")->counts);
        assert_int_equal(find(f, "work")->layout, XSG_LAYOUT_OPEN);
        assert_true(xsg_compare_wants_layouts(&f->c, "t", 0));
        compare(f, 20, 7, 1, (const double[]){1});
        const struct xsg_delta *d = find(f, "work");
        assert_int_equal(d->layout, XSG_LAYOUT_GONE);
        assert_false(d->counts);
        assert_string_equal(d->rule, XSG_RULE_LAYOUT);
        assert_non_null(strstr(d->cause, "layout: gone when linked in another order"));
        compare(f, 20, 7, 2, (const double[]){20, 20.5});
        assert_int_equal(find(f, "work")->layout, XSG_LAYOUT_PERSISTS);
        assert_true(find(f, "work")->counts);
        compare(f, 20, 7, 2, (const double[]){9, 14});
        assert_int_equal(find(f, "work")->layout, XSG_LAYOUT_OPEN);
        assert_false(
            find(f, "work")->counts); /* main has the same code: it calls it no more often */
        compare(f, 20, 7, 1, (const double[]){9});
        assert_true(find(f, "work")->counts);
        f->rest = 30; /* the target itself is slower, of the same code */
        compare(f, 20, 7, 0, NULL);
        assert_int_equal(find(f, "work")->layout, XSG_LAYOUT_OPEN);
        assert_int_equal(find(f, NULL)->layout, XSG_LAYOUT_OPEN);
        f->main = 9; /* or not of the same: that settles it */
        compare(f, 20, 7, 0, NULL);
        assert_int_equal(find(f, "work")->layout, XSG_LAYOUT_NONE);
        assert_int_equal(find(f, NULL)->layout, XSG_LAYOUT_NONE);
        assert_true(find(f, "work")->counts);
        f->main = 0;
    }
}

/* A library of the project may have changed, whether its code can be read or not. */
static void code_that_cannot_be_read_is_not_the_same(void **state)
{
    struct fixture *f = *state;
    f->rest = 600;
    f->library = f->unread = true;
    compare(f, 20, 7, 0, NULL);
    assert_true(find(f, "work")->counts);
    assert_int_equal(find(f, "work")->layout, XSG_LAYOUT_NONE);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
}

/* What changed elsewhere may have left it more to do: it is not excused where no other order can
 * be asked. */
static void same_code_beside_a_change_is_not_excused(void **state)
{
    struct fixture *f = *state;
    f->rest = 600;
    f->elsewhere = 8;
    compare(f, 20, 7, 0, NULL);
    assert_int_equal(find(f, "work")->code, XSG_CODE_SAME_DEEP);
    assert_true(find(f, "work")->counts);
    assert_int_equal(find(f, "work")->verdict, XSG_DELTA_REGRESSED);
    assert_true(xsg_compare_wants_layouts(&f->c, "t", 0));
    f->options.no_layouts = "the work tree has uncommitted changes";
    compare(f, 20, 7, 0, NULL);
    assert_true(find(f, "work")->counts);
    assert_int_equal(find(f, "work")->verdict, XSG_DELTA_UNDECIDED);
    assert_string_equal(find(f, "work")->rule, XSG_RULE_LAYOUT_UNKNOWN);
    assert_true(isnan(find(f, "work")->detectable)); /* no rounds would settle it */
    assert_true(isnan(find(f, "work")->settle_rounds));
    assert_int_equal(f->c.verdict, XSG_VERDICT_UNDECIDED);
    f->rest = 30; /* the target got slower, too: then it says where */
    compare(f, 20, 7, 0, NULL);
    assert_int_equal(find(f, NULL)->verdict, XSG_DELTA_REGRESSED);
    assert_int_equal(find(f, "work")->verdict, XSG_DELTA_REGRESSED);
    f->rest = 600;
    f->options.no_layouts = NULL;
    compare(f, 20, 7, 1, (const double[]){1});
    assert_false(find(f, "work")->counts);
    f->elsewhere = 0;
    compare(f, 20, 7, 0, NULL);
    assert_false(find(f, "work")->counts);
}

/* What a thread starts in was asked for by somebody whom no stack shows. */
static void same_code_of_a_thread_needs_all_the_same(void **state)
{
    struct fixture *f = *state;
    f->rest = 600;
    f->thread = true;
    compare(f, 20, 7, 0, NULL);
    assert_false(find(f, "work")->counts);
    f->elsewhere = 8;
    compare(f, 20, 7, 0, NULL);
    assert_true(find(f, "work")->counts);
    compare(f, 20, 7, 2, (const double[]){9, 14});
    assert_int_equal(find(f, "work")->layout, XSG_LAYOUT_OPEN);
    assert_true(find(f, "work")->counts);
}

/* Numbers of another hour were not measured side by side: there is nothing to compare layouts with.
 */
static void stored_numbers_are_not_asked(void **state)
{
    struct fixture *f = *state;
    struct xsg_err err = {0};
    compare(f, 20, 7, 0, NULL);
    f->head.run.session = "bb";
    assert_int_equal(
        xsg_compare(&f->arena, &f->base.run, &f->head.run, &f->gate, &f->options, &f->c, &err), 0);
    assert_false(xsg_compare_wants_layouts(&f->c, "t", f->options.n_layouts));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_every_layout_shows_persists),
        cmocka_unit_test(what_one_layout_lacks_is_gone),
        cmocka_unit_test(what_may_be_chance_is_not_gone),
        cmocka_unit_test(too_little_to_tell_stays_open),
        cmocka_unit_test(random_layouts_do_not_persist),
        cmocka_unit_test_setup_teardown(it_is_asked_where_nothing_but_time_differs, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_persists_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_gone_is_layout, setup, teardown),
        cmocka_unit_test_setup_teardown(noise_is_not_called_layout, setup, teardown),
        cmocka_unit_test_setup_teardown(layouts_that_differ_leave_it_open, setup, teardown),
        cmocka_unit_test_setup_teardown(a_build_that_does_not_follow_changes_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_changed_function_settles_it, setup, teardown),
        cmocka_unit_test_setup_teardown(same_code_above_a_change_counts_unless_it_is_gone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(code_that_cannot_be_read_is_not_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(same_code_beside_a_change_is_not_excused, setup, teardown),
        cmocka_unit_test_setup_teardown(same_code_of_a_thread_needs_all_the_same, setup, teardown),
        cmocka_unit_test_setup_teardown(stored_numbers_are_not_asked, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
