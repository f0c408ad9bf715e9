/* Cost that moves between functions, renamed functions, callers that are slower through a callee.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "compare/compare.h"

enum { ROUNDS = 20, MOST = 16 };

struct side {
    struct xsg_run run;
    struct xsg_target_run target;
    struct xsg_series series[MOST * 3];
    struct xsg_function functions[MOST];
    struct xsg_tree_node nodes[MOST];
};

struct fixture {
    struct xsg_arena arena;
    struct side base, head;
    struct xsg_gate gate;
    struct xsg_comparison c;
};

static void prepare(struct side *s)
{
    s->functions[0].name = "t";
    s->target = (struct xsg_target_run){
        .name = "t",
        .tree = {.functions = s->functions, .n_functions = 1, .nodes = s->nodes, .n_nodes = 1}};
    s->run = (struct xsg_run){
        .session = "aa", .targets = &s->target, .n_targets = 1, .series = s->series};
}

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){0};
    xsg_gate_init(&f.gate);
    prepare(&f.base);
    prepare(&f.head);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    xsg_arena_release(&f->arena);
    return 0;
}

static void add_series(struct fixture *f, struct side *s, const struct xsg_function *function,
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
        to->values[i] = 1e6 * ms * (1 + 0.002 * (double)((i * 7 + (s == &f->head) * 3) % 5));
}

/* A function below the one of that number in the tree (0: the root); its own number. code: of it
 * and of all below. */
static uint32_t add(struct fixture *f, struct side *s, uint32_t parent, const char *name,
                    uint64_t code, double self, double total)
{
    const struct xsg_function function = {.name = name,
                                          .file = "a.c",
                                          .module = "prog",
                                          .line = 10,
                                          .end_line = 20,
                                          .code = code,
                                          .code_deep = code ? code + 1 : 0};
    uint32_t number = (uint32_t)s->target.tree.n_nodes++;
    s->functions[s->target.tree.n_functions++] = function;
    s->nodes[number] = (struct xsg_tree_node){
        .parent = parent, .function = number, .self = self * 1e6, .total = total * 1e6};
    add_series(f, s, &function, "time", self);
    add_series(f, s, &function, "total", total);
    return number;
}

static void add_target(struct fixture *f, double base, double head)
{
    const struct xsg_function whole = {0};
    add_series(f, &f->base, &whole, "cpu", base);
    add_series(f, &f->head, &whole, "cpu", head);
}

static const struct xsg_delta *find(const struct fixture *f, const char *function,
                                    const char *metric)
{
    for (size_t i = 0; i < f->c.n_deltas; i++) {
        const struct xsg_delta *d = &f->c.deltas[i];
        bool same = function && d->function.name ? strcmp(function, d->function.name) == 0
                                                 : function == d->function.name;
        if (same && strcmp(d->metric, metric) == 0)
            return d;
    }
    fail_msg("no row of %s", function ? function : "the target");
    return NULL;
}

static void compare_with(struct fixture *f, const struct xsg_compare_options *options)
{
    struct xsg_err err = {0};
    assert_int_equal(
        xsg_compare(&f->arena, &f->base.run, &f->head.run, &f->gate, options, &f->c, &err), 0);
}

static void compare(struct fixture *f)
{
    compare_with(f, NULL);
}

static void assert_text(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("'%s' has no '%s' in it", text ? text : "(null)", part);
}

/* Those of one name. */
static int all_changed(void *arg, const struct xsg_function *function)
{
    const char *name = arg;
    return strcmp(function->name, name) == 0;
}

/* ---- moved ---- */

/* What a faster callee stores last retires in its caller: less than what was won. In scopes there
 * is no machine code to ask. */
static void a_caller_pays_a_part_of_what_its_callee_won(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 93);
    uint32_t write = add(f, &f->base, 0, "write_value", 0, 18, 100);
    add(f, &f->base, write, "escape", 0, 82, 82);
    write = add(f, &f->head, 0, "write_value", 0, 19.2, 93);
    add(f, &f->head, write, "escape", 0, 65.6, 65.6);
    compare(f);
    const struct xsg_delta *d = find(f, "write_value", "time");
    assert_int_equal(d->verdict, XSG_DELTA_REGRESSED);
    assert_false(d->counts);
    assert_text(d->cause, "cost came from escape");
    assert_int_equal(find(f, "escape", "time")->verdict, XSG_DELTA_IMPROVED);
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
}

