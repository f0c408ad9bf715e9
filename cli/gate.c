#include "cli/gate.h"

#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "ci/report/report.h"
#include "cli/changed.h"
#include "cli/gate_layout.h"
#include "cli/gate_looks.h"
#include "cli/output.h"
#include "cli/publish.h"
#include "cli/spread.h"
#include "cli/waivers.h"
#include "compare/compare.h"
#include "harness/machine.h"
#include "harness/plan.h"

/* -- measuring -----------------------------------------------------------------------------------
 */

struct gate_state {
    struct xsg_cli *cli;
    struct xsg_project *project;
    struct xsg_gate_side *base, *head;
    struct xsg_gate_looks looks;
    bool same_files; /* see struct xsg_plan_options */
    bool judged;     /* there is a comparison; what fails from now on are its reports */
};

static int measure_pair(struct gate_state *state, const struct xsg_gate_options *options)
{
    struct xsg_cli *cli = state->cli;
    struct xsg_launcher launcher = xsg_project_launcher(state->project);
    struct xsg_plan_options plan = xsg_gate_plan_options(cli, options);
    struct xsg_plan_side base = {state->base->root, &state->base->run};
    struct xsg_plan_side head = {state->head->root, &state->head->run};
    const char *session = xsg_gate_session(cli);

    plan.same_files = state->same_files;
    if (plan.rounds == 0) {
        plan.look = xsg_gate_look;
        plan.confirmed = xsg_gate_confirmed;
        plan.arg = &state->looks;
    }
    xsg_gate_start(cli, state->project, state->base, session);
    xsg_gate_start(cli, state->project, state->head, session);
    return xsg_plan_run(cli->arena, &state->project->suite, &launcher, &base, &head, &plan,
                        &cli->err);
}

static int measure_alone(struct xsg_cli *cli, struct xsg_project *project,
                         struct xsg_gate_side *side, const struct xsg_gate_options *options)
{
    struct xsg_launcher launcher = xsg_project_launcher(project);
    struct xsg_plan_options plan = xsg_gate_plan_options(cli, options);
    struct xsg_plan_side head = {side->root, &side->run};

    if (plan.rounds == 0)
        plan.rounds = 10;
    xsg_gate_start(cli, project, side, xsg_gate_session(cli));
    return xsg_plan_run(cli->arena, &project->suite, &launcher, NULL, &head, &plan, &cli->err);
}

/* -- stored runs ---------------------------------------------------------------------------------
 */

/* Of a stored run, those targets that are to be judged now. */
static void keep_selected(struct xsg_run *run, const struct xsg_strings *names)
{
    size_t n = 0;

    for (size_t i = 0; i < run->n_targets; i++) {
        for (size_t k = 0; k < names->n; k++) {
            if (strcmp(run->targets[i].name, names->item[k]) == 0) {
                run->targets[n++] = run->targets[i];
                break;
            }
        }
    }
    run->n_targets = n;
}

static int find_stored(struct xsg_cli *cli, struct xsg_project *project, struct xsg_gate_side *side)
{
    struct xsg_environment now = {0};
    struct xsg_strings names = {0};
    struct xsg_store_query query = {.oid = side->commit.oid, .suite_hash = project->suite.hash};
    int rc;

    for (size_t i = 0; i < project->suite.n_targets; i++)
        xsg_strings_add(cli->arena, &names, project->suite.targets[i].name);
    xsg_machine_environment(cli->arena, &now);
    query.fingerprint = now.fingerprint;
    query.targets = names.item;
    query.n_targets = names.n;
    rc = xsg_store_find(project->store, cli->arena, &query, &side->run, &cli->err);
    if (rc == 0)
        keep_selected(&side->run, &names);
    return rc;
}

static size_t rounds_of(const struct xsg_run *run, const char *target)
{
    size_t rounds = 0;

    for (size_t i = 0; i < run->n_series; i++) {
        if (strcmp(run->series[i].target, target) == 0 && run->series[i].n > rounds)
            rounds = run->series[i].n;
    }
    return rounds;
}

