#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/opt.h"
#include "base/proc.h"
#include "base/str.h"

static struct {
    bool fresh, no_build;
    const char *baseline, *pairing;
    struct xsg_strings reports, metrics;
    int64_t rounds;
    double threshold, max_time;
    int verbose;
} v;

static const char *const pairings[] = {"auto", "alternate", "same-core", "two-core", NULL};
static const char *const metrics[] = {"time", "cpu", "wall", NULL};

static const struct xsg_opt run_opts[] = {
    {XSG_OPT_STRING, 'b', "baseline", "REF", "compare with this commit", &v.baseline, NULL, "ref"},
    {XSG_OPT_FLAG, 0, "fresh", NULL, "measure both sides now", &v.fresh, NULL, NULL},
    {XSG_OPT_FLAG, 0, "no-build", NULL, "don't build", &v.no_build, NULL, NULL},
    {XSG_OPT_RATIO, 't', "threshold", "SHARE", "what counts as slower", &v.threshold, NULL, NULL},
    {XSG_OPT_LIST, 0, "metric", "NAME", "judge this metric [first: default]", &v.metrics, metrics,
     NULL},
    {XSG_OPT_INT, 'n', "rounds", "N", "rounds to measure", &v.rounds, NULL, NULL},
    {XSG_OPT_STRING, 0, "pairing", "HOW", "how the two sides share the machine", &v.pairing,
     pairings, NULL},
    {XSG_OPT_SECONDS, 0, "max-time", "TIME", "stop after this time", &v.max_time, NULL, NULL},
    {XSG_OPT_LIST, 'r', "report", "FORMAT[:FILE]", "write a report too", &v.reports, NULL, "file"},
    {XSG_OPT_COUNT, 'v', "verbose", NULL, "say more", &v.verbose, NULL, NULL},
    {.type = XSG_OPT_END},
};

static const char *const run_examples[] = {"xsgate run", "measure this commit and store it",
                                           "xsgate run --baseline main parse",
                                           "gate one target against main", NULL};

static const struct xsg_opt_spec run_spec = {
    .command = "run",
    .usage = "run [--baseline REF] [TARGET...]",
    .summary = "measure a commit, and gate it",
    .description = "Measures HEAD and stores the run; with --baseline compares it with that commit "
                   "and fails when a function got slower.\n\nThe second paragraph is for the man "
                   "page: it's longer, with a \"quote\" and a \\ in it.\n\n.not a request",
    .opts = run_opts,
    .examples = run_examples,
    .complete = "target",
};

static const struct xsg_opt no_opts[] = {{.type = XSG_OPT_END}};
static const char *const show_examples[] = {"xsgate show", "the last run", "xsgate show main~1",
                                            "an earlier one", NULL};
static const struct xsg_opt_spec show_spec = {.command = "show",
                                              .usage = "show [REV]",
                                              .summary =
                                                  "show a stored run's functions: worst's first",
                                              .opts = no_opts,
                                              .examples = show_examples,
                                              .complete = "ref"};

static const char *dir_value;
static const struct xsg_opt global_opts[] = {
    {XSG_OPT_STRING, 'C', "directory", "DIR", "work in this folder", &dir_value, NULL, "dir"},
    {XSG_OPT_COUNT, 'v', "verbose", NULL, "say more", &v.verbose, NULL, NULL},
    {.type = XSG_OPT_END},
};
static const struct xsg_opt_spec global_spec = {.usage = "[-C DIR] COMMAND [ARG...]",
                                                .summary = "a gate against slower functions",
                                                .opts = global_opts};
static const struct xsg_opt_spec *const commands[] = {&run_spec, &show_spec};

static struct xsg_arena arena;
static struct xsg_err err;
static struct xsg_strings rest;
static bool help;

static int setup(void **state)
{
    (void)state;
    memset(&v, 0, sizeof v);
    memset(&err, 0, sizeof err);
    memset(&rest, 0, sizeof rest);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    xsg_arena_release(&arena);
    return 0;
}