static void a_split_function_is_moved_cost(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 100);
    add(f, &f->base, add(f, &f->base, 0, "main", 1, 10, 100), "work", 2, 90, 90);
    uint32_t work = add(f, &f->head, add(f, &f->head, 0, "main", 1, 10, 100), "work", 3, 50, 90);
    add(f, &f->head, work, "helper", 4, 40, 40);
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
    assert_string_equal(find(f, "work", "time")->moved, "cost went to helper");
    assert_string_equal(find(f, "helper", "time")->moved, "cost came from work");
    assert_false(find(f, "work", "time")->counts);
}

static void an_inlined_function_is_moved_cost(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 101);
    uint32_t work = add(f, &f->base, add(f, &f->base, 0, "main", 1, 10, 100), "work", 2, 50, 90);
    add(f, &f->base, work, "small", 4, 40, 40);
    add(f, &f->head, add(f, &f->head, 0, "main", 1, 10, 101), "work", 3, 91, 91);
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
    const struct xsg_delta *d = find(f, "work", "time");
    assert_int_equal(d->verdict, XSG_DELTA_REGRESSED);
    assert_false(d->counts);
    assert_text(d->cause, "cost came from small");
    assert_string_equal(d->rule, "cost moved between functions");
}

static void a_rewritten_and_renamed_function_is_moved_cost(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 100);
    uint32_t caller = add(f, &f->base, 0, "main", 1, 10, 100);
    add(f, &f->base, caller, "old_sum", 2, 90, 90);
    caller = add(f, &f->head, 0, "main", 1, 10, 100);
    add(f, &f->head, caller, "new_sum", 3, 90.5, 90.5);
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
    assert_string_equal(find(f, "new_sum", "time")->moved, "cost came from old_sum");
    assert_string_equal(find(f, "old_sum", "time")->moved, "cost went to new_sum");
}

static void what_moves_and_grows_is_a_regression(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 125);
    uint32_t work = add(f, &f->base, add(f, &f->base, 0, "main", 1, 10, 100), "work", 2, 50, 90);
    add(f, &f->base, work, "small", 4, 40, 40);
    add(f, &f->head, add(f, &f->head, 0, "main", 1, 10, 125), "work", 3, 115, 115);
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
    assert_true(find(f, "work", "time")->counts);
    assert_text(find(f, "work", "time")->cause, "cost came from small");
}

static void two_changes_that_cancel_are_not_moved_cost(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 100);
    uint32_t caller = add(f, &f->base, 0, "main", 1, 20, 100);
    add(f, &f->base, caller, "left", 2, 40, 40);
    add(f, &f->base, caller, "right", 3, 40, 40);
    caller = add(f, &f->head, 0, "main", 1, 20, 100);
    add(f, &f->head, caller, "left", 4, 50, 50);
    add(f, &f->head, caller, "right", 5, 30, 30);
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
    assert_null(find(f, "left", "time")->moved);
    assert_int_equal(find(f, "right", "time")->verdict, XSG_DELTA_IMPROVED);
}

/* Values of a series spread by that much around their mean; in turns of so many rounds. */
static void spread(struct xsg_series *series, double by, size_t turn)
{
    for (size_t i = 0; i < ROUNDS; i++)
        series->values[i] *= 1 + (i / turn % 2 ? by : -by);
}

/* The sum did not get worse for sure, but what is left over may be small or most of the gain. */
static void what_may_have_moved_is_undecided(void **state)
{
    struct fixture *f = *state;
    add_target(f, 210, 213);
    for (int side = 0; side < 2; side++) {
        struct side *s = side ? &f->head : &f->base;
        uint32_t caller = add(f, s, add(f, s, 0, "main", 1, 10, 210), "work", side ? 4 : 2,
                              side ? 111 : 100, 200);
        struct xsg_series *work = &s->series[s->run.n_series - 2];
        add(f, s, caller, "part", side ? 5 : 3, side ? 92 : 100, 100);
        spread(work, side ? 0.037 : 0, 1);
        spread(&s->series[s->run.n_series - 2], side ? 0.037 : 0, 2);
    }
    compare(f);
    assert_int_equal(find(f, "work", "time")->verdict, XSG_DELTA_UNDECIDED);
    assert_true(find(f, "work", "time")->counts);
    assert_text(find(f, "work", "time")->cause, "cost came from part");
    assert_int_equal(f->c.verdict, XSG_VERDICT_UNDECIDED);
}

