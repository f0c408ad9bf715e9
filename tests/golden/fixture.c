#include "fixture.h"

#include <math.h>
#include <string.h>

#define MS 1e6

static struct xsg_environment environment(void)
{
    return (struct xsg_environment){.cpu_model = "Example CPU @ 2.40GHz",
                                    .cores = 4,
                                    .memory = 8589934592,
                                    .kernel = "6.1.0",
                                    .os = "Debian GNU/Linux 12 (bookworm)",
                                    .libc = "glibc 2.36",
                                    .compiler = "cc (Debian 12.2.0-14) 12.2.0",
                                    .virtualization = "kvm",
                                    .governor = "",
                                    .xsgate = "0.1.0",
                                    .fingerprint = "00112233aabbccdd"};
}

static struct xsg_run *make_run(struct xsg_arena *arena, const char *oid, const char *describe,
                                size_t n_targets)
{
    struct xsg_run *run = XSG_NEW(arena, struct xsg_run);
    *run = (struct xsg_run){.session = "5e55",
                            .created = 1700000000,
                            .elapsed_s = 41.5,
                            .commit = {.oid = oid,
                                       .describe = describe,
                                       .subject = "parse numbers by hand",
                                       .time = 1699990000},
                            .environment = environment(),
                            .suite_hash = "feed",
                            .targets = XSG_NEW_ARRAY(arena, struct xsg_target_run, n_targets),
                            .n_targets = n_targets};
    return run;
}

/* root -> main -> parse_document -> {parse_string, parse_number -> strtod}, print */
static void add_tree(struct xsg_arena *arena, struct xsg_target_run *target, double slow)
{
    static const struct xsg_function functions[] = {
        {.name = "json"},
        {.name = "main", .file = "bench.c", .line = 40},
        {.name = "parse_document", .file = "src/parse.c", .line = 210},
        {.name = "parse_string", .file = "src/parse.c", .line = 88},
        {.name = "parse_number", .file = "src/number.c", .line = 12},
        {.name = "strtod", .module = "libc.so.6"},
        {.name = "print", .file = "src/print.c", .line = 30},
    };
    static const struct xsg_tree_node nodes[] = {
        {0, 0, 0, 200 * MS, 1},         {0, 1, 2 * MS, 200 * MS, 1},
        {1, 2, 20 * MS, 150 * MS, 10},  {2, 3, 70 * MS, 70 * MS, 9000},
        {2, 4, 20 * MS, 60 * MS, 4000}, {4, 5, 40 * MS, 40 * MS, 4000},
        {1, 6, 48 * MS, 48 * MS, 10},
    };
    target->tree.n_functions = sizeof functions / sizeof functions[0];
    target->tree.functions = XSG_NEW_ARRAY(arena, struct xsg_function, target->tree.n_functions);
    memcpy(target->tree.functions, functions, sizeof functions);
    target->tree.n_nodes = sizeof nodes / sizeof nodes[0];
    target->tree.nodes = XSG_NEW_ARRAY(arena, struct xsg_tree_node, target->tree.n_nodes);
    memcpy(target->tree.nodes, nodes, sizeof nodes);
    target->tree.nodes[3].self *= slow;
    target->tree.nodes[3].total *= slow;
    for (size_t i = 0; i < 3; i++)
        target->tree.nodes[i].total += 70 * MS * (slow - 1);
}

/* The series that belong to the tree: self, total and calls per function, CPU and wall time. */
static void add_series(struct xsg_arena *arena, struct xsg_run *run)
{
    static const char *const metrics[] = {"time", "total", "calls"};
    const struct xsg_target_run *target = &run->targets[0];
    run->series = XSG_NEW_ARRAY(arena, struct xsg_series, 3 * target->tree.n_nodes + 2);
    for (size_t i = 0; i < target->tree.n_nodes; i++) {
        const struct xsg_tree_node *node = &target->tree.nodes[i];
        for (size_t m = 0; m < 3; m++) {
            double value = m == 0 ? node->self : m == 1 ? node->total : node->calls;
            struct xsg_series *s = &run->series[run->n_series++];
            *s = (struct xsg_series){.target = target->name,
                                     .metric = i ? metrics[m] : "cpu",
                                     .unit = m == 2 ? "count" : "ns",
                                     .values = XSG_NEW(arena, double),
                                     .n = 1};
            if (i)
                s->function = target->tree.functions[node->function];
            s->values[0] = i ? value : node->total;
            if (!i)
                break;
        }
    }
    run->series[run->n_series] = run->series[0];
    run->series[run->n_series++].metric = "wall";
}