/* Parses words split at spaces; "''" is an empty word. */
static int parse_with(const struct xsg_opt_spec *spec, const char *line, bool stop_at_word)
{
    struct xsg_strings words = {0};
    setup(NULL);
    xsg_strings_add(&arena, &words, "program");
    while (*line) {
        size_t n = strcspn(line, " ");
        const char *word = xsg_strndup(&arena, line, n);
        xsg_strings_add(&arena, &words, strcmp(word, "''") == 0 ? "" : word);
        line += n + (line[n] == ' ');
    }
    char **argv = XSG_NEW_ARRAY(&arena, char *, words.n + 1);
    for (size_t i = 0; i < words.n; i++)
        argv[i] = xsg_strdup(&arena, words.item[i]);
    return xsg_opt_parse(&arena, spec, (int)words.n, argv, stop_at_word, &rest, &help, &err);
}

static int parse(const char *line)
{
    return parse_with(&run_spec, line, false);
}

static void test_forms(void **state)
{
    (void)state;
    assert_int_equal(parse(""), 0);
    assert_int_equal(rest.n, 0);
    assert_int_equal(parse("one --baseline main -t 5% two --fresh -vv --rounds=20 -r json:x "
                           "--report=text --max-time 5m three -v -"),
                     0);
    assert_int_equal(rest.n, 4);
    assert_string_equal(rest.item[0], "one");
    assert_string_equal(rest.item[2], "three");
    assert_string_equal(rest.item[3], "-");
    assert_string_equal(v.baseline, "main");
    assert_true(v.threshold == 0.05);
    assert_true(v.fresh);
    assert_int_equal(v.verbose, 3);
    assert_int_equal(v.rounds, 20);
    assert_true(v.max_time == 300);
    assert_int_equal(v.reports.n, 2);
    assert_string_equal(v.reports.item[0], "json:x");
    assert_string_equal(v.reports.item[1], "text");
    assert_false(help);
    assert_int_equal(parse("-bmain -vn5 --fresh --no-fresh --no-build --baseline=x"), 0);
    assert_string_equal(v.baseline, "x"); /* the last one wins */
    assert_int_equal(v.rounds, 5);
    assert_int_equal(v.verbose, 1);
    assert_false(v.fresh);
    assert_true(v.no_build);
    assert_int_equal(parse("--baseline="), 0);
    assert_string_equal(v.baseline, "");
    assert_int_equal(parse("--baseline=a=b"), 0);
    assert_string_equal(v.baseline, "a=b");
    assert_int_equal(parse("--baseline=--fresh"), 0);
    assert_string_equal(v.baseline, "--fresh");
    assert_int_equal(parse("-r - ''"), 0);
    assert_string_equal(v.reports.item[0], "-");
    assert_string_equal(rest.item[0], "");
}

static void test_end_of_options(void **state)
{
    (void)state;
    assert_int_equal(parse("--fresh -- --no-build -v"), 0);
    assert_int_equal(rest.n, 2);
    assert_string_equal(rest.item[0], "--no-build");
    assert_false(v.no_build);
    assert_int_equal(parse_with(&run_spec, "-v cmd -v --what", true), 0);
    assert_int_equal(rest.n, 3);
    assert_int_equal(v.verbose, 1);
    assert_string_equal(rest.item[2], "--what");
    assert_int_equal(parse_with(&run_spec, "-v -- cmd --fresh -- x", true), 0);
    assert_int_equal(rest.n, 4);
    assert_string_equal(rest.item[2], "--");
}

static void test_choices(void **state)
{
    (void)state;
    assert_int_equal(parse("--pairing two-core --metric time,wall --metric cpu"), 0);
    assert_string_equal(v.pairing, "two-core");
    assert_int_equal(v.metrics.n, 3);
    assert_string_equal(v.metrics.item[1], "wall");
    assert_int_equal(parse("--pairing same-cor"), XSG_EINVAL);
    assert_string_equal(err.text,
                        "--pairing: expected one of auto, alternate, same-core, two-core, "
                        "not 'same-cor'");
    assert_string_equal(err.hint, "did you mean 'same-core'?");
    assert_int_equal(parse("--metric time,,cpu"), XSG_EINVAL);
    assert_string_equal(err.text, "--metric: expected one of time, cpu, wall, not ''");
}