/* What its caller won does not pay for it, however small it is beside that. */
static void a_callee_below_a_faster_caller_counts(void **state)
{
    struct fixture *f = *state;
    add_target(f, 220, 203);
    for (int side = 0; side < 2; side++) {
        struct side *s = side ? &f->head : &f->base;
        uint32_t caller = add(f, s, add(f, s, 0, "main", 1, 10, 220), "fill", side ? 4 : 2,
                              side ? 180 : 200, side ? 193 : 210);
        add(f, s, caller, "hash", side ? 5 : 3, side ? 13 : 10, side ? 13 : 10);
    }
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
    assert_true(find(f, "hash", "time")->counts);
    assert_null(find(f, "hash", "time")->moved);
    assert_null(find(f, "fill", "time")->moved);
}

/* Not by the part that a caller without a change of its own may pay. */
/* Its callee changed, it did not: by how much it pays is not asked. */
static void an_untouched_caller_needs_no_match(void **state)
{
    struct fixture *f = *state;
    char name[] = "escape";
    struct xsg_compare_options options = {.changed = all_changed, .arg = name};
    add_target(f, 100, 93.6);
    uint32_t write = add(f, &f->base, 0, "write_value", 0, 18, 100);
    add(f, &f->base, write, "escape", 0, 82, 82);
    write = add(f, &f->head, 0, "write_value", 0, 28, 93.6);
    add(f, &f->head, write, "escape", 0, 65.6, 65.6);
    compare_with(f, &options);
    assert_false(find(f, "write_value", "time")->counts);
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
}

static void a_caller_that_changed_pays_for_itself(void **state)
{
    struct fixture *f = *state;
    char name[] = "write_value";
    struct xsg_compare_options options = {.changed = all_changed, .arg = name};
    add_target(f, 100, 93);
    uint32_t write = add(f, &f->base, 0, "write_value", 0, 18, 100);
    add(f, &f->base, write, "escape", 0, 82, 82);
    write = add(f, &f->head, 0, "write_value", 0, 19.2, 93);
    add(f, &f->head, write, "escape", 0, 65.6, 65.6);
    compare_with(f, &options);
    assert_true(find(f, "write_value", "time")->counts);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
}

/* A callee pays for its caller only where it is known to be called as often as before. */
static void a_callee_pays_where_calls_are_counted(void **state)
{
    static const double calls[] = {0, 100, 120}; /* in head; 0: not counted */
    struct fixture *f = *state;
    for (size_t k = 0; k < 3; k++) {
        prepare(&f->base);
        prepare(&f->head);
        add_target(f, 110, 91.6);
        for (int side = 0; side < 2; side++) {
            struct side *s = side ? &f->head : &f->base;
            double cost = side ? 11.6 : 10;
            uint32_t caller = add(f, s, 0, "fill", 0, side ? 80 : 100, (side ? 80 : 100) + cost);
            uint32_t leaf = add(f, s, caller, "hash", 0, cost, cost);
            if (calls[k] > 0)
                add_series(f, s, &s->functions[leaf], "calls", side ? calls[k] : 100);
        }
        compare(f);
        assert_int_equal(find(f, "hash", "time")->counts, k != 1);
    }
}

static void a_function_that_a_rule_names_is_never_excused(void **state)
{
    struct fixture *f = *state;
    struct xsg_gate_rule rule = {.function = "wo*", .threshold = 0.05};
    add_target(f, 100, 101);
    uint32_t work = add(f, &f->base, add(f, &f->base, 0, "main", 1, 10, 100), "work", 2, 50, 90);
    add(f, &f->base, work, "small", 4, 40, 40);
    add(f, &f->head, add(f, &f->head, 0, "main", 1, 10, 101), "work", 3, 91, 91);
    f->gate.rules = &rule;
    f->gate.n_rules = 1;
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
    assert_true(find(f, "work", "time")->counts);
    assert_text(find(f, "work", "time")->cause, "cost came from small");
    rule.function = "main";
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
}

/* ---- renamed ---- */

