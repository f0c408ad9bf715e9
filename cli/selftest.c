#include "cli/selftest.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/gate.h"
#include "compare/power.h"
#include "harness/target_command.h"

#define TARGET "selftest"
#define FACTOR_FILE "factor"
/* A gate of the target takes seconds; on a machine that is busy beyond use, no longer than this. */
#define MAX_TIME_S 30

const size_t xsg_selftest_rounds[XSG_SELFTEST_LOOKS] = {10, 20, 40, 80};

/* The commits: base of both, what changes nothing after it, what is slower. */
struct stage {
    struct xsg_cli cli; /* without what the caller configured */
    struct xsg_selftest *test;
    struct xsg_project project;
    const char *folder, *repository;
    struct xsg_commit base, same, slower;
};

/* ---- the stage: a folder with a repository and a configuration --------------------------------
 */

/* In single quotes where a shell would read more than a path in it; exec: no shell stays. */
static const char *target_command(struct xsg_arena *arena, const char *exe)
{
    struct xsg_buf out = XSG_BUF_INIT;
    const char *command;

    if (xsg_target_argv(arena, exe)[1] == NULL) {
        command = xsg_printf(arena, "%s %s %s", exe, XSG_SELFTEST_TARGET, FACTOR_FILE);
    } else {
        xsg_buf_puts(&out, "exec '");
        for (const char *p = exe; *p; p++) {
            if (*p == '\'')
                xsg_buf_puts(&out, "'\\''");
            else
                xsg_buf_putc(&out, *p);
        }
        xsg_buf_printf(&out, "' %s %s", XSG_SELFTEST_TARGET, FACTOR_FILE);
        command = xsg_strdup(arena, xsg_buf_str(&out));
    }
    xsg_buf_release(&out);
    return command;
}

static int write_suite(struct stage *stage)
{
    struct xsg_cli *cli = &stage->cli;
    struct xsg_json_writer w;
    struct xsg_buf out = XSG_BUF_INIT;
    char exe[4096];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    int rc;

    if (n <= 0)
        return xsg_fail(&cli->err, XSG_EFAILED, "cannot read /proc/self/exe: %s", strerror(errno));
    exe[n] = '\0';
    xsg_buf_puts(&out, "targets:\n  - name: " TARGET "\n    profile: [scopes]\n    command: ");
    xsg_json_writer_init(&w, &out, 0); /* a JSON string is a YAML one */
    xsg_json_string(&w, target_command(cli->arena, exe));
    xsg_buf_putc(&out, '\n');
    rc = xsg_write_file(cli->config, out.data, out.len, &cli->err);
    xsg_buf_release(&out);
    return rc;
}

static int set_up(struct stage *stage)
{
    struct xsg_cli *cli = &stage->cli;
    const char *temp = getenv("TMPDIR");
    char *folder = NULL;
    int rc = xsg_temp_dir(cli->arena, temp && *temp == '/' ? temp : "/tmp", &folder, &cli->err);

    if (rc != 0)
        return rc;
    stage->folder = folder;
    stage->repository = xsg_path_join(cli->arena, folder, "repository");
    cli->config = xsg_path_join(cli->arena, folder, "xsgate.yml");
    cli->store = NULL;
    rc = write_suite(stage);
    if (rc == 0)
        rc = xsg_git_create(stage->repository, &cli->err);
    if (rc == 0 && chdir(stage->repository) != 0)
        rc = xsg_fail(&cli->err, XSG_EFAILED, "cannot work in '%s': %s", stage->repository,
                      strerror(errno));
    return rc == 0 ? xsg_project_open(&stage->project, cli,
                                      XSG_NEED_SUITE | XSG_NEED_STORE | XSG_NEED_MEASURE)
                   : rc;
}

static void tear_down(struct stage *stage)
{
    struct xsg_err err = {0};

    xsg_project_close(&stage->project);
    if (!stage->folder)
        return;
    if (chdir("/") != 0 || xsg_remove_tree(stage->folder, &err) != 0)
        xsg_warn("%s was not removed: %s", stage->folder, err.text);
}

static int commit(struct stage *stage, double factor, const char *message, struct xsg_commit *out)
{
    struct xsg_cli *cli = &stage->cli;
    const char *text = xsg_printf(cli->arena, "%.9f\n", factor);
    int rc = xsg_git_commit_file(stage->project.git, cli->arena, FACTOR_FILE, text, message, out,
                                 &cli->err);

    out->describe = message;
    return rc;
}

/* ---- the gates --------------------------------------------------------------------------------
 */

/* A gate as "compare --fresh" runs it. The threshold is half of what is planted: whether it is seen
 * then depends on the evidence alone. */
