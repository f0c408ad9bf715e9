/* The suite: what a good file means, and word for word what is said about a broken one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/rng.h"
#include "harness/suite.h"

static struct xsg_arena arena;
static struct xsg_suite suite;
static struct xsg_err err;

static int setup(void **state)
{
    (void)state;
    memset(&err, 0, sizeof err);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    xsg_arena_release(&arena);
    return 0;
}

static int parse(const char *text)
{
    memset(&err, 0, sizeof err);
    return xsg_suite_parse(&arena, "x.yml", text, strlen(text), &suite, &err);
}

#define T "targets:\n  - name: a\n    command: ./a\n" /* three lines that are right */

static const struct {
    const char *text, *error;
} broken[] = {
    {"", "x.yml:1:1: the file is empty; at least 'targets' is needed"},
    {"# only this\n", "x.yml:1:1: the file is empty; at least 'targets' is needed"},
    {"build: make\n",
     "x.yml:1:1: 'targets' is missing: the list of what to measure, each with a 'name' and a "
     "'command'"},
    {"[1, 2]\n",
     "x.yml:1:1: expected a map with the keys build, build_timeout, threshold, alpha, min_share, "
     "pairing, relink, metrics, targets, gates, ignore, ci"},
    {"tresholt: 5%\n" T, "x.yml:1:1: unknown key 'tresholt'; did you mean 'threshold'?"},
    {"zzz: 5%\n" T,
     "x.yml:1:1: unknown key 'zzz'; known are build, build_timeout, threshold, alpha, min_share, "
     "pairing, relink, metrics, targets, gates, ignore, ci"},
    {"relink: maybe\n" T, "x.yml:1:9: unknown value 'maybe'; available: on, off"},
    {"relink: [on]\n" T, "x.yml:1:9: 'relink' expects one of on, off, not a list"},
    {"pairing: {a: b}\n" T,
     "x.yml:1:10: 'pairing' expects one of auto, alternate, same-core, two-core, not a map"},
    {"targets:\n", "x.yml:1:1: 'targets' expects a list, each item with a 'name' and a 'command'"},
    {"targets: []\n",
     "x.yml:1:1: 'targets' expects a list, each item with a 'name' and a 'command'"},
    {"targets: {a: b}\n",
     "x.yml:1:1: 'targets' expects a list, each item with a 'name' and a 'command'"},
    {"targets: [run]\n", "x.yml:1:11: a target is a map with at least 'name' and 'command'"},
    {"targets:\n  - command: ./a\n", "x.yml:2:5: this target has no 'name'"},
    {"targets:\n  - name: a\n", "x.yml:2:5: the target 'a' has no 'command'"},
    {"targets:\n  - name: a\n    command:\n",
     "x.yml:3:5: 'command' expects a command line, not nothing"},
    {"targets:\n  - name: a\n    command: \"  \"\n",
     "x.yml:3:14: 'command' expects a command line, not '  '"},
    {"targets:\n  - name: a\n    command: [./a, b]\n",
     "x.yml:3:14: 'command' expects a command line, not a list"},
    {"targets:\n  - name: a b\n    command: ./a\n",
     "x.yml:2:11: a target's name has letters, digits, '_', '.' and '-' only, not 'a b'"},
    {"targets:\n  - name: \"a\\e[31m\"\n    command: ./a\n",
     "x.yml:2:11: a target's name has letters, digits, '_', '.' and '-' only, not 'a\\x1b[31m'"},
    {T "  - name: a\n    command: ./b\n", "x.yml:4:11: the target 'a' is already on line 2"},
    {T "    comand: ./b\n", "x.yml:4:5: unknown key 'comand'; did you mean 'command'?"},
    {T "    command: ./b\n", "x.yml:4:5: the key 'command' is already on line 3"},
    {T "    profile: [sampel]\n", "x.yml:4:15: unknown profile 'sampel'; did you mean 'sample'?"},
    {T "    profile: [sample, cupti]\n",
     "x.yml:4:23: profile 'cupti' is not available in this version; available: scopes, functions, "
     "sample, instructions"},
    {T "    profile: mpi\n",
     "x.yml:4:14: profile 'mpi' is not available in this version; available: scopes, functions, "
     "sample, instructions"},
    {T "    profile: []\n",
     "x.yml:4:5: 'profile' is empty; name at least one of scopes, functions, sample, instructions"},
    {T "    profile: {sample: 1}\n",
     "x.yml:4:14: 'profile' expects a list of scopes, functions, sample, instructions, not a map"},
    {T "    profile: [[sample]]\n",
     "x.yml:4:15: expected a list of scopes, functions, sample, instructions, not a list"},
    {T "    metrics: [tiem]\n", "x.yml:4:15: unknown metric 'tiem'; did you mean 'time'?"},
    {T "    metrics: [allocations]\n",
     "x.yml:4:15: metric 'allocations' is not available in this version; available: time, total, "
     "inlined, calls, wall, cpu, user, system, peak_rss, page_faults, context_switches, "
     "instructions, instructions_total, syscalls, counted_calls"},
    {T "    metrics: [time, instructions]\n",
     "x.yml:2:5: the target 'a' is judged by 'instructions', which it does not count; add "
     "'instructions' to its 'profile:'"},
    {"metrics: [bogusness]\n" T,
     "x.yml:1:11: unknown metric 'bogusness'; available: time, total, inlined, calls, wall, cpu, "
     "user, "
     "system, peak_rss, page_faults, context_switches, instructions, instructions_total, "
     "syscalls, counted_calls"},
    {T "    timeout: soon\n",
     "x.yml:4:14: 'timeout' expects a duration such as 90s, 5m or 1.5h, at most 7 days, not "
     "'soon'"},
    {T "    timeout: 0\n",
     "x.yml:4:14: 'timeout' expects a duration such as 90s, 5m or 1.5h, at most 7 days, not '0'"},
    {T "    timeout: 8d\n",
     "x.yml:4:14: 'timeout' expects a duration such as 90s, 5m or 1.5h, at most 7 days, not "
     "'8d'"},
    {T "    warmup: -1\n", "x.yml:4:13: 'warmup' expects a whole number from 1 to 100, not '-1'"},
    {T "    warmup: many\n",
     "x.yml:4:13: 'warmup' expects a whole number from 1 to 100, not 'many'"},
    {T "    rate: 0\n", "x.yml:4:11: 'rate' expects a whole number from 1 to 10000, not '0'"},
    {T "    rate: [250]\n",
     "x.yml:4:11: 'rate' expects a whole number from 1 to 10000, not a list"},
    {T "    directory: /etc\n",
     "x.yml:4:16: 'directory' is a path inside of the repository, not '/etc'"},
    {T "    directory: a/../..\n",
     "x.yml:4:16: 'directory' is a path inside of the repository, not 'a/../..'"},
    {T "    env: A=1\n", "x.yml:4:10: 'env' expects a map of variables, such as 'LANG: C'"},
    {T "    env: [A=1, B]\n", "x.yml:4:16: expected KEY=value, not 'B'"},
    {T "    env: [=1]\n", "x.yml:4:11: '' is not the name of an environment variable"},
    {T "    env: {A B: 1}\n", "x.yml:4:11: 'A B' is not the name of an environment variable"},
    {T "    env: {XSGATE_SESSION: x}\n", "x.yml:4:11: 'XSGATE_SESSION' is set by xsgate itself"},
    {T "    env: {A: [1]}\n", "x.yml:4:14: a variable's value is a text"},
    {"threshold: high\n" T,
     "x.yml:1:12: 'threshold' expects a threshold such as 5% or 0.05, not 'high'"},
    {"threshold: -5%\n" T,
     "x.yml:1:12: 'threshold' expects a threshold such as 5% or 0.05, not '-5%'"},
    {"threshold: 150%\n" T, "x.yml:1:12: '150%' would mean 2.5 times slower; write 50%"},
    {"threshold: 200%\n" T,
     "x.yml:1:12: '200%' would mean 3 times slower; a threshold is below 100%, such as 5%"},
    {"threshold: 100%\n" T,
     "x.yml:1:12: '100%' would mean 2 times slower; a threshold is below 100%, such as 5%"},
    {"threshold: 5\n" T, "x.yml:1:12: '5' would mean 500 %, which is 6 times slower; write 5%"},
    {"threshold: 1.05\n" T,
     "x.yml:1:12: '1.05' would mean 2.05 times slower; write 1.05%, or 5% for 1.05 times"},
    {"alpha: 0\n" T,
     "x.yml:1:8: 'alpha' is the rate of false alarms, more than 0 and at most 0.2, not '0'"},
    {"min_share: 100%\n" T,
     "x.yml:1:12: 'min_share' expects a share below 100 %, such as 5% or 0.05, not '100%'"},
    {"build: [make]\n" T, "x.yml:1:8: 'build' expects a shell command, not a list"},
    {T "gates: 5%\n",
     "x.yml:4:1: 'gates' expects a list, each item with 'threshold' and any of 'function', "
     "'target', 'metric'"},
    {T "gates: [f]\n",
     "x.yml:4:9: a gate is a map with 'threshold' and any of 'function', 'target', 'metric'"},
    {T "gates:\n  - function: f\n", "x.yml:5:5: this gate has no 'threshold'"},
    {T "gates:\n  - funktion: f\n    threshold: 5%\n",
     "x.yml:5:5: unknown key 'funktion'; did you mean 'function'?"},
    {T "gates:\n  - target: b\n    threshold: 5%\n",
     "x.yml:5:13: no target is named 'b'; there is 'a'"},
    {T "gates:\n  - metric: tme\n    threshold: 5%\n",
     "x.yml:5:13: unknown metric 'tme'; did you mean 'time'?"},
    {T "gates:\n  - metric: cpu\n    threshold: 5%\n",
     "x.yml:5:13: this gate's metric is not judged; add 'cpu' to the list 'metrics:' of the target "
     "or of the file"},
    {T "    metrics: [cpu]\n  - {name: b, command: b}\ngates:\n"
       "  - {target: b, metric: cpu, threshold: 5%}\n",
     "x.yml:7:25: this gate's metric is not judged; add 'cpu' to the list 'metrics:' of the target "
     "or of the file"},
    {T "gates:\n  - function: f\n    threshold: 300%\n",
     "x.yml:6:16: '300%' would mean 4 times slower; a threshold is below 100%, such as 5%"},
    {T "ignore: {a: 1}\n",
     "x.yml:4:9: 'ignore' expects a list of function names, * for any text, not a map"},
    {T "ignore: [\"\"]\n",
     "x.yml:4:10: expected a list of function names, * for any text, not nothing"},
    {"\tbuild: make\n", "x.yml:1:1: while scanning for the next token: a tab cannot be used here; "
                        "indent with spaces"},
    {"ci: on\n" T, "x.yml:1:1: 'ci' expects a map with any of 'id', 'login', 'comment', 'check', "
                   "'annotations', 'status'"},
    {"ci: {comments: on}\n" T, "x.yml:1:6: unknown key 'comments'; did you mean 'comment'?"},
    {"ci: {id: a--b}\n" T,
     "x.yml:1:10: 'id' is a short name of letters, digits, '.', '_', '-' (not two in a row), not "
     "'a--b'"},
    {"ci: {check: maybe}\n" T, "x.yml:1:13: unknown value 'maybe'; available: on, off"},
};