static struct xsg_comparison *make(struct xsg_arena *arena, enum xsg_verdict verdict,
                                   const char *reason, size_t n_targets)
{
    struct xsg_comparison *c = XSG_NEW(arena, struct xsg_comparison);
    struct xsg_run *base =
        make_run(arena, "1f0e9d8c7b6a594837261504f3e2d1c0b9a88776", "main", n_targets);
    struct xsg_run *head =
        make_run(arena, "a0b1c2d3e4f5061728394a5b6c7d8e9f00112233", "faster-numbers", n_targets);
    *c = (struct xsg_comparison){.verdict = verdict,
                                 .reason = reason,
                                 .base = base,
                                 .head = head,
                                 .paired = true,
                                 .elapsed_s = 41.5,
                                 .rounds = 20,
                                 .level = 0.9948,
                                 .progress = 0.5,
                                 .gate = {.threshold = 0.05, .alpha = 0.01, .min_share = 0.005},
                                 .deltas = XSG_NEW_ARRAY(arena, struct xsg_delta, 32)};
    for (size_t i = 0; i < n_targets; i++) {
        static const char *const names[] = {"json", "sql"};
        struct xsg_target_run target = {.name = names[i % 2],
                                        .command = "./build/bench data/large.json",
                                        .profile = i ? "sample" : "scopes",
                                        .samples = i ? 5123 : 0};
        base->targets[i] = head->targets[i] = target;
    }
    add_tree(arena, &base->targets[0], 1);
    add_tree(arena, &head->targets[0], 1.21);
    add_series(arena, head);
    return c;
}

static struct xsg_delta *add(struct xsg_comparison *c, const char *target, const char *function,
                             enum xsg_delta_verdict verdict, double base, double ratio, double half)
{
    struct xsg_delta *d = &c->deltas[c->n_deltas++];
    bool one_sided = verdict == XSG_DELTA_ADDED || verdict == XSG_DELTA_REMOVED;
    *d = (struct xsg_delta){
        .target = target,
        .function = {.name = function},
        .metric = "time",
        .unit = "ns",
        .base = {.median = base, .mean = base, .calls = NAN, .n = 20},
        .head = {.median = base * ratio, .mean = base * ratio, .calls = NAN, .n = 20},
        .ratio = one_sided ? (double)NAN : ratio,
        .low = one_sided ? (double)NAN : ratio * exp(-half),
        .high = one_sided ? (double)NAN : ratio * exp(half),
        .p = verdict == XSG_DELTA_REGRESSED || verdict == XSG_DELTA_IMPROVED ? 0.00021 : 0.31,
        .share = function ? base / (200 * MS) : 1,
        .threshold = 0.05,
        .verdict = verdict,
        .changed = -1,
        .rule = "threshold",
        .counts = !one_sided,
        .detectable = NAN,
        .settle_rounds = NAN,
        .settle_s = NAN,
        .by_calls = NAN,
        .by_cost = NAN};
    struct xsg_summary none = {.median = NAN, .mean = NAN, .calls = NAN};
    if (verdict == XSG_DELTA_ADDED)
        d->base = none;
    if (verdict == XSG_DELTA_REMOVED)
        d->head = none;
    if (one_sided)
        d->p = NAN;
    return d;
}

static void place(struct xsg_delta *d, const char *file, int line, double calls, int changed,
                  const char *cause)
{
    d->function.file = file;
    d->function.line = line;
    d->base.calls = d->head.calls = calls;
    d->changed = changed;
    d->cause = cause;
}

