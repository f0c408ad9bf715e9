/*
 * Edits that move cost between functions, as trees of base and head: what must be said of them.
 *
 * A tree: "NAME SELF CODE" per function, ms of self time; ">" before the name per level below main.
 * Equal codes are equal machine code; 0: unknown. Expected: the verdict; then per function "+NAME"
 * (must be said to have moved), "-NAME" (must not), "!NAME" (regressed, and counts), "NAME=OLD"
 * (matched with base's OLD).
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "compare/compare.h"

enum { ROUNDS = 20, MOST = 12 };

static const struct edit {
    const char *name, *base, *head, *expected;
} edits[] = {
    {"nothing", "main 10 1;>work 90 2", "main 10 1;>work 90 2", "passed -work"},
    {"renamed", "main 10 1;>old 90 2", "main 10 3;>fresh 90 2", "passed fresh=old"},
    {"renamed and slower", "main 10 1;>old 90 2", "main 10 3;>fresh 110 2",
     "regressed fresh=old !fresh"},
    {"renamed and rewritten", "main 10 1;>old 90 2", "main 10 3;>fresh 90 4", "passed +fresh +old"},
    {"renamed, rewritten, slower", "main 10 1;>old 90 2", "main 10 3;>fresh 115 4",
     "regressed -none"},
    {"two renamed", "main 10 1;>a 40 2;>b 50 3", "main 10 4;>c 40 2;>d 50 3", "passed c=a d=b"},
    {"swapped names", "main 10 1;>a 40 2;>b 50 3", "main 10 4;>c 50 3;>d 40 2", "passed c=b d=a"},
    {"split in two", "main 10 1;>work 90 2", "main 10 1;>work 50 3;>>part 40 4",
     "passed +work +part"},
    {"split in three", "main 10 1;>work 90 2", "main 10 1;>work 30 3;>>p 30 4;>>q 30 5",
     "passed +work +p +q"},
    {"split, the parts are called by the caller", "main 10 1;>work 90 2",
     "main 10 3;>first 50 4;>second 40 5", "passed +work +first +second"},
    {"split and slower", "main 10 1;>work 90 2", "main 10 1;>work 50 3;>>part 60 4",
     "regressed -none"},
    {"merged", "main 10 1;>work 50 2;>>part 40 3", "main 10 1;>work 90 4", "passed +work +part"},
    {"merged and slower", "main 10 1;>work 50 2;>>part 40 3", "main 10 1;>work 112 4",
     "regressed !work"},
    {"merged into the caller", "main 10 1;>work 90 2", "main 100 3", "passed +main +work"},
    {"inlined into one caller", "main 10 1;>work 60 2;>>small 30 3", "main 10 1;>work 90 4",
     "passed +work +small"},
    {"inlined into two callers", "main 10 1;>f 30 2;>>small 15 4;>g 30 3;>>small 15 4",
     "main 10 1;>f 45 5;>g 45 6", "passed +f +g +small"},
    {"no longer inlined", "main 10 1;>work 90 2", "main 10 1;>work 60 3;>>small 30 4",
     "passed +work +small"},
    {"no longer inlined, calls cost", "main 10 1;>work 90 2", "main 10 1;>work 65 3;>>small 45 4",
     "regressed -none"},
    {"inlined in one of two places", "main 10 1;>f 30 2;>>small 20 4;>g 20 3;>>small 20 4",
     "main 10 1;>f 50 5;>g 20 3;>>small 20 4", "passed +f +small"},
    {"work handed to a callee", "main 10 1;>work 60 2;>>part 30 3",
     "main 10 1;>work 40 4;>>part 50 5", "passed +work +part"},
    {"work taken from a callee", "main 10 1;>work 40 2;>>part 50 3",
     "main 10 1;>work 60 4;>>part 30 5", "passed +work +part"},
    {"two callees that change by themselves", "main 20 1;>left 40 2;>right 40 3",
     "main 20 1;>left 52 4;>right 28 5", "regressed !left -right"},
    {"a new function costs", "main 20 1;>work 80 2", "main 20 3;>work 80 2;>extra 20 4",
     "regressed -work"},
    {"a function is gone", "main 20 1;>work 60 2;>extra 20 3", "main 20 4;>work 60 2",
     "passed -work"},
    {"inlined for some of its calls", "main 20 1;>work 40 2;>>part 40 3",
     "main 20 1;>work 52 4;>>part 28 3", "passed +work +part"},
    {"beside a function that got faster by itself", "main 20 1;>work 40 2;>part 40 3",
     "main 20 1;>work 52 4;>part 28 3", "regressed !work -part"},
    {"work handed to a callee, a little slower", "main 10 1;>work 60 2;>>part 30 3",
     "main 10 1;>work 40 4;>>part 53 5", "passed +work +part"},
    {"work taken from a callee, a little faster", "main 10 1;>work 40 2;>>part 50 3",
     "main 10 1;>work 60 4;>>part 24 5", "passed +work +part"},
    {"inlined and faster", "main 10 1;>work 50 2;>>small 40 3", "main 10 1;>work 60 4",
     "passed +work +small"},
    {"below a function that got faster by itself", "main 10 1;>work 200 2;>>part 10 3",
     "main 10 1;>work 180 4;>>part 13 5", "regressed !part -part -work"},
    {"the same code below a function that got faster", "main 10 1;>work 200 2;>>part 10 3",
     "main 10 1;>work 180 4;>>part 12 3", "regressed !part -part -work"},
    {"above a function that got faster by itself", "main 10 1;>work 10 2;>>part 200 3",
     "main 10 1;>work 13 4;>>part 180 5", "regressed !work -work -part"},
    {"beside a part that was split off", "main 10 1;>work 90 2;>>leaf 10 3",
     "main 10 1;>work 50 4;>>part 40 5;>>leaf 13 6", "regressed !leaf -leaf +work +part"},
    {"out of the loop", "main 10 1;>work 20 2;>>deep 70 3", "main 10 1;>work 85 4;>>deep 5 5",
     "passed +work +deep"},
};

struct side {
    struct xsg_run run;
    struct xsg_target_run target;
    struct xsg_series series[2 * MOST + 1];
    struct xsg_function functions[MOST + 1];
    struct xsg_tree_node nodes[MOST + 1];
};

static void add_series(struct xsg_arena *arena, struct side *s, struct xsg_rng *rng,
                       const struct xsg_function *function, const char *metric, double ms)
{
    for (size_t i = 0; i < s->run.n_series; i++) { /* the same function in two places */
        struct xsg_series *known = &s->series[i];
        if (!function->name || strcmp(known->metric, metric) != 0 || !known->function.name ||
            strcmp(known->function.name, function->name) != 0)
            continue;
        for (size_t k = 0; k < ROUNDS; k++)
            known->values[k] += ms * 1e6 * (0.99 + 0.02 * xsg_rng_double(rng));
        return;
    }
    struct xsg_series *to = &s->series[s->run.n_series++];
    *to = (struct xsg_series){.target = "t",
                              .function = *function,
                              .metric = metric,
                              .unit = "ns",
                              .values = XSG_NEW_ARRAY(arena, double, ROUNDS),
                              .n = ROUNDS};
    for (size_t k = 0; k < ROUNDS; k++)
        to->values[k] = ms * 1e6 * (0.99 + 0.02 * xsg_rng_double(rng));
}