static void a_renamed_function_is_matched_by_its_code(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 120);
    add(f, &f->base, add(f, &f->base, 0, "main", 1, 10, 100), "old", 7, 90, 90);
    add(f, &f->head, add(f, &f->head, 0, "main", 2, 10, 120), "fresh", 7, 110, 110);
    compare(f);
    const struct xsg_delta *d = find(f, "fresh", "time");
    assert_string_equal(d->matched, "old");
    assert_int_equal(d->verdict, XSG_DELTA_REGRESSED);
    assert_true(fabs(d->ratio - 110.0 / 90) < 0.01);
    assert_text(d->cause, "was old");
}

static void ambiguous_twins_are_not_matched(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 100);
    uint32_t caller = add(f, &f->base, 0, "main", 1, 10, 100);
    add(f, &f->base, caller, "a", 7, 45, 45);
    add(f, &f->base, caller, "b", 7, 45, 45);
    caller = add(f, &f->head, 0, "main", 1, 10, 100);
    add(f, &f->head, caller, "c", 7, 45, 45);
    add(f, &f->head, caller, "d", 7, 45, 45);
    compare(f);
    assert_null(find(f, "c", "time")->matched);
    assert_int_equal(find(f, "a", "time")->verdict, XSG_DELTA_REMOVED);
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
}

/* ---- the same code ---- */

static void slower_with_the_same_code_does_not_fail(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 102);
    uint32_t caller = add(f, &f->base, 0, "main", 1, 97, 100);
    add(f, &f->base, caller, "lua_tolstring", 7, 3, 3);
    caller = add(f, &f->head, 0, "main", 1, 97, 102);
    add(f, &f->head, caller, "lua_tolstring", 7, 5, 5);
    compare(f);
    const struct xsg_delta *d = find(f, "lua_tolstring", "time");
    assert_int_equal(d->verdict, XSG_DELTA_REGRESSED);
    assert_int_equal(d->code, XSG_CODE_SAME_DEEP);
    assert_false(d->counts);
    assert_string_equal(d->rule, "machine code identical here and below: layout, input or noise");
    assert_int_equal(f->c.verdict, XSG_VERDICT_PASSED);
    /* A rule that names the function asks for it. */
    struct xsg_gate_rule rule = {.function = "lua_*", .threshold = 0.05};
    f->gate.rules = &rule;
    f->gate.n_rules = 1;
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
}

static void same_code_below_a_changed_caller_fails(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 120);
    uint32_t caller = add(f, &f->base, add(f, &f->base, 0, "main", 1, 7, 100), "parse", 2, 3, 93);
    add(f, &f->base, caller, "length", 7, 90, 90);
    caller = add(f, &f->head, add(f, &f->head, 0, "main", 1, 7, 120), "parse", 3, 3, 113);
    add(f, &f->head, caller, "length", 7, 110, 110);
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
    assert_true(find(f, "length", "time")->counts);
    assert_text(find(f, "length", "time")->cause, "what calls it changed");
}

static void more_calls_of_the_same_code_fail(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 120);
    for (int side = 0; side < 2; side++) {
        struct side *s = side ? &f->head : &f->base;
        add(f, s, add(f, s, 0, "main", 1, 10, 100), "length", 7, side ? 110 : 90, 90);
        const struct xsg_function length = s->series[s->run.n_series - 1].function;
        add_series(f, s, &length, "calls", side ? 110 : 90);
    }
    compare(f);
    const struct xsg_delta *d = find(f, "length", "time");
    assert_true(d->counts);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
    double change = d->head.mean - d->base.mean;
    assert_true(fabs(d->by_calls + d->by_cost - change) < 1e-9 * change);
    assert_true(fabs(d->by_cost) < 0.01 * change);
}

static void an_interpreters_functions_are_not_excused(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 120);
    for (int side = 0; side < 2; side++) {
        struct side *s = side ? &f->head : &f->base;
        uint32_t caller = add(f, s, 0, "eval", 0, 10, 100);
        s->functions[caller].module = s->series[s->run.n_series - 1].function.module = "python";
        s->series[s->run.n_series - 2].function.module = "python";
        add(f, s, caller, "extension", 7, side ? 110 : 90, 90);
    }
    compare(f);
    assert_true(find(f, "extension", "time")->counts);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
}

/* ---- blame and places ---- */