struct xsg_comparison *fixture_regressed(struct xsg_arena *arena)
{
    static const char *warnings[] = {"CPU frequency scaling is on: times spread more than needed"};
    struct xsg_comparison *c =
        make(arena, XSG_VERDICT_REGRESSED,
             "parse_string (target json) got 21 % slower, threshold 5.0 %", 2);
    struct xsg_delta *d = add(c, "json", NULL, XSG_DELTA_REGRESSED, 200 * MS, 1.0735, 0.006);
    d->cause = "mostly parse_string (100 % of it)";
    d->through = "parse_string";
    place(add(c, "json", "parse_string", XSG_DELTA_REGRESSED, 70 * MS, 1.213, 0.012), "src/parse.c",
          88, 9000, 1,
          "each call costs 21 % more; changed in this range: parse_string (src/parse.c:88-120)");
    d = &c->deltas[c->n_deltas - 1];
    d->code = XSG_CODE_DIFFERENT;
    d->by_calls = 0;
    d->by_cost = d->head.mean - d->base.mean;
    place(add(c, "sql", "std::map<std::string, std::vector<row>>::find(std::string const&) const",
              XSG_DELTA_UNDECIDED, 24 * MS, 1.04, 0.07),
          "/usr/include/c++/12/bits/stl_map.h", 1215, NAN, 0,
          "sees changes from 7.3 % on; about 80 rounds would settle it");
    c->deltas[c->n_deltas - 1].settle_rounds = 78;
    place(add(c, "json", "parse_number", XSG_DELTA_IMPROVED, 20 * MS, 0.82, 0.02), "src/number.c",
          12, 4000, 1,
          "cost went to scan_digits; each call costs 18 % less; changed in this range: "
          "parse_number (src/number.c:12-40)");
    c->deltas[c->n_deltas - 1].moved = "cost went to scan_digits";
    c->deltas[c->n_deltas - 1].matched = "parse_int";
    place(add(c, "json", "scan_digits", XSG_DELTA_ADDED, 4 * MS, 1, 0), "src/number.c", 60, 4000, 1,
          "not in base");
    d = add(c, "json", "strtod", XSG_DELTA_REMOVED, 40 * MS, 1, 0);
    d->function.module = "libc.so.6";
    d->cause = "not in head";
    place(add(c, "json", "print", XSG_DELTA_UNCHANGED, 48 * MS, 1.004, 0.01), "src/print.c", 30, 10,
          0, NULL);
    add(c, "sql", NULL, XSG_DELTA_UNCHANGED, 300 * MS, 0.998, 0.009);
    d = add(c, "sql", "tiny", XSG_DELTA_UNDECIDED, 1.2 * MS, 1.3, 0.9);
    d->high = INFINITY;
    d->counts = false;
    d->rule = "effect on the target too small";
    d->cause = "too few samples; more rounds will hardly settle it";
    c->warnings = warnings;
    c->n_warnings = 1;
    return c;
}

struct xsg_comparison *fixture_passed(struct xsg_arena *arena)
{
    struct xsg_comparison *c =
        make(arena, XSG_VERDICT_PASSED,
             "nothing got worse than its threshold allows, of 2 functions and 1 target", 1);
    struct xsg_run *base = XSG_NEW(arena, struct xsg_run);
    *base = *c->base;
    base->commit.dirty = true;
    c->base = base;
    c->paired = false;
    c->head->targets[0].pairing = XSG_PAIRING_SAME_CORE;
    c->head->targets[0].pairing_reason = "asked for";
    add(c, "json", NULL, XSG_DELTA_UNCHANGED, 200 * MS, 1.001, 0.008);
    add(c, "json", "parse_string", XSG_DELTA_UNCHANGED, 70 * MS, 1.004, 0.01);
    add(c, "json", "print", XSG_DELTA_UNCHANGED, 48 * MS, 0.991, 0.01);
    return c;
}