static void test_broken_files_are_explained(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        int rc = parse(broken[i].text);
        if (rc == XSG_EINVAL && strcmp(err.text, broken[i].error) == 0)
            continue;
        print_error("--- %s  said (%d): %s\n  not:      %s\n", broken[i].text, rc, err.text,
                    broken[i].error);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

/* Every key with every shape of value: read, or refused with its place; never taken for a text. */
static void test_a_value_may_have_any_shape(void **state)
{
    (void)state;
    /* What stands before the key and after its value. */
    static const char *const before[] = {"", T "    ", "ci:\n  ",
                                         "gates:\n  - threshold: 5%\n    "};
    static const char *const after[] = {"\n" T, "\n", "\n" T, "\n" T};
    static const char *const keys[] = {
        "build",  "build_timeout", "threshold", "alpha",       "min_share", "pairing",
        "relink", "metrics",       "targets",   "gates",       "ignore",    "ci",
        "name",   "command",       "profile",   "directory",   "timeout",   "warmup",
        "rate",   "env",           "function",  "target",      "metric",    "id",
        "login",  "comment",       "check",     "annotations", "status"};
    static const char *const shapes[] = {"",       "''",   "[]",       "{}",       "[a]",
                                         "{a: b}", "[[]]", "[[a], b]", "{a: [b]}", "[{a: b}]"};
    char text[256];
    size_t refused = 0;
    for (size_t p = 0; p < sizeof before / sizeof before[0]; p++) {
        for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
            for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
                snprintf(text, sizeof text, "%s%s: %s%s", before[p], keys[k], shapes[i], after[p]);
                int rc = parse(text);
                assert_true(rc == XSG_OK || rc == XSG_EINVAL);
                if (rc == XSG_OK)
                    continue;
                assert_memory_equal(err.text, "x.yml:", 6);
                refused++;
            }
        }
    }
    assert_true(refused > 900);
}

