/* record: profiles any command, outside any gate: prints the hottest functions, saves the profile.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "ci/report/report.h"
#include "cli/cli.h"
#include "harness/launch.h"
#include "harness/machine.h"
#include "profiler/fold.h"

static const char *const formats[] = {"folded", "json", NULL};
static const char *const modes[] = {"sample", "scopes", "functions", NULL};

static struct {
    struct xsg_strings profile;
    const char *output, *format;
    int64_t rate;
    double timeout;
    bool all;
} o = {.rate = 250};

static unsigned mode_bits(void)
{
    unsigned bits = 0;

    for (size_t i = 0; i < o.profile.n; i++)
        bits |= strcmp(o.profile.item[i], "scopes") == 0      ? XSG_MODE_SCOPES
                : strcmp(o.profile.item[i], "functions") == 0 ? XSG_MODE_FUNCTIONS
                                                              : XSG_MODE_SAMPLE;
    return bits ? bits : XSG_MODE_SAMPLE;
}

/* A profile as a run of one round, for the table that show prints too. */
static int to_run(struct xsg_cli *cli, const char *name, const struct xsg_invocation *invocation,
                  struct xsg_run *run)
{
    struct xsg_collect *collect = NULL;
    int rc = xsg_collect_open(&collect, cli->arena, name, &cli->err);

    if (rc == 0)
        rc = xsg_collect_profile(collect, 0, &invocation->profile);
    if (rc == 0)
        rc = xsg_collect_value(collect, 0, "wall", (double)invocation->proc.wall_ns);
    if (rc == 0)
        rc = xsg_collect_value(collect, 0, "cpu",
                               (double)(invocation->proc.user_ns + invocation->proc.system_ns));
    if (rc == 0)
        rc = xsg_collect_value(collect, 0, "peak_rss", (double)invocation->proc.peak_rss);
    if (rc != 0)
        return rc;
    run->targets = XSG_NEW(cli->arena, struct xsg_target_run);
    run->n_targets = 1;
    run->targets[0].name = name;
    run->targets[0].command = name;
    run->elapsed_s = (double)invocation->proc.wall_ns / 1e9;
    run->warnings = invocation->profile.notes;
    run->n_warnings = invocation->profile.n_notes;
    xsg_machine_environment(cli->arena, &run->environment);
    return xsg_collect_finish(collect, &run->series, &run->n_series, &run->targets[0], &cli->err);
}

static void put_function(struct xsg_json_writer *w, const struct xsg_profile_function *f)
{
    xsg_json_begin_object(w);
    xsg_json_key(w, "name");
    xsg_json_string(w, f->function.name);
    xsg_json_key(w, "file");
    xsg_json_string(w, f->function.file);
    xsg_json_key(w, "line");
    xsg_json_int(w, f->function.line);
    xsg_json_key(w, "module");
    xsg_json_string(w, f->function.module);
    xsg_json_key(w, "self_ns");
    xsg_json_double(w, f->self);
    xsg_json_key(w, "total_ns");
    xsg_json_double(w, f->total);
    xsg_json_key(w, "calls");
    xsg_json_double(w, f->calls);
    xsg_json_key(w, "samples");
    xsg_json_int(w, (int64_t)f->samples);
    xsg_json_key(w, "p50_ns");
    xsg_json_double(w, xsg_hist_percentile(&f->hist, 50));
    xsg_json_key(w, "p99_ns");
    xsg_json_double(w, xsg_hist_percentile(&f->hist, 99));
    xsg_json_end_object(w);
}

static void put_json(struct xsg_buf *out, const struct xsg_profile *profile, const char *command)
{
    struct xsg_json_writer w;

    xsg_json_writer_init(&w, out, 1);
    xsg_json_begin_object(&w);
    xsg_json_key(&w, "schema");
    xsg_json_int(&w, 1);
    xsg_json_key(&w, "command");
    xsg_json_string(&w, command);
    xsg_json_key(&w, "total_ns");
    xsg_json_double(&w, profile->total_ns);
    xsg_json_key(&w, "processes");
    xsg_json_int(&w, (int64_t)profile->n_processes);
    xsg_json_key(&w, "threads");
    xsg_json_int(&w, (int64_t)profile->n_threads);
    xsg_json_key(&w, "functions");
    xsg_json_begin_array(&w);
    for (size_t i = 0; i < profile->n_functions; i++)
        put_function(&w, &profile->functions[i]);
    xsg_json_end_array(&w);
    xsg_json_key(&w, "notes");
    xsg_json_begin_array(&w);
    for (size_t i = 0; i < profile->n_notes; i++)
        xsg_json_string(&w, profile->notes[i]);
    xsg_json_end_array(&w);
    xsg_json_end_object(&w);
    xsg_buf_putc(out, '\n');
}