struct xsg_comparison *fixture_undecided(struct xsg_arena *arena)
{
    struct xsg_comparison *c = make(arena, XSG_VERDICT_UNDECIDED,
                                    "print (target json) could not be decided in 20 rounds", 1);
    c->head->targets[0].pairing = XSG_PAIRING_ALTERNATE;
    c->head->targets[0].pairing_reason =
        "equal programs differ by 0.9 % so, by 1.4 % on one core, by 13 % on two cores; few rounds";
    struct xsg_delta *d = add(c, "json", "print", XSG_DELTA_UNDECIDED, 48 * MS, 1.041, 0.043);
    d->cause = "sees changes from 5.0 % on; about 1000 rounds would settle it";
    d->settle_rounds = 991;
    d = add(c, "sql", NULL, XSG_DELTA_UNDECIDED, 300 * MS, 1.121, 0.011);
    static double layouts[] = {1.121, 1.114, 0.988};
    d->rule = "gone when linked in another order";
    d->cause = "layout: gone when linked in another order (+12 %, +11 %, -1.2 %)";
    d->code = XSG_CODE_SAME_DEEP;
    d->layout = XSG_LAYOUT_GONE;
    d->layouts = layouts;
    d->n_layouts = 3;
    add(c, "json", NULL, XSG_DELTA_UNCHANGED, 200 * MS, 1.009, 0.008);
    d = add(c, "json", "next_row", XSG_DELTA_REGRESSED, 6 * MS, 1.554, 0.17);
    static double gone[] = {1.554, 1.096, 0.53};
    d->counts = false;
    d->rule = "gone when linked in another order";
    d->cause =
        "takes 55 % more time; its own machine code is identical; layout: gone when linked in "
        "another order (+55 %, +9.6 %, -47 %)";
    d->code = XSG_CODE_SAME;
    d->layout = XSG_LAYOUT_GONE;
    d->layouts = gone;
    d->n_layouts = 3;
    return c;
}

/* As harness/launch_failure.c writes it; who wrote the program may have written the output for us.
 */
#define FAILED                                                                                     \
    "ended with status 3; a target has to end with status 0\n"                                     \
    "  | reading data/large.json, a file whose name is in a line that is too long for eighty "     \
    "columns and goes on below\n"                                                                  \
    "  | \n"                                                                                       \
    "  | ::error::| <b>@everyone</b> `x` ]]>\n"                                                    \
    "  |   assertion failed"

struct xsg_comparison *fixture_invalid(struct xsg_arena *arena)
{
    struct xsg_comparison *c =
        make(arena, XSG_VERDICT_INVALID,
             "target json could not be judged: head: ended with status 3; a target has to end with "
             "status 0; among the rest, select_rows (target sql) got 50 % slower, threshold 5.0 %",
             2);
    struct xsg_run *base = XSG_NEW(arena, struct xsg_run);
    *base = *c->base;
    base->targets = XSG_NEW_ARRAY(arena, struct xsg_target_run, 3);
    memcpy(base->targets, c->base->targets, 2 * sizeof *base->targets);
    base->targets[2] = (struct xsg_target_run){.name = "retired", .profile = "sample"};
    base->n_targets = 3;
    c->base = base;
    c->head->targets[0].invalid = FAILED;
    struct xsg_delta *d = add(c, "json", NULL, XSG_DELTA_INVALID, NAN, NAN, 0);
    d->base.n = d->head.n = 0;
    d->p = NAN;
    d->share = 1;
    d->rule = "measurement";
    d->cause = "head: " FAILED;
    place(add(c, "sql", "select_rows", XSG_DELTA_REGRESSED, 70 * MS, 1.5, 0.02), "src/select.c",
          400, NAN, 0, "takes 50 % more time; code not changed in this range");
    d = add(c, "retired", NULL, XSG_DELTA_REMOVED, NAN, NAN, 0);
    d->base.n = 0;
    d->share = 1;
    d->rule = "one side only";
    d->cause = "target not in head";
    return c;
}

struct xsg_comparison *fixture_unmeasured(struct xsg_arena *arena)
{
    struct xsg_comparison *c = XSG_NEW(arena, struct xsg_comparison);
    struct xsg_run *base = XSG_NEW(arena, struct xsg_run), *head = XSG_NEW(arena, struct xsg_run);
    *base = (struct xsg_run){
        .commit = {.oid = "1f0e9d8c7b6a594837261504f3e2d1c0b9a88776", .describe = "main"}};
    *head = (struct xsg_run){.commit = {.oid = "a0b1c2d3e4f5061728394a5b6c7d8e9f00112233",
                                        .describe = "faster-numbers"}};
    *c = (struct xsg_comparison){.verdict = XSG_VERDICT_INVALID,
                                 .reason =
                                     "building main (1f0e9d8c7b): the build ended with status 2\n"
                                     "  | src/parse.c:88:1: error: expected ';' before 'return'\n"
                                     "  | ::error::<b>@everyone</b> `make` ]]>",
                                 .base = base,
                                 .head = head,
                                 .paired = true,
                                 .gate = {.threshold = 0.05, .alpha = 0.01, .min_share = 0.005}};
    return c;
}