/* Were the rounds of this run as many as are asked for: a fixed number, or what looks decide? */
static bool has_rounds(const struct xsg_run *run, int64_t asked)
{
    for (size_t i = 0; i < run->n_targets; i++) {
        const struct xsg_target_run *target = &run->targets[i];
        if (asked == 0 ? target->look == 0
                       : target->look > 0 || rounds_of(run, target->name) != (size_t)asked)
            return false;
    }
    return true;
}

/* Both commits were measured before, in the same rounds, on this machine: nothing to measure. */
static bool find_stored_pair(struct xsg_cli *cli, struct xsg_project *project,
                             struct xsg_gate_side *base, struct xsg_gate_side *head,
                             const struct xsg_gate_options *options)
{
    struct xsg_err ignored = cli->err;
    int64_t rounds = xsg_gate_rounds(cli, options);
    bool found = !base->commit.dirty && !head->commit.dirty &&
                 find_stored(cli, project, base) == 0 && find_stored(cli, project, head) == 0 &&
                 base->run.session && head->run.session &&
                 strcmp(base->run.session, head->run.session) == 0 &&
                 base->run.id != head->run.id && has_rounds(&base->run, rounds);

    cli->err = ignored;
    if (!found) {
        base->run = (struct xsg_run){0};
        head->run = (struct xsg_run){0};
    }
    return found;
}

/* -- the gate ------------------------------------------------------------------------------------
 */

static struct xsg_changed find_changes(struct xsg_cli *cli, struct xsg_project *project,
                                       const struct xsg_gate_side *base,
                                       const struct xsg_gate_side *head)
{
    struct xsg_changed changed = {.run = &head->run};
    struct xsg_err err = {0};
    const char *to = head->work_tree && head->commit.dirty ? NULL : head->commit.oid;

    changed.known =
        xsg_git_diff(project->git, cli->arena, base->commit.oid, to, &changed.changes, &err) == 0;
    if (!changed.known)
        xsg_warn("what the commits change is not known: %s", err.text);
    return changed;
}

static int store_comparison(struct xsg_project *project, struct xsg_gate_side *base,
                            struct xsg_gate_side *head, struct xsg_comparison *comparison,
                            struct xsg_err *err)
{
    struct xsg_buf json = XSG_BUF_INIT;
    struct xsg_report_options options = {0};
    int64_t now = xsg_system_clock.realtime_s(xsg_system_clock.arg);
    int rc;

    xsg_report_find("json")->write(&json, comparison, &options);
    if (comparison->verdict == XSG_VERDICT_INVALID) /* nobody shall take its runs for a baseline */
        rc = xsg_store_put_unjudged(project->store, now, xsg_buf_str(&json), err);
    else
        rc = xsg_store_put_comparison(project->store, &base->run, &head->run, comparison,
                                      xsg_buf_str(&json), err);
    xsg_buf_release(&json);
    return rc;
}

/* A gate that ended before there was anything to compare could not judge either: that is stored,
 * and what its reports say. One that was called wrong, or told to end, is none. */
static void tell_failure(struct xsg_cli *cli, struct xsg_project *project,
                         struct xsg_gate_side *base, struct xsg_gate_side *head,
                         const struct xsg_gate_options *options, int rc)
{
    struct xsg_comparison none = {
        .verdict = XSG_VERDICT_INVALID,
        .reason = cli->err.text,
        .base = &base->run,
        .head = &head->run,
        .gate = project->suite.gate,
        .paired = !options->stored,
    };
    struct xsg_err err = {0};

    if (rc == XSG_EINTR || rc == XSG_EINVAL || rc == XSG_ENOTFOUND || xsg_interrupted)
        return;
    if (store_comparison(project, base, head, &none, &err) != 0)
        xsg_warn("the result was not stored: %s", err.text);
    xsg_output_write_failed(cli, &none, &options->reports);
}

/* A stored run has the targets that there were. The comparison names its targets by itself. */
static void drop_absent(struct xsg_run *run)
{
    size_t n = 0;

    for (size_t i = 0; i < run->n_targets; i++) {
        if (!run->targets[i].absent)
            run->targets[n++] = run->targets[i];
    }
    run->n_targets = n;
}

/* A report that cannot be written is an error, but not of this comparison. Where it is another
 * baseline's, the error waits for the first one, which comes last: it does not stop the gates. */