static void check_error(const char *line, const char *text)
{
    if (parse(line) != XSG_EINVAL || strcmp(err.text, text) != 0)
        fail_msg("'%s' said '%s'", line, err.text);
}

static void test_errors(void **state)
{
    (void)state;
    check_error("--basline main", "unknown option '--basline'; did you mean '--baseline'?");
    check_error("--thresh 5%", "unknown option '--thresh'; did you mean '--threshold'?");
    check_error("--hlep", "unknown option '--hlep'; did you mean '--help'?");
    check_error("--banana", "unknown option '--banana'");
    check_error("--basline=x\x1b[0m", "unknown option '--basline'; did you mean '--baseline'?");
    check_error("--\x1b[0m", "unknown option '--\\x1b[0m'");
    check_error("-x", "unknown option '-x'");
    check_error("-vx", "unknown option '-x'");
    check_error("-1", "unknown option '-1'");
    check_error("--no-baseline", "unknown option '--no-baseline'; did you mean '--baseline'?");
    check_error("--no-", "unknown option '--no-'; did you mean '--no-build'?");
    check_error("--baseline", "--baseline needs a value: --baseline=REF");
    check_error("--baseline --fresh", "--baseline needs a value: --baseline=REF");
    check_error("-b", "--baseline needs a value: --baseline=REF");
    check_error("--fresh=yes", "--fresh takes no value");
    check_error("--rounds ten", "--rounds: expected a whole number, not 'ten'");
    check_error("--rounds=-1", "--rounds: expected a whole number, not '-1'");
    check_error("--rounds=99999999999999999999",
                "--rounds: expected a whole number, not '99999999999999999999'");
    check_error("-t 5",
                "--threshold: expected a share below 1, or a percentage such as 5%, not '5'");
    check_error("-t x", "--threshold: expected a share such as 5% or 0.05, not 'x'");
    check_error("--max-time soon",
                "--max-time: expected a time such as 60s, 5m or 250ms, not 'soon'");
    assert_int_equal(parse("-t 150%"), 0);
    assert_true(v.threshold == 1.5);
}

static void test_help_wins(void **state)
{
    (void)state;
    static const char *const lines[] = {"-h", "--help", "x --help --banana", "-vh", "-b x -h y"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_int_equal(parse(lines[i]), 0);
        assert_true(help);
    }
    assert_int_equal(parse("-- -h"), 0);
    assert_false(help);
    assert_int_equal(parse("--help=x"), XSG_EINVAL);
}

static void test_help_text(void **state)
{
    (void)state;
    struct xsg_buf out = XSG_BUF_INIT;
    xsg_opt_help(&out, "xsgate", &run_spec);
    assert_string_equal(
        xsg_buf_str(&out),
        "Usage: xsgate run [--baseline REF] [TARGET...]\n"
        "\n"
        "Measures HEAD and stores the run; with --baseline compares it with that commit\n"
        "and fails when a function got slower.\n"
        "\n"
        "Options:\n"
        "  -b, --baseline REF        compare with this commit\n"
        "      --fresh               measure both sides now\n"
        "      --no-build            don't build\n"
        "  -t, --threshold SHARE     what counts as slower\n"
        "      --metric NAME         judge this metric [first: default]: time, cpu, wall\n"
        "  -n, --rounds N            rounds to measure\n"
        "      --pairing HOW         how the two sides share the machine: auto,\n"
        "                            alternate, same-core, two-core\n"
        "      --max-time TIME       stop after this time\n"
        "  -r, --report FORMAT[:FILE]\n"
        "                            write a report too\n"
        "  -v, --verbose             say more\n"
        "  -h, --help                this text\n"
        "\n"
        "Examples:\n"
        "  xsgate run                        measure this commit and store it\n"
        "  xsgate run --baseline main parse  gate one target against main\n");
    for (const char *p = xsg_buf_str(&out); *p; p = strchr(p, '\n') + 1)
        assert_true(strcspn(p, "\n") < 80);
    xsg_buf_release(&out);
}