static void read_tree(struct xsg_arena *arena, struct side *s, const char *text,
                      struct xsg_rng *rng)
{
    uint32_t path[MOST] = {0};
    double all = 0;
    *s = (struct side){.functions[0].name = "t"};
    s->target.name = "t";
    s->target.tree = (struct xsg_calltree){s->functions, 1, s->nodes, 1};
    s->run = (struct xsg_run){
        .session = "aa", .targets = &s->target, .n_targets = 1, .series = s->series};
    for (const char *at = text; at; at = strchr(at, ';')) {
        char name[32];
        double self;
        unsigned code;
        size_t depth = 0;
        at += *at == ';';
        for (; *at == '>'; at++)
            depth++;
        assert_int_equal(sscanf(at, "%31s %lf %u", name, &self, &code), 3);
        const struct xsg_function f = {.name = xsg_strdup(arena, name),
                                       .file = "a.c",
                                       .module = "prog",
                                       .code = code,
                                       .code_deep = code ? code + 100 : 0};
        uint32_t number = (uint32_t)s->target.tree.n_nodes++;
        s->functions[s->target.tree.n_functions++] = f;
        s->nodes[number] = (struct xsg_tree_node){
            .parent = depth ? path[depth - 1] : 0, .function = number, .self = self, .total = self};
        path[depth] = number;
        add_series(arena, s, rng, &f, "time", self);
        all += self;
    }
    add_series(arena, s, rng, &(struct xsg_function){0}, "cpu", all);
}

static const struct xsg_delta *find(const struct xsg_comparison *c, const char *name)
{
    for (size_t i = 0; i < c->n_deltas; i++)
        if (c->deltas[i].function.name && strcmp(c->deltas[i].function.name, name) == 0)
            return &c->deltas[i];
    return NULL;
}

static void check_word(const struct edit *edit, const struct xsg_comparison *c, char *word)
{
    char *old = strchr(word, '=');
    const char *name = strchr("+-!", word[0]) ? word + 1 : word;
    if (old)
        *old++ = '\0';
    const struct xsg_delta *d = find(c, name);
    bool right = true;
    if (word[0] == '+')
        right = d && d->moved && !d->counts;
    else if (word[0] == '-')
        right = !d || !d->moved;
    else if (word[0] == '!')
        right = d && d->counts && d->verdict == XSG_DELTA_REGRESSED;
    else
        right = d && d->matched && old && strcmp(d->matched, old) == 0;
    if (!right)
        fail_msg("%s: %s is not so: %s, %s", edit->name, word,
                 d ? xsg_delta_verdict_name(d->verdict) : "no row",
                 d && d->moved ? d->moved : "not moved");
}

static void check(const struct edit *edit, uint64_t seed)
{
    static struct side base, head;
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_gate gate;
    struct xsg_comparison c;
    struct xsg_rng rng;
    struct xsg_err err = {0};
    xsg_rng_init(&rng, seed);
    xsg_gate_init(&gate);
    read_tree(&arena, &base, edit->base, &rng);
    read_tree(&arena, &head, edit->head, &rng);
    assert_int_equal(xsg_compare(&arena, &base.run, &head.run, &gate, NULL, &c, &err), 0);
    char *words = xsg_strdup(&arena, edit->expected);
    char *word = strtok(words, " ");
    if (strcmp(xsg_verdict_name(c.verdict), word) != 0)
        fail_msg("%s: %s, not %s: %s", edit->name, xsg_verdict_name(c.verdict), word, c.reason);
    while ((word = strtok(NULL, " ")))
        check_word(edit, &c, word);
    xsg_arena_release(&arena);
}

static void every_edit_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++)
        for (uint64_t seed = 1; seed <= 20; seed++)
            check(&edits[i], seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_edit_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