static int write_reports(struct xsg_cli *cli, const struct xsg_comparison *comparison,
                         const struct xsg_gate_options *options, const char *page)
{
    struct xsg_gate_others *others = options->others;
    int rc = xsg_output_write(cli, comparison, &options->reports, page);

    if (others && options->baseline) {
        if (rc != 0 && !others->unwritten.text[0])
            others->unwritten = cli->err;
        cli->err = (struct xsg_err){0};
        return 0;
    }
    if (rc == 0 && others && others->unwritten.text[0]) {
        cli->err = others->unwritten;
        rc = XSG_EFAILED;
    }
    return rc;
}

static int finish(struct xsg_cli *cli, struct xsg_project *project, struct gate_state *state,
                  const struct xsg_gate_options *options, struct xsg_publish *publish,
                  double elapsed_s)
{
    const char *page = xsg_path_join(
        cli->arena, project->folder,
        options->baseline ? xsg_printf(cli->arena, "report.%s.html", options->baseline)
                          : "report.html");
    struct xsg_comparison *comparison = XSG_NEW(cli->arena, struct xsg_comparison);
    int rc = xsg_compare(cli->arena, &state->base->run, &state->head->run, &project->suite.gate,
                         &state->looks.compare, comparison, &cli->err);

    if (rc != 0)
        return rc;
    state->judged = true;
    if (options->others && options->baseline)
        xsg_gate_record(cli, options->others, options->baseline, &state->base->commit, comparison);
    else if (options->others)
        xsg_gate_tell_others(cli, options->others, comparison);
    xsg_gate_looks_keep(&state->looks, &state->base->run, &state->head->run);
    comparison->elapsed_s = elapsed_s;
    comparison->ci.pull_request = publish->context.pull_request;
    comparison->ci.head_sha = publish->context.head_sha;
    drop_absent(&state->base->run);
    rc = store_comparison(project, state->base, state->head, comparison, &cli->err);
    if (rc != 0)
        xsg_warn("the result was not stored: %s", cli->err.text);
    if (options->outcome)
        *options->outcome = comparison;
    rc = options->outcome ? 0 : write_reports(cli, comparison, options, page);
    xsg_publish_comparison(publish, comparison, page);
    return rc != 0 ? rc : xsg_compare_exit_status(comparison);
}

/* Without it the comparison goes on: its intervals then show the rounds' own spread only. */
static void learn_spread(struct gate_state *state)
{
    struct xsg_err before = state->cli->err;
    struct xsg_spread *spread = XSG_NEW(state->cli->arena, struct xsg_spread);

    if (xsg_spread_open(spread, state->cli, state->project,
                        state->base->run.environment.fingerprint) == 0) {
        state->looks.compare.usual_spread = xsg_spread_of;
        state->looks.compare.spread_arg = spread;
    } else {
        xsg_warn("what history says about the spread is not known: %s", state->cli->err.text);
    }
    state->cli->err = before;
}

static int build_and_measure(struct xsg_cli *cli, struct xsg_project *project,
                             struct gate_state *state, const struct xsg_gate_options *options)
{
    struct xsg_gate_side *base = state->base;
    int rc = xsg_gate_build(cli, project, state->head, options->no_build);

    if (rc != 0)
        return rc;
    if (options->stored) {
        rc = find_stored(cli, project, base);
        if (rc != 0) {
            xsg_err_prefix(&cli->err, "--stored");
            return rc == XSG_ENOTFOUND ? XSG_EFAILED : rc;
        }
        learn_spread(state);
        return measure_alone(cli, project, state->head, options);
    }
    rc = xsg_gate_build(cli, project, base, options->no_build);
    return rc != 0 ? rc : measure_pair(state, options);
}

static int vary_layout(struct gate_state *state, const struct xsg_gate_options *options)
{
    struct xsg_gate_layout layout = {.cli = state->cli,
                                     .project = state->project,
                                     .base = state->base,
                                     .head = state->head,
                                     .options = options,
                                     .compare = &state->looks.compare};

    return xsg_gate_vary_layout(&layout);
}