static void test_ci(void **state)
{
    (void)state;
    assert_int_equal(parse("targets:\n  - name: a\n    command: ./a\n"), 0);
    assert_string_equal(suite.ci.id, "xsgate");
    assert_null(suite.ci.login);
    assert_int_equal(suite.ci.comment, XSG_COMMENT_ON);
    assert_true(suite.ci.check && suite.ci.annotations && !suite.ci.status);
    assert_int_equal(parse("ci:\n  id: linux.gcc-12\n  login: bot\n  comment: always\n"
                           "  check: off\n  annotations: off\n  status: on\n"
                           "targets:\n  - name: a\n    command: ./a\n"),
                     0);
    assert_string_equal(suite.ci.id, "linux.gcc-12");
    assert_string_equal(suite.ci.login, "bot");
    assert_int_equal(suite.ci.comment, XSG_COMMENT_ALWAYS);
    assert_true(!suite.ci.check && !suite.ci.annotations && suite.ci.status);
}

static void test_the_place_is_shown(void **state)
{
    (void)state;
    assert_int_equal(parse(T "    timeout: soon\n"), XSG_EINVAL);
    assert_string_equal(err.hint, "  4 |     timeout: soon\n    |              ^");
}

static void test_long_and_foreign_text_is_cut(void **state)
{
    (void)state;
    char text[600] = "targets:\n  - name: ";
    for (int i = 0; i < 100; i++)
        strcat(text, "\xc3\xa4");
    strcat(text, "\n    command: x\n");
    assert_int_equal(parse(text), XSG_EINVAL);
    assert_true(strlen(err.text) < 160);
    assert_non_null(strstr(err.text, "\xc3\xa4...'"));
}