static int save(struct xsg_cli *cli, const char *command, const struct xsg_profile *profile)
{
    bool json = o.format && strcmp(o.format, "json") == 0;
    const char *path = o.output ? o.output : json ? "xsgate-profile.json" : "xsgate.folded";
    struct xsg_buf out = XSG_BUF_INIT;
    int rc;

    if (json)
        put_json(&out, profile, command);
    else
        xsg_calltree_put_folded(&out, &profile->tree);
    rc = xsg_write_file(path, xsg_buf_str(&out), out.len, &cli->err);
    xsg_buf_release(&out);
    if (rc == 0)
        xsg_info("profile saved in %s%s", path,
                 json ? "" : " (folded stacks, ns: flamegraph.pl and speedscope read it)");
    return rc;
}

static int record(struct xsg_cli *cli, const struct xsg_strings *words,
                  struct xsg_launcher *launcher)
{
    const char **argv = XSG_NEW_ARRAY(cli->arena, const char *, words->n + 1);
    const char *name = xsg_path_base(words->item[0]);
    struct xsg_suite_target target = {.name = name,
                                      .command = name,
                                      .profile = mode_bits(),
                                      .timeout_s = o.timeout,
                                      .rate_hz = o.rate};
    struct xsg_launch launch = {.target = &target, .root = ".", .argv = argv, .pass_output = true};
    struct xsg_invocation invocation = {0};
    struct xsg_run run = {0};
    struct xsg_buf out = XSG_BUF_INIT;
    struct xsg_report_options options = {.columns = xsg_terminal_columns(STDERR_FILENO, 100),
                                         .color = xsg_color_for(STDERR_FILENO),
                                         .all = o.all};
    int rc;

    memcpy(argv, words->item, words->n * sizeof *argv);
    rc = xsg_launch_run(cli->arena, launcher, &launch, &invocation, &cli->err);
    if (rc != 0)
        return rc;
    if (invocation.failure) {
        xsg_warn("%s%s", invocation.failure, invocation.output ? invocation.output : "");
        if (invocation.hint)
            xsg_warn("%s", invocation.hint);
    }
    if (invocation.profile.n_functions > 0) {
        rc = to_run(cli, name, &invocation, &run);
        if (rc == 0) {
            xsg_report_run(&out, &run, &options);
            /* The command's own output has stdout; the table is what record says about it. */
            if (write(STDERR_FILENO, xsg_buf_str(&out), out.len) < 0)
                xsg_verbose("standard error is closed");
            rc = save(cli, name, &invocation.profile);
        }
        xsg_buf_release(&out);
    }
    if (rc != 0)
        return rc;
    if (invocation.proc.interrupted)
        return 128 + xsg_interrupted;
    if (invocation.proc.signal)
        return 128 + invocation.proc.signal;
    return invocation.failure && invocation.proc.exit_status == 0 ? XSG_EXIT_INVALID
                                                                  : invocation.proc.exit_status;
}

static int run(struct xsg_cli *cli, const struct xsg_strings *words)
{
    struct xsg_launcher launcher = {.pin_cpu = -1, .interrupt = &xsg_interrupted};
    const char *temp = getenv("TMPDIR");
    char *runtime = NULL, *scratch = NULL;
    int rc;

    if (words->n == 0)
        return xsg_fail(&cli->err, XSG_EINVAL,
                        "record: name the command, e.g. xsgate record -- ./prog");
    rc = xsg_launch_find_runtime(cli->arena, &runtime, &cli->err);
    if (rc == 0)
        rc = xsg_temp_dir(cli->arena, temp && *temp == '/' ? temp : "/tmp", &scratch, &cli->err);
    if (rc != 0)
        return rc;
    launcher.runtime = runtime;
    launcher.scratch = scratch;
    rc = record(cli, words, &launcher);
    xsg_remove_tree(scratch, NULL);
    return rc;
}

static const struct xsg_opt opts[] = {
    {XSG_OPT_LIST, 'p', "profile", "MODE", "sample (default), scopes, functions (repeatable)",
     &o.profile, modes, NULL},
    {XSG_OPT_STRING, 'o', "output", "FILE", "where the profile is saved", &o.output, NULL, "file"},
    {XSG_OPT_STRING, 0, "format", "FORMAT", "folded (default) or json", &o.format, formats, NULL},
    {XSG_OPT_INT, 0, "rate", "HZ", "samples per second of CPU time; default 250", &o.rate, NULL,
     NULL},
    {XSG_OPT_SECONDS, 0, "timeout", "TIME", "stop the command after this time", &o.timeout, NULL,
     NULL},
    {XSG_OPT_FLAG, 'a', "all", NULL, "every function, not the hottest only", &o.all, NULL, NULL},
    {XSG_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
static const char *const examples[] = {
    "xsgate record -- ./prog --input big.dat", "where does its time go?",
    "xsgate record -p functions -o p.folded -- ./prog", "built with -finstrument-functions", NULL};
static const struct xsg_opt_spec spec = {
    "record",
    "record [OPTION...] [--] COMMAND [ARGUMENT...]",
    "profile any command and print its hottest functions",
    "Runs the command as it is, with its own input and output; the table goes to standard error.\n"
    "The exit status is the command's, or 3 when no profile came out of it. Ctrl-C ends the "
    "command,\n"
    "and what was seen until then is shown and saved.",
    opts,
    examples,
    "file"};
const struct xsg_command xsg_cmd_record = {.spec = &spec, .stop_at_word = true, .run = run};