static void a_caller_is_listed_under_its_callee(void **state)
{
    struct fixture *f = *state;
    const char *metrics[] = {"total"};
    f->gate.metrics = metrics;
    f->gate.n_metrics = 1;
    add(f, &f->base, add(f, &f->base, add(f, &f->base, 0, "main", 1, 5, 100), "outer", 2, 5, 95),
        "inner", 3, 90, 90);
    add(f, &f->head, add(f, &f->head, add(f, &f->head, 0, "main", 8, 5, 130), "outer", 9, 5, 125),
        "inner", 4, 120, 120);
    compare(f);
    assert_string_equal(find(f, "main", "total")->through, "inner");
    assert_string_equal(find(f, "outer", "total")->through, "inner");
    assert_false(find(f, "outer", "total")->counts);
    assert_null(find(f, "inner", "total")->through);
    assert_true(find(f, "inner", "total")->counts);
    assert_string_equal(f->c.deltas[0].function.name, "inner");
    assert_text(find(f, "outer", "total")->cause, "through inner");
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
}

/* A function of the tree once more, below another one: a recursion. */
static uint32_t again(struct side *s, uint32_t parent, uint32_t function, double total)
{
    uint32_t number = (uint32_t)s->target.tree.n_nodes++;
    s->functions[s->target.tree.n_functions++] = s->functions[s->nodes[function].function];
    s->nodes[number] =
        (struct xsg_tree_node){.parent = parent, .function = number, .total = total * 1e6};
    return number;
}

static const char *const ring_names[] = {"value", "array", "element", "pair", "text"};

/* main calls the first of n functions that call each other in a ring, twice around. All take 10 ms
 * themselves in base; the slow one takes 20 % of the whole more in head. Without own times nothing
 * tells which one it is. */
static void add_ring(struct fixture *f, size_t n, size_t slow, bool own_times)
{
    for (int side = 0; side < 2; side++) {
        struct side *s = side ? &f->head : &f->base;
        double all = 10 * (double)n * (side ? 1.2 : 1);
        uint32_t at = add(f, s, 0, "main", 0, 5, 5 + all), ring[5];
        for (size_t i = 0; i < n; i++)
            ring[i] = at =
                add(f, s, at, ring_names[i], 0, 10 + (i == slow ? all - 10 * (double)n : 0),
                    all - (double)i * (side ? 0.6 : 0.5));
        for (size_t i = 0; i < n; i++)
            at = again(s, at, ring[i], 0.95 * all);
        size_t kept = 0;
        for (size_t i = 0; i < s->run.n_series; i++)
            if (own_times || strcmp(s->series[i].metric, "time") != 0)
                s->series[kept++] = s->series[i];
        s->run.n_series = kept;
    }
}

/* How many of them fail the gate; all others are slower through the last one. */
static size_t count_of_total(const struct fixture *f, const char *last)
{
    size_t n = 0;
    for (size_t i = 0; i < f->c.n_deltas; i++) {
        const struct xsg_delta *d = &f->c.deltas[i];
        if (!d->function.name || strcmp(d->metric, "total") != 0)
            continue;
        n += d->counts && d->verdict == XSG_DELTA_REGRESSED;
        if (strcmp(d->function.name, last) != 0)
            assert_string_equal(d->through, last);
    }
    return n;
}

/* Each has the whole change below itself: the one that changed is named, the others through it. */
static void a_recursion_does_not_excuse_all_of_its_functions(void **state)
{
    static const size_t lengths[] = {2, 3, 5};
    const char *metrics[] = {"total"};
    struct fixture *f = *state;
    f->gate.metrics = metrics;
    f->gate.n_metrics = 1;
    for (size_t k = 0; k < 3; k++) {
        for (size_t slow = 0; slow < lengths[k]; slow++) {
            prepare(&f->base);
            prepare(&f->head);
            add_ring(f, lengths[k], slow, true);
            compare(f);
            assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
            assert_int_equal(count_of_total(f, ring_names[slow]), 1);
        }
    }
}

/* Where nothing tells who of them it is, the one that is called from outside. */
static void a_recursion_without_own_times_counts_where_it_begins(void **state)
{
    struct fixture *f = *state;
    const char *metrics[] = {"total"};
    f->gate.metrics = metrics;
    f->gate.n_metrics = 1;
    add_ring(f, 3, 1, false);
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
    assert_int_equal(count_of_total(f, "value"), 1);
}