static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(parse(T), 0);
    assert_null(suite.build);
    assert_true(suite.gate.threshold == 0.05 && suite.gate.alpha == 0.01);
    assert_true(suite.relink);
    assert_true(suite.gate.min_share == 0.005);
    assert_int_equal(suite.gate.n_rules + suite.gate.n_ignore, 0);
    assert_int_equal(suite.n_targets, 1);
    const struct xsg_suite_target *target = &suite.targets[0];
    assert_string_equal(target->name, "a");
    assert_string_equal(target->command, "./a");
    assert_null(target->directory);
    assert_int_equal(target->profile, XSG_MODE_SAMPLE);
    assert_int_equal(target->n_metrics, 1);
    assert_string_equal(target->metrics[0], "time");
    assert_true(target->timeout_s == 60 && target->warmup == 1 && target->rate_hz == 250);
    assert_int_equal(target->n_env, 0);
    assert_int_equal(target->line, 2);
}

static void test_everything_is_read(void **state)
{
    (void)state;
    assert_int_equal(parse("build: make -j2\n"
                           "build_timeout: 10m\n"
                           "relink: off\n"
                           "threshold: 3%\n"
                           "alpha: 0.02\n"
                           "min_share: 1%\n"
                           "metrics: [cpu, peak_rss]\n"
                           "targets:\n"
                           "  - name: one\n"
                           "    command: ./one \"a b\"\n"
                           "    profile: [scopes, functions]\n"
                           "    metrics: wall\n"
                           "    timeout: 250ms\n"
                           "    warmup: 3\n"
                           "    rate: 100\n"
                           "    directory: bench/x\n"
                           "    env: {SIZE: 10, EMPTY: }\n"
                           "  - {name: two, command: ./two, env: [A=b=c]}\n"
                           "gates:\n"
                           "  - {function: 'parse_*', threshold: 2%}\n"
                           "  - {target: o*, metric: wall, threshold: 10%}\n"
                           "ignore: ['*_slowpath']\n"),
                     0);
    assert_string_equal(suite.build, "make -j2");
    assert_true(suite.build_timeout_s == 600);
    assert_false(suite.relink);
    assert_true(suite.gate.threshold == 0.03 && suite.gate.alpha == 0.02);
    assert_true(suite.gate.min_share == 0.01);
    const struct xsg_suite_target *one = &suite.targets[0], *two = &suite.targets[1];
    assert_string_equal(one->command, "./one \"a b\"");
    assert_int_equal(one->profile, XSG_MODE_SCOPES | XSG_MODE_FUNCTIONS);
    assert_int_equal(one->n_metrics, 1);
    assert_string_equal(one->metrics[0], "wall");
    assert_true(one->timeout_s == 0.25 && one->warmup == 3 && one->rate_hz == 100);
    assert_string_equal(one->directory, "bench/x");
    assert_int_equal(one->n_env, 2);
    assert_string_equal(one->env[0], "SIZE=10");
    assert_string_equal(one->env[1], "EMPTY=");
    assert_int_equal(two->n_metrics, 2);
    assert_string_equal(two->env[0], "A=b=c");
    assert_int_equal(suite.gate.n_own_metrics, 1);
    assert_string_equal(suite.gate.own_metrics[0].target, "one");
    assert_string_equal(suite.gate.own_metrics[0].metrics[0], "wall");
    assert_string_equal(two->metrics[1], "peak_rss");
    assert_int_equal(suite.gate.n_rules, 2);
    assert_string_equal(suite.gate.rules[0].function, "parse_*");
    assert_null(suite.gate.rules[0].target);
    assert_true(suite.gate.rules[0].threshold == 0.02);
    assert_int_equal(suite.gate.rules[1].line, 21);
    assert_string_equal(suite.gate.rules[1].metric, "wall");
    assert_string_equal(suite.gate.ignore[0], "*_slowpath");
}