static int gate(struct stage *stage, const struct xsg_commit *head, const char *rounds,
                const struct xsg_comparison **outcome)
{
    struct xsg_gate_options options = XSG_GATE_OPTIONS_INIT;
    /* The comparison refers to their runs. */
    struct xsg_gate_side *sides = XSG_NEW_ARRAY(stage->cli.arena, struct xsg_gate_side, 2);
    int rc;

    sides[0].commit = stage->base;
    sides[1].commit = *head;
    options.threshold = stage->test->effect / 2;
    options.rounds = rounds;
    options.max_time = MAX_TIME_S;
    options.fresh = true;      /* both sides are one program */
    options.no_publish = true; /* nothing of this belongs on a pull request, */
    options.take_risk = true;  /* and no stranger's commit is run */
    options.outcome = outcome;
    rc = xsg_gate_prepare(&stage->cli, &stage->project, &options);
    if (rc == 0)
        rc = xsg_gate_run(&stage->cli, &stage->project, &sides[0], &sides[1], head->describe,
                          &options);
    if (rc < 0)
        return rc;
    return rc == XSG_EXIT_INVALID ? xsg_fail(&stage->cli.err, XSG_EFAILED, "%s: %s", head->describe,
                                             (*outcome)->reason)
                                  : 0;
}

static const struct xsg_delta *find(const struct xsg_comparison *c, const char *function)
{
    for (size_t i = 0; i < c->n_deltas; i++) {
        const char *name = c->deltas[i].function.name;
        if (function ? name && strcmp(name, function) == 0 : !name)
            return &c->deltas[i];
    }
    return NULL;
}

static int take_power(struct stage *stage)
{
    static const char *const functions[] = {NULL, XSG_SELFTEST_PLANTED, "middle", "small"};
    struct xsg_selftest *test = stage->test;
    const struct xsg_comparison *c = test->equal;
    struct xsg_looks looks;

    xsg_looks_doubling(&looks, XSG_SELFTEST_LOOKS);
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        const struct xsg_delta *d = find(c, functions[i]);
        struct xsg_selftest_row *row = &test->rows[test->n_rows++];
        if (!d)
            return xsg_fail(&stage->cli.err, XSG_EFAILED, "nothing of %s was measured",
                            functions[i] ? functions[i] : "the target");
        *row = (struct xsg_selftest_row){.function = functions[i], .share = d->share};
        row->spread = xsg_power_spread(c->base, c->head, TARGET, functions[i]);
        if (isnan(row->spread)) {
            xsg_fail(&stage->cli.err, XSG_EFAILED, "only %zu rounds in %.0f s say nothing",
                     c->rounds, c->elapsed_s);
            return xsg_fail_hint(&stage->cli.err, XSG_EFAILED,
                                 "'xsgate doctor' says what disturbs this machine");
        }
        for (size_t k = 0; k < XSG_SELFTEST_LOOKS; k++)
            row->detectable[k] =
                xsg_power_detectable(&c->gate, row->spread, xsg_selftest_rounds[k], &looks, k);
    }
    return 0;
}

static bool is_named(const struct xsg_comparison *c)
{
    size_t n = 0, others = 0;

    for (size_t i = 0; i < c->n_deltas; i++) {
        const struct xsg_delta *d = &c->deltas[i];
        if (d->verdict != XSG_DELTA_REGRESSED || !d->counts || !d->function.name)
            continue;
        n++;
        others += strcmp(d->function.name, XSG_SELFTEST_PLANTED) != 0;
    }
    return c->verdict == XSG_VERDICT_REGRESSED && n == 1 && others == 0;
}

static int measure(struct stage *stage)
{
    struct xsg_selftest *test = stage->test;
    const char *rounds = xsg_printf(stage->cli.arena, "%d", XSG_SELFTEST_ROUNDS);
    int rc = commit(stage, 1, "base", &stage->base);

    if (rc == 0)
        rc = commit(stage, 1, "equal commits", &stage->same);
    if (rc == 0)
        rc = gate(stage, &stage->same, rounds, &test->equal);
    if (rc == 0)
        rc = take_power(stage);
    if (rc != 0)
        return rc;
    test->quiet = test->equal->verdict != XSG_VERDICT_REGRESSED;
    test->factor = 1 + test->effect / find(test->equal, XSG_SELFTEST_PLANTED)->share;
    rc = commit(stage, test->factor, "planted slowdown", &stage->slower);
    if (rc == 0)
        rc = gate(stage, &stage->slower, "auto", &test->planted);
    if (rc == 0)
        test->named = is_named(test->planted);
    return rc;
}

int xsg_selftest_run(struct xsg_cli *cli, struct xsg_selftest *test)
{
    struct stage stage = {.cli = *cli, .test = test};
    const char *path = getenv("PATH");
    int rc = set_up(&stage);

    test->counts = path && xsg_target_program(cli->arena, "valgrind", "/", path);
    if (rc == 0)
        rc = measure(&stage);
    xsg_progress_clear();
    tear_down(&stage);
    cli->err = stage.cli.err;
    return rc == 0 || rc == XSG_EINTR || rc == XSG_ENOMEM ? rc : XSG_EFAILED;
}