const char *const hostile_texts[] = {
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<img src=x onerror=alert(1)>",
    "a|b `c` **d** [e](javascript:alert(1)) @everyone #1 GH-1 http://example.com <b>",
    "]]>&amp;\"'<failure/>",
    "tab\there, line\nbreak, \r\n, nul-free \001\002 bell\a escape\033[31mred\033[0m \x7f",
    "bidi \u202eoverride\u202c zero\u200bwidth \ufeffbom",
    "broken \xff\xfe\xc3( \xe2\x82 \xed\xa0\x80 UTF-8",
    "not XML: \uffff \ufffe",
    "emoji 🚀 wide 漢字テスト combining e\u0301\u0302\u0303",
    "| --- | --- |\n\n# heading\n```\n</details>",
    "operator<<(std::ostream&, std::vector<std::pair<int, char const*>> const&)",
    "{{7*7}} ${jndi:ldap://x} %s%n%n $(reboot) \\u0000 \\",
    "",
};
const size_t n_hostile_texts = sizeof hostile_texts / sizeof hostile_texts[0];

struct xsg_comparison *fixture_hostile(struct xsg_arena *arena)
{
    char *longest = XSG_NEW_ARRAY(arena, char, 1025);
    memset(longest, '<', 1024);
    struct xsg_comparison *c = make(arena, XSG_VERDICT_REGRESSED, hostile_texts[0], 1);
    struct xsg_run *sides[2] = {XSG_NEW(arena, struct xsg_run), XSG_NEW(arena, struct xsg_run)};
    *sides[0] = *c->base;
    *sides[1] = *c->head;
    for (size_t i = 0; i < 2; i++) {
        struct xsg_target_run *target = &sides[i]->targets[0];
        target->name = hostile_texts[0];
        target->command = hostile_texts[12];
        target->profile = hostile_texts[2];
        sides[i]->commit.describe = hostile_texts[3 + i];
        sides[i]->commit.subject = hostile_texts[5];
        sides[i]->environment.cpu_model = hostile_texts[4];
        for (size_t k = 0; k < target->tree.n_functions; k++) {
            target->tree.functions[k].name = hostile_texts[k];
            target->tree.functions[k].file = hostile_texts[k + 5];
        }
    }
    c->base = sides[0];
    c->head = sides[1];
    sides[1]->n_series = 0;
    add_series(arena, sides[1]);
    for (size_t i = 0; i <= n_hostile_texts; i++) {
        const char *text = i < n_hostile_texts ? hostile_texts[i] : longest;
        struct xsg_delta *d =
            add(c, hostile_texts[0], text, (enum xsg_delta_verdict)(i % 6), 10 * MS, 1.2, 0.05);
        place(d, text, (int)i, 1, 1, text);
        d->function.module = text;
        d->rule = text;
    }
    c->warnings = XSG_NEW_ARRAY(arena, const char *, n_hostile_texts);
    memcpy(c->warnings, hostile_texts, sizeof hostile_texts);
    c->n_warnings = n_hostile_texts;
    return c;
}

struct xsg_comparison *fixture_huge(struct xsg_arena *arena)
{
    size_t n = 4000;
    char *longest = XSG_NEW_ARRAY(arena, char, 65537);
    struct xsg_comparison *c = make(arena, XSG_VERDICT_REGRESSED, "too much", 1);
    c->deltas = XSG_NEW_ARRAY(arena, struct xsg_delta, n);
    for (size_t i = 0; i < n; i++)
        add(c, "json", xsg_printf(arena, "function_%zu", i),
            i < n / 2 ? XSG_DELTA_REGRESSED : XSG_DELTA_IMPROVED, MS, i < n / 2 ? 1.2 : 0.8, 0.01);
    memset(longest, '<', 65536);
    for (size_t i = 0; i < 8; i++) {
        c->deltas[i].function.name = c->deltas[i].function.file = longest;
        c->deltas[i].cause = longest;
    }
    return c;
}