static void test_a_target_may_choose_pairing_freely(void **state)
{
    (void)state;
    assert_int_equal(parse("targets:\n  - {name: a, command: ./a, pairing: auto}\n"
                           "  - {name: b, command: ./b}\n"
                           "  - {name: c, command: ./c, pairing: two-core}\n"
                           "pairing: same-core\n"),
                     0);
    assert_int_equal(suite.targets[0].pairing, XSG_PAIRING_AUTO);
    assert_int_equal(suite.targets[1].pairing, XSG_PAIRING_SAME_CORE);
    assert_int_equal(suite.targets[2].pairing, XSG_PAIRING_TWO_CORE);
}

static void test_lists_may_be_left_blank(void **state)
{
    (void)state;
    assert_int_equal(parse("ignore:\nmetrics:\nbuild:\nthreshold:\n" T "    env:\n    profile:\n"
                           "    timeout:\ngates:\n"),
                     0);
    assert_null(suite.build);
    assert_int_equal(suite.gate.n_rules + suite.gate.n_ignore, 0);
    assert_true(suite.gate.threshold == 0.05);
    assert_int_equal(suite.targets[0].profile, XSG_MODE_SAMPLE);
}

static void test_the_template_works_as_it_is(void **state)
{
    (void)state;
    assert_int_equal(parse(xsg_suite_template), 0);
    assert_int_equal(suite.n_targets, 1);
    assert_string_equal(suite.targets[0].command, "./bench");
    /* Its commented parts are right as well. */
    size_t n = strlen(xsg_suite_template);
    char *text = xsg_strdup(&arena, xsg_suite_template);
    static const char *const parts[] = {"# metrics: [",   "# warmup: ",     "# rate: ",
                                        "# directory: ",  "# env:",         "#   BENCH_SIZE",
                                        "# gates:",       "#   - function", "#     threshold: 2",
                                        "#   - target",   "#     metric",   "#     threshold: 10",
                                        "# ignore:",      "# alpha",        "# min_share",
                                        "# build_timeout"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        char *at = strstr(text, parts[i]);
        assert_non_null(at);
        memmove(at, at + 2, n - (size_t)(at - text) - 1);
    }
    assert_int_equal(parse(text), 0);
    assert_int_equal(suite.gate.n_rules, 2);
    assert_string_equal(suite.targets[0].env[0], "BENCH_SIZE=large");
    assert_string_equal(suite.targets[0].directory, "bench");
}

