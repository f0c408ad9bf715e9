/* The gate: two sides, built and measured in rounds, compared, stored, reported. */
#ifndef XSG_CLI_GATE_H
#define XSG_CLI_GATE_H

#include <stdint.h>

#include <xsgate/comparison.h>

#include "cli/cli.h"
#include "cli/project.h"
#include "harness/plan.h"

/* What gates against other baselines found: of several the worst verdict decides. */
struct xsg_gate_others {
    enum xsg_verdict verdict;
    const char *reason; /* of the worst: "against v1.2: ..." */
    const char **lines; /* one per baseline, for the warnings */
    size_t n, cap;
    struct xsg_err unwritten; /* of the first report of theirs that could not be; or empty */
};

void xsg_gate_record(struct xsg_cli *cli, struct xsg_gate_others *others, const char *name,
                     const struct xsg_commit *base, const struct xsg_comparison *comparison);

/* The first baseline's comparison says what the others found, and has the worst verdict of all. */
void xsg_gate_tell_others(struct xsg_cli *cli, const struct xsg_gate_others *others,
                          struct xsg_comparison *comparison);

/* Options that run and compare share. */
struct xsg_gate_options {
    double threshold; /* NaN: as configured */
    struct xsg_strings metrics, reports;
    const char *rounds;  /* "auto" or a number */
    const char *filter;  /* glob: functions that the gate judges */
    const char *pairing; /* a word; NULL: as configured */
    double max_time;
    bool fresh, stored, strict, no_build;
    bool no_publish, take_risk; /* cli/publish.h */
    /* Several baselines: this one's name where it is not the first (files are named after it), and
     * what the others found: filled by them, told by the first, which comes last. */
    const char *baseline;
    struct xsg_gate_others *others;
    /* Not NULL: set to the comparison, which is not reported: the caller does. */
    const struct xsg_comparison **outcome;
};
#define XSG_GATE_OPTIONS_INIT                                                                      \
    {                                                                                              \
        .threshold = -1                                                                            \
    }

/* The rows of the option table for them, to be spliced into a command's table. */
#define XSG_GATE_OPTION_ROWS(o)                                                                     \
    {XSG_OPT_RATIO,  't',  "threshold", "PERCENT", "smallest slowdown that fails, e.g. 5%",         \
     &(o).threshold, NULL, NULL},                                                                   \
        {XSG_OPT_LIST, 'm',  "metric", "NAME", "judge this metric (repeatable); default: time",     \
         &(o).metrics, NULL, "metric"},                                                             \
        {XSG_OPT_STRING, 'n',  "rounds", "N|auto", "rounds to measure; auto stops when decided",    \
         &(o).rounds,    NULL, NULL},                                                               \
        {XSG_OPT_STRING,                                                                            \
         0,                                                                                         \
         "pairing",                                                                                 \
         "HOW",                                                                                     \
         "how base and head share the machine",                                                     \
         &(o).pairing,                                                                              \
         xsg_pairing_names,                                                                         \
         NULL},                                                                                     \
        {XSG_OPT_SECONDS, 0,    "max-time", "TIME", "stop measuring after this time, e.g. 5m",      \
         &(o).max_time,   NULL, NULL},                                                              \
        {XSG_OPT_FLAG, 0,    "fresh", NULL, "measure both sides now, whatever is stored",           \
         &(o).fresh,   NULL, NULL},                                                                 \
        {XSG_OPT_FLAG, 0,    "stored", NULL, "never rebuild the base; use its stored run",          \
         &(o).stored,  NULL, NULL},                                                                 \
        {XSG_OPT_LIST,                                                                              \
         'r',                                                                                       \
         "report",                                                                                  \
         "FORMAT[:FILE]",                                                                           \
         "text, markdown, json, html, junit, github, codequality, metrics",                         \
         &(o).reports,                                                                              \
         NULL,                                                                                      \
         "report"},                                                                                 \
        {XSG_OPT_FLAG, 0,    "strict", NULL, "undecided fails too (status 4)",                      \
         &(o).strict,  NULL, NULL},                                                                 \
        {XSG_OPT_STRING, 'f',  "filter", "GLOB", "judge only functions that match",                 \
         &(o).filter,    NULL, NULL},                                                               \
        {XSG_OPT_FLAG,    0,    "no-publish", NULL, "in CI: no comment, check, summary or outputs", \
         &(o).no_publish, NULL, NULL},                                                              \
        {XSG_OPT_FLAG,                                                                              \
         0,                                                                                         \
         "allow-untrusted-code-with-privileged-token",                                              \
         NULL,                                                                                      \
         "run a stranger's commit although this job may write",                                     \
         &(o).take_risk,                                                                            \
         NULL,                                                                                      \
         NULL},                                                                                     \
    {                                                                                               \
        XSG_OPT_FLAG, 0, "no-build", NULL, "do not run the build command", &(o).no_build, NULL,     \
            NULL                                                                                    \
    }

/* One side of a gate. */
struct xsg_gate_side {
    struct xsg_commit commit;
    bool work_tree; /* measured where the user works; else in a checkout */
    char *root;
    struct xsg_run run;
};

/* Checks options and applies them to the suite's gate, before anything is measured. */
int xsg_gate_prepare(struct xsg_cli *cli, struct xsg_project *project,
                     const struct xsg_gate_options *options);

/* Measures, compares, stores and reports base against head. Returns the process's status. */
int xsg_gate_run(struct xsg_cli *cli, struct xsg_project *project, struct xsg_gate_side *base,
                 struct xsg_gate_side *head, const char *how,
                 const struct xsg_gate_options *options);

/*
 * The steps, for commands that go another way through them. lock: one measures at a time in a
 * repository, and nobody removes its checkouts; xsg_unlock_file releases it; try_lock: XSG_EBUSY
 * instead of waiting. build: where the side is measured (a checkout, or the
 * work tree), built. start: the run's head, before xsg_plan_run fills it; both sides of a round
 * share a session.
 */
int xsg_gate_lock(struct xsg_cli *cli, const struct xsg_project *project, int *fd);
int xsg_gate_try_lock(struct xsg_cli *cli, const struct xsg_project *project, int *fd);
int xsg_gate_build(struct xsg_cli *cli, struct xsg_project *project, struct xsg_gate_side *side,
                   bool no_build);
/* A checkout by its name (baseline/git.h), built with env instead of our own values (NULL: none) if
 * that was not done; what: for messages. */
int xsg_gate_build_checkout(struct xsg_cli *cli, struct xsg_project *project, const char *name,
                            const char *what, const char *const *env, bool no_build, char **root);
/* --rounds: the fixed number, or 0 for auto. Checked by xsg_gate_prepare. */
int64_t xsg_gate_rounds(struct xsg_cli *cli, const struct xsg_gate_options *options);
/* Rounds and time as the options say, without looks. */
struct xsg_plan_options xsg_gate_plan_options(struct xsg_cli *cli,
                                              const struct xsg_gate_options *options);
const char *xsg_gate_session(struct xsg_cli *cli);
void xsg_gate_start(struct xsg_cli *cli, struct xsg_project *project, struct xsg_gate_side *side,
                    const char *session);

/* Measures one side alone and stores it. */
int xsg_gate_measure_one(struct xsg_cli *cli, struct xsg_project *project,
                         struct xsg_gate_side *side, const struct xsg_gate_options *options);

#endif