static void test_long_examples_take_two_lines(void **state)
{
    (void)state;
    static const char *const examples[] = {
        "xsgate compare v1.0 v2.0 --report json:out/of/the/way.json --threshold 2%",
        "a strict comparison of two releases", NULL};
    const struct xsg_opt_spec spec = {
        .command = "x", .usage = "x", .summary = "s", .opts = no_opts, .examples = examples};
    struct xsg_buf out = XSG_BUF_INIT;
    xsg_opt_help(&out, "xsgate", &spec);
    assert_string_equal(
        xsg_buf_str(&out),
        "Usage: xsgate x\n\ns\n\nOptions:\n  -h, --help  this text\n\nExamples:\n"
        "  xsgate compare v1.0 v2.0 --report json:out/of/the/way.json --threshold 2%\n"
        "      a strict comparison of two releases\n");
    xsg_buf_release(&out);
}

/* Feeds text to a program; its status and output. */
static int feed(const char *text, const char *command, const char **output)
{
    char *dir;
    assert_int_equal(xsg_temp_dir(&arena, NULL, &dir, &err), 0);
    assert_int_equal(xsg_write_file(xsg_path_join(&arena, dir, "input"), text, strlen(text), &err),
                     0);
    const char *argv[] = {"sh", "-c", command, NULL};
    struct xsg_proc_spec spec = {.argv = argv, .cwd = dir, .pin_cpu = -1, .keep_output = 100000};
    struct xsg_proc_result result;
    assert_int_equal(xsg_proc_run(&arena, &spec, &result, &err), 0);
    assert_int_equal(xsg_remove_tree(dir, &err), 0);
    *output = result.output_head;
    return result.exit_status;
}

static bool have(const char *program)
{
    const char *output;
    if (feed("", xsg_printf(&arena, "command -v %s", program), &output) == 0)
        return true;
    print_message("skipped: %s is not installed\n", program);
    return false;
}

static void test_man_page(void **state)
{
    (void)state;
    struct xsg_buf out = XSG_BUF_INIT;
    xsg_opt_man(&out, "xsgate", "1.2.3", &global_spec, commands, 2);
    const char *page = xsg_buf_str(&out);
    assert_non_null(strstr(page, ".TH XSGATE 1 \"\" \"xsgate 1.2.3\" \"User Commands\"\n"));
    assert_non_null(strstr(page, "\\fB\\-b\\fR, \\fB\\-\\-baseline\\fR=\\fIREF\\fR\n"));
    assert_non_null(strstr(page, "\n\\&.not a request\n"));
    assert_non_null(strstr(page, "a \\(dqquote\\(dq and a \\e in it"));
    const char *output;
    if (!have("man"))
        skip();
    int rc = feed(
        page, "LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l -E UTF-8 input 2>&1 >text; cat text",
        &output);
    assert_int_equal(rc, 0);
    /* Warnings would stand before the page's first line. */
    assert_int_equal(strncmp(output, "XSGATE(1)", 9), 0);
    assert_non_null(strstr(output, "\"quote\"\n       and a \\ in it.\n"));
    assert_non_null(strstr(output, ".not a request"));
    assert_non_null(strstr(output, "--pairing=HOW"));
    xsg_buf_release(&out);
}

static const char *completion(const char *shell)
{
    struct xsg_buf out = XSG_BUF_INIT;
    assert_int_equal(xsg_opt_completion(&out, "xsgate", shell, &global_spec, commands, 2, &err), 0);
    const char *text = xsg_strdup(&arena, xsg_buf_str(&out));
    xsg_buf_release(&out);
    return text;
}