static const char *hash_of(const char *text)
{
    assert_int_equal(parse(text), 0);
    assert_int_equal(strlen(suite.hash), 16);
    return suite.hash;
}

static void test_the_hash_is_over_what_is_measured(void **state)
{
    (void)state;
    const char *hash = hash_of(T);
    assert_string_equal(hash, hash_of("# c\nthreshold: 9%\nignore: [x]\n" T "    timeout: 5s\n"));
    static const char *const others[] = {
        "build: make\n" T,  T "    profile: [scopes]\n", T "    env: {A: 1}\n",
        T "    rate: 99\n", T "    directory: x\n",      "targets: [{name: a, command: ./a 1}]\n"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_string_not_equal(hash, hash_of(others[i]));
}

static void test_select(void **state)
{
    (void)state;
    const char *text = "targets: [{name: parse, command: a}, {name: print, command: b}, "
                       "{name: sum, command: c}]\n";
    assert_int_equal(parse(text), 0);
    const char *hash = suite.hash;
    const char *const some[] = {"sum", "p*e"};
    assert_int_equal(xsg_suite_select(&arena, &suite, some, 2, &err), 0);
    assert_int_equal(suite.n_targets, 2);
    assert_string_equal(suite.targets[0].name, "parse"); /* the file's order */
    assert_string_equal(suite.targets[1].name, "sum");
    assert_string_equal(suite.hash, hash);
    assert_int_equal(xsg_suite_select(&arena, &suite, NULL, 0, &err), 0);
    assert_int_equal(suite.n_targets, 2);

    const char *const typo[] = {"prase"};
    assert_int_equal(xsg_suite_select(&arena, &suite, typo, 1, &err), XSG_EINVAL);
    assert_string_equal(err.text, "there is no target 'prase' in x.yml");
    assert_string_equal(err.hint, "did you mean 'parse'?");
    memset(&err, 0, sizeof err);
    const char *const unknown[] = {"zzzzzz"};
    assert_int_equal(xsg_suite_select(&arena, &suite, unknown, 1, &err), XSG_EINVAL);
    assert_string_equal(err.hint, "targets: parse, sum");
    assert_int_equal(suite.n_targets, 2);
}

static void put(const char *dir, const char *name, const char *text)
{
    const char *path = xsg_path_join(&arena, dir, name);
    assert_int_equal(xsg_mkdirs(xsg_path_dir(&arena, path), &err), 0);
    assert_int_equal(xsg_write_file(path, text, strlen(text), &err), 0);
}

static void test_find_and_load(void **state)
{
    (void)state;
    char *dir, *path;
    assert_int_equal(xsg_temp_dir(&arena, NULL, &dir, &err), 0);
    put(dir, "repo/.github/xsgate.yml", T);
    put(dir, "repo/a/b/file", "");
    put(dir, "xsgate.yml", T);
    const char *repo = xsg_path_join(&arena, dir, "repo");
    const char *below = xsg_path_join(&arena, dir, "repo/a/b");
    assert_int_equal(xsg_suite_find(&arena, below, repo, &path, &err), 0);
    assert_string_equal(path, xsg_path_join(&arena, repo, ".github/xsgate.yml"));
    put(dir, "repo/.xsgate.yml", T);
    assert_int_equal(xsg_suite_find(&arena, below, repo, &path, &err), 0);
    assert_string_equal(path, xsg_path_join(&arena, repo, ".xsgate.yml"));
    put(dir, "repo/a/xsgate.yml", "build: a\ntargets: 3\n");
    assert_int_equal(xsg_suite_find(&arena, below, repo, &path, &err), 0);
    assert_string_equal(path, xsg_path_join(&arena, repo, "a/xsgate.yml"));
    assert_int_equal(xsg_suite_load(&arena, path, &suite, &err), XSG_EINVAL);
    assert_ptr_equal(strstr(err.text, path), err.text);
    memset(&err, 0, sizeof err);
    /* Not above the stop, where another one lies. */
    assert_int_equal(xsg_suite_find(&arena, below, below, &path, &err), XSG_ENOTFOUND);
    assert_non_null(strstr(err.hint, "xsgate init"));
    memset(&err, 0, sizeof err);
    put(dir, "repo/a/b/xsgate.yaml", T);
    assert_int_equal(xsg_suite_find(&arena, below, below, &path, &err), XSG_ENOTFOUND);
    assert_non_null(strstr(err.hint, "rename"));
    memset(&err, 0, sizeof err);
    assert_int_equal(xsg_suite_load(&arena, "/no/such/file.yml", &suite, &err), XSG_ENOTFOUND);
    memset(&err, 0, sizeof err);
    assert_int_equal(xsg_remove_tree(dir, &err), 0);
}

/* Bytes of the template changed at random: never a crash, always a sentence. */
static void test_damaged_files_never_crash(void **state)
{
    (void)state;
    struct xsg_rng rng;
    xsg_rng_init(&rng, 7);
    size_t n = strlen(xsg_suite_template);
    for (int round = 0; round < 3000; round++) {
        struct xsg_arena own = XSG_ARENA_INIT;
        char *text = xsg_strdup(&own, xsg_suite_template);
        size_t len = xsg_rng_below(&rng, 4) ? n : xsg_rng_below(&rng, n + 1);
        for (uint64_t k = xsg_rng_below(&rng, 6); k > 0; k--)
            text[xsg_rng_below(&rng, n)] = "\0\n\t :-[]{}\"'#%&*!|>0a\xff"[xsg_rng_below(&rng, 22)];
        memset(&err, 0, sizeof err);
        int rc = xsg_suite_parse(&own, "x.yml", text, len, &suite, &err);
        assert_true(rc == 0 || rc == XSG_EINVAL);
        assert_int_equal(rc == 0, err.text[0] == '\0');
        xsg_arena_release(&own);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_broken_files_are_explained),
        TEST(test_ci),
        TEST(test_the_place_is_shown),
        TEST(test_long_and_foreign_text_is_cut),
        TEST(test_defaults),
        TEST(test_everything_is_read),
        TEST(test_a_value_may_have_any_shape),
        TEST(test_a_target_may_choose_pairing_freely),
        TEST(test_lists_may_be_left_blank),
        TEST(test_the_template_works_as_it_is),
        TEST(test_the_hash_is_over_what_is_measured),
        TEST(test_select),
        TEST(test_find_and_load),
        TEST(test_damaged_files_never_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