static void a_function_that_calls_itself_counts(void **state)
{
    struct fixture *f = *state;
    const char *metrics[] = {"total"};
    f->gate.metrics = metrics;
    f->gate.n_metrics = 1;
    add_ring(f, 1, 0, true);
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
    assert_int_equal(count_of_total(f, "value"), 1);
}

/* A recursion that leads to the one that changed: all of it is slower through that one. */
static void a_recursion_above_the_change_is_listed_under_it(void **state)
{
    struct fixture *f = *state;
    const char *metrics[] = {"total"};
    f->gate.metrics = metrics;
    f->gate.n_metrics = 1;
    for (int side = 0; side < 2; side++) {
        struct side *s = side ? &f->head : &f->base;
        double more = side ? 30 : 0;
        uint32_t value = add(f, s, 0, "value", 1, 10, 100 + more);
        uint32_t array = add(f, s, value, "array", 2, 10, 90 + more);
        uint32_t inner = again(s, array, value, 80 + more);
        add(f, s, inner, "digits", side ? 4 : 3, 70 + more, 70 + more);
    }
    compare(f);
    assert_int_equal(f->c.verdict, XSG_VERDICT_REGRESSED);
    assert_int_equal(count_of_total(f, "digits"), 1);
}

static void the_target_is_explained_by_its_function(void **state)
{
    struct fixture *f = *state;
    add_target(f, 100, 130);
    add(f, &f->base, add(f, &f->base, 0, "main", 1, 10, 100), "inner", 3, 90, 90);
    add(f, &f->head, add(f, &f->head, 0, "main", 1, 10, 130), "inner", 4, 120, 120);
    compare(f);
    assert_string_equal(find(f, NULL, "time")->through, "inner");
    assert_true(find(f, NULL, "time")->counts);
}

static void a_changed_inlined_function_is_named(void **state)
{
    struct fixture *f = *state;
    char name[] = "parse_number";
    struct xsg_compare_options options = {.changed = all_changed, .arg = name};
    add_target(f, 100, 130);
    for (int side = 0; side < 2; side++) {
        struct side *s = side ? &f->head : &f->base;
        uint32_t work = add(f, s, 0, "work", side ? 5 : 3, side ? 130 : 100, 100);
        uint32_t inlined = add(f, s, work, "parse_number", 0, 0, 50);
        s->run.n_series -= 2;
        add_series(f, s, &s->functions[inlined], "inlined", 50);
    }
    compare_with(f, &options);
    const struct xsg_delta *d = find(f, "work", "time");
    assert_int_equal(d->changed, 1);
    assert_text(d->cause, "changed in this range: parse_number (a.c:10-20)");
}

/* Of an inclusive row, the change may lie in a callee; the whole target's, in the function that
 * explains it. */
static void a_changed_callee_is_named(void **state)
{
    struct fixture *f = *state;
    char name[] = "inner";
    const char *metrics[] = {"total", "time"};
    struct xsg_compare_options options = {.changed = all_changed, .arg = name};
    f->gate.metrics = metrics;
    f->gate.n_metrics = 2;
    add_target(f, 100, 130);
    for (int side = 0; side < 2; side++) {
        struct side *s = side ? &f->head : &f->base;
        double more = side ? 30 : 0;
        uint32_t outer =
            add(f, s, add(f, s, 0, "main", 1, 5, 100 + more), "outer", 2, 5, 95 + more);
        add(f, s, outer, "inner", side ? 4 : 3, 80 + more, 80 + more);
        add(f, s, outer, "other", 5, 10, 10);
    }
    compare_with(f, &options);
    static const char *const rows[] = {"main", "outer", "inner"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(find(f, rows[i], "total")->changed, 1);
        assert_text(find(f, rows[i], "total")->cause, "changed in this range: inner (a.c:10-20)");
    }
    assert_string_equal(find(f, NULL, "time")->cause,
                        "mostly inner (100 % of it); changed in this range: inner (a.c:10-20)");
    assert_int_equal(find(f, "outer", "time")->changed, 0);
}