/* What bash would offer after these words; "|" stands for an empty last word. */
static const char *complete(const char *words)
{
    char *script =
        xsg_printf(&arena,
                   "bash -c '. ./input; mkdir -p sub; touch file; "
                   "printf \"targets:\\n  - name: parse\\n  - name: sql\\n\" >xsgate.yml; "
                   "compopt() { :; }; COMP_WORDS=(%s); "
                   "COMP_CWORD=$((${#COMP_WORDS[@]}-1)); [ \"${COMP_WORDS[COMP_CWORD]}\" = "
                   "\"|\" ] && COMP_WORDS[COMP_CWORD]=; _xsgate; echo \"${COMPREPLY[*]}\"'",
                   words);
    const char *output;
    assert_int_equal(feed(completion("bash"), script, &output), 0);
    return output;
}

static void test_bash_completion(void **state)
{
    (void)state;
    if (!have("bash"))
        skip();
    const char *output;
    assert_int_equal(feed(completion("bash"), "bash -n input 2>&1", &output), 0);
    assert_string_equal(output, "");
    assert_string_equal(complete("xsgate \"|\""), "run show\n");
    assert_string_equal(complete("xsgate s"), "show\n");
    assert_string_equal(complete("xsgate --d"), "--directory\n");
    assert_string_equal(complete("xsgate -C \"|\""), "sub\n");
    assert_string_equal(complete("xsgate -C sub r"), "run\n");
    assert_string_equal(complete("xsgate --directory = sub r"), "run\n");
    assert_string_equal(complete("xsgate run --pairing \"|\""),
                        "auto alternate same-core two-core\n");
    assert_string_equal(complete("xsgate run --pairing = s"), "same-core\n");
    assert_string_equal(complete("xsgate run --pairing ="), "auto alternate same-core two-core\n");
    assert_string_equal(complete("xsgate -v run --ba"), "--baseline\n");
    assert_string_equal(complete("xsgate run \"|\""), "parse sql\n");
    assert_string_equal(complete("xsgate run -r fi"), "file\n");
    assert_string_equal(complete("xsgate show --"), "--help\n");
}

static void test_other_shells(void **state)
{
    (void)state;
    const char *output, *zsh = completion("zsh"), *fish = completion("fish");
    assert_int_equal(strncmp(zsh, "#compdef xsgate\n", 16), 0);
    assert_non_null(strstr(zsh, "'--baseline=[compare with this commit]:REF:_xsg_refs' \\\n"));
    assert_non_null(strstr(zsh, "'-b+[compare with this commit]:REF:_xsg_refs' \\\n"));
    assert_non_null(
        strstr(zsh, "'*--metric=[judge this metric \\[first\\: default\\]]:NAME:(time cpu wall)'"));
    assert_non_null(strstr(zsh, "'--no-build[don'\\''t build]'"));
    assert_non_null(strstr(zsh, "'show:show a stored run'\\''s functions\\: worst'\\''s first'"));
    if (have("zsh"))
        assert_int_equal(feed(zsh, "zsh -n input", &output), 0);
    assert_non_null(strstr(fish,
                           "complete -c xsgate -n '__fish_seen_subcommand_from run' -l baseline "
                           "-s b -x -d 'compare with this commit' -a '(git for-each-ref"));
    assert_non_null(strstr(fish, "-d 'don\\'t build'"));
    if (have("fish"))
        assert_int_equal(feed(fish, "fish -n input", &output), 0);
    struct xsg_buf out = XSG_BUF_INIT;
    assert_int_equal(xsg_opt_completion(&out, "x", "tcsh", &global_spec, commands, 2, &err),
                     XSG_EINVAL);
    assert_string_equal(err.text, "unknown shell 'tcsh'; known are bash, zsh and fish");
    xsg_buf_release(&out);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_forms),
        TEST(test_end_of_options),
        TEST(test_choices),
        TEST(test_errors),
        TEST(test_help_wins),
        TEST(test_help_text),
        TEST(test_long_examples_take_two_lines),
        TEST(test_man_page),
        TEST(test_bash_completion),
        TEST(test_other_shells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