int xsg_gate_run(struct xsg_cli *cli, struct xsg_project *project, struct xsg_gate_side *base,
                 struct xsg_gate_side *head, const char *how,
                 const struct xsg_gate_options *options)
{
    struct xsg_changed changed = find_changes(cli, project, base, head);
    struct gate_state state = {
        .cli = cli,
        .project = project,
        .base = base,
        .head = head,
    };
    struct xsg_publish publish;
    int64_t start = xsg_system_clock.monotonic_ns(xsg_system_clock.arg);
    int lock = -1;
    int rc = 0;

    rc = xsg_waivers_apply(cli, project, head->commit.oid);
    if (rc != 0)
        return rc;
    xsg_publish_begin(&publish, cli, project, !options->no_publish);
    xsg_gate_looks_init(&state.looks, cli->arena, &base->run, &head->run, &project->suite.gate,
                        project->suite.n_targets);
    state.looks.compare.changed = xsg_changed_function;
    state.looks.compare.arg = &changed;
    state.same_files = xsg_changed_sources_only(&changed) && !options->fresh;
    xsg_info("base %.10s (%s), head %.10s%s", base->commit.oid, how, head->commit.oid,
             head->commit.dirty ? " with local changes" : "");
    if (options->fresh || options->stored || head->work_tree ||
        !find_stored_pair(cli, project, base, head, options)) {
        rc = xsg_gate_lock(cli, project, &lock);
        if (rc == 0)
            rc = build_and_measure(cli, project, &state, options);
        xsg_unlock_file(lock);
    } else {
        xsg_info("both were measured before, side by side; --fresh measures again");
        xsg_gate_looks_restore(&state.looks);
    }
    if (rc == 0)
        rc = vary_layout(&state, options);
    xsg_progress_clear();
    if (rc == 0)
        rc = finish(cli, project, &state, options, &publish,
                    (double)(xsg_system_clock.monotonic_ns(xsg_system_clock.arg) - start) / 1e9);
    if (rc < 0 && !state.judged) {
        base->run.commit = base->commit; /* a build may have failed, before any run began */
        head->run.commit = head->commit;
        tell_failure(cli, project, base, head, options, rc);
        xsg_publish_failure(&publish, &base->run, &head->run);
    }
    xsg_publish_end(&publish);
    return rc;
}

static int measure_and_store(struct xsg_cli *cli, struct xsg_project *project,
                             struct xsg_gate_side *side, const struct xsg_gate_options *options)
{
    int lock = -1;
    int rc = xsg_gate_lock(cli, project, &lock);

    if (rc == 0)
        rc = xsg_gate_build(cli, project, side, options->no_build);
    if (rc == 0)
        rc = measure_alone(cli, project, side, options);
    xsg_unlock_file(lock);
    xsg_progress_clear();
    for (size_t i = 0; rc == 0 && i < side->run.n_targets; i++) {
        if (side->run.targets[i].invalid)
            rc = xsg_fail(&cli->err, XSG_EFAILED, "%s: %s", side->run.targets[i].name,
                          side->run.targets[i].invalid);
    }
    return rc != 0 ? rc : xsg_store_put(project->store, &side->run, &cli->err);
}

int xsg_gate_measure_one(struct xsg_cli *cli, struct xsg_project *project,
                         struct xsg_gate_side *side, const struct xsg_gate_options *options)
{
    const struct xsg_run none = {.commit = {.oid = ""}};
    struct xsg_buf out = XSG_BUF_INIT;
    struct xsg_report_options report = {.columns = xsg_terminal_columns(1, 100),
                                        .color = xsg_color_for(1)};
    struct xsg_publish publish;
    int rc;

    if (options->reports.n > 0)
        xsg_warn("nothing is compared, so there is nothing to report: --report is left out");
    xsg_publish_begin(&publish, cli, project, !options->no_publish);
    rc = measure_and_store(cli, project, side, options);
    if (rc == 0) {
        xsg_report_run(&out, &side->run, &report);
        xsg_cli_print(out.data, out.len);
        xsg_buf_release(&out);
        xsg_publish_measured(&publish, &side->run);
    } else {
        side->run.commit = side->commit;
        xsg_publish_failure(&publish, &none, &side->run);
    }
    xsg_publish_end(&publish);
    return rc;
}