/* An improvement goes the same way. */
static void a_changed_callee_of_a_faster_function_is_named(void **state)
{
    struct fixture *f = *state;
    char name[] = "inner";
    const char *metrics[] = {"total"};
    struct xsg_compare_options options = {.changed = all_changed, .arg = name};
    f->gate.metrics = metrics;
    f->gate.n_metrics = 1;
    for (int side = 0; side < 2; side++) {
        struct side *s = side ? &f->head : &f->base;
        double less = side ? 30 : 0;
        uint32_t outer = add(f, s, 0, "outer", 2, 5, 95 - less);
        add(f, s, outer, "inner", side ? 4 : 3, 80 - less, 80 - less);
        add(f, s, outer, "other", 5, 10, 10);
    }
    compare_with(f, &options);
    assert_text(find(f, "outer", "total")->cause, "changed in this range: inner (a.c:10-20)");
}

/* What calls the same code changed: it is named where it is one only. */
static void a_changed_caller_is_named(void **state)
{
    struct fixture *f = *state;
    char name[] = "parse";
    struct xsg_compare_options options = {.changed = all_changed, .arg = name};
    for (int two = 0; two < 2; two++) {
        prepare(&f->base);
        prepare(&f->head);
        add_target(f, 100, 120);
        for (int side = 0; side < 2; side++) {
            struct side *s = side ? &f->head : &f->base;
            uint32_t parse =
                add(f, s, add(f, s, 0, "main", 1, 5, 100), "parse", side ? 4 : 3, 2, 95);
            uint32_t text = add(f, s, parse, "text", two && side ? 8 : 5, 3, 93);
            add(f, s, text, "length", 7, side ? 110 : 90, 90);
        }
        compare_with(f, &options);
        assert_text(find(f, "length", "time")->cause,
                    two ? "what calls it changed (text)" : "what calls it changed (parse)");
    }
}

static void two_changed_callers_are_not_named(void **state)
{
    struct fixture *f = *state;
    char name[] = "parse";
    struct xsg_compare_options options = {.changed = all_changed, .arg = name};
    add_target(f, 100, 120);
    for (int side = 0; side < 2; side++) {
        struct side *s = side ? &f->head : &f->base;
        uint32_t top = add(f, s, 0, "main", 1, 5, 100);
        uint32_t parse = add(f, s, top, "parse", side ? 4 : 3, 2, 95);
        uint32_t text = add(f, s, top, "text", side ? 8 : 5, 3, 93);
        uint32_t length = add(f, s, parse, "length", 7, side ? 110 : 90, 90);
        again(s, text, length, 40);
    }
    compare_with(f, &options);
    const char *cause = find(f, "length", "time")->cause;
    assert_text(cause, "what calls it changed");
    assert_null(strstr(cause, "("));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_caller_pays_a_part_of_what_its_callee_won),
        TEST(a_split_function_is_moved_cost),
        TEST(an_inlined_function_is_moved_cost),
        TEST(a_rewritten_and_renamed_function_is_moved_cost),
        TEST(what_moves_and_grows_is_a_regression),
        TEST(two_changes_that_cancel_are_not_moved_cost),
        TEST(what_may_have_moved_is_undecided),
        TEST(a_callee_below_a_faster_caller_counts),
        TEST(an_untouched_caller_needs_no_match),
        TEST(a_caller_that_changed_pays_for_itself),
        TEST(a_callee_pays_where_calls_are_counted),
        TEST(a_function_that_a_rule_names_is_never_excused),
        TEST(a_renamed_function_is_matched_by_its_code),
        TEST(ambiguous_twins_are_not_matched),
        TEST(slower_with_the_same_code_does_not_fail),
        TEST(same_code_below_a_changed_caller_fails),
        TEST(more_calls_of_the_same_code_fail),
        TEST(an_interpreters_functions_are_not_excused),
        TEST(a_caller_is_listed_under_its_callee),
        TEST(a_recursion_does_not_excuse_all_of_its_functions),
        TEST(a_recursion_without_own_times_counts_where_it_begins),
        TEST(a_function_that_calls_itself_counts),
        TEST(a_recursion_above_the_change_is_listed_under_it),
        TEST(the_target_is_explained_by_its_function),
        TEST(a_changed_inlined_function_is_named),
        TEST(a_changed_callee_is_named),
        TEST(a_changed_callee_of_a_faster_function_is_named),
        TEST(a_changed_caller_is_named),
        TEST(two_changed_callers_are_not_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
