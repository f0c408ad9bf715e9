#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/rng.h"
#include "base/str.h"
#include "cli/gate.h"
#include "cli/output.h"
#include "cli/publish.h"

#define MAX_ROUNDS 10000

static int apply_metrics(struct xsg_cli *cli, struct xsg_gate *gate,
                         const struct xsg_strings *metrics)
{
    for (size_t i = 0; i < metrics->n; i++) {
        const char *names[64];
        const char *nearest;
        size_t n = 0;
        if (xsg_metric_find(metrics->item[i]))
            continue;
        for (; n < xsg_n_metrics && n < 64; n++)
            names[n] = xsg_metrics[n].name;
        nearest = xsg_nearest(metrics->item[i], names, n);
        xsg_fail(&cli->err, XSG_EINVAL, "'%s' is not a metric", metrics->item[i]);
        return nearest ? xsg_fail_hint(&cli->err, XSG_EINVAL, "did you mean '%s'?", nearest)
                       : XSG_EINVAL;
    }
    if (metrics->n > 0) {
        gate->metrics = metrics->item;
        gate->n_metrics = metrics->n;
        gate->n_own_metrics = 0;
    }
    return 0;
}

static int parse_rounds(struct xsg_cli *cli, const char *text, int64_t *rounds)
{
    *rounds = 0;
    if (!text || strcmp(text, "auto") == 0)
        return 0;
    if (xsg_parse_int(text, 1, MAX_ROUNDS, rounds) != 0)
        return xsg_fail(&cli->err, XSG_EINVAL, "--rounds %s: expected auto or 1 to %d", text,
                        MAX_ROUNDS);
    return 0;
}

static enum xsg_pairing find_pairing(const char *name)
{
    for (size_t i = 0; name && i < XSG_N_PAIRINGS; i++) {
        if (strcmp(name, xsg_pairing_names[i]) == 0)
            return (enum xsg_pairing)i;
    }
    return XSG_PAIRING_AUTO; /* the option's table let no other name in */
}

int xsg_gate_prepare(struct xsg_cli *cli, struct xsg_project *project,
                     const struct xsg_gate_options *options)
{
    struct xsg_gate *gate = &project->suite.gate;
    int64_t rounds;
    int rc = xsg_publish_check_trust(cli, options->take_risk);

    if (rc == 0)
        rc = xsg_output_check(cli, &options->reports);

    if (rc == 0)
        rc = parse_rounds(cli, options->rounds, &rounds);
    if (rc == 0)
        rc = apply_metrics(cli, gate, &options->metrics);
    if (rc != 0)
        return rc;
    if (options->fresh && options->stored)
        return xsg_fail(&cli->err, XSG_EINVAL, "--fresh and --stored exclude each other");
    if (options->threshold == 0 || options->threshold >= 1) {
        xsg_fail(&cli->err, XSG_EINVAL, "--threshold: expected more than 0%% and less than 100%%");
        return xsg_fail_hint(&cli->err, XSG_EINVAL,
                             "the threshold is the slowdown itself: 50%% means 1.5 times slower");
    }
    if (options->threshold > 0)
        gate->threshold = options->threshold;
    for (size_t i = 0; options->pairing && i < project->suite.n_targets; i++)
        project->suite.targets[i].pairing = find_pairing(options->pairing);
    gate->strict |= options->strict;
    gate->filter = options->filter;
    return 0;
}

int64_t xsg_gate_rounds(struct xsg_cli *cli, const struct xsg_gate_options *options)
{
    int64_t rounds;

    parse_rounds(cli, options->rounds, &rounds); /* checked by xsg_gate_prepare */
    return rounds;
}

static void on_progress(void *arg, const char *line)
{
    (void)arg;
    xsg_progress("%s", line);
}

struct xsg_plan_options xsg_gate_plan_options(struct xsg_cli *cli,
                                              const struct xsg_gate_options *options)
{
    struct xsg_plan_options plan = {
        .max_time_s = options->max_time,
        .seed = xsg_rng_seed_from_system(),
        .progress = on_progress,
        .clock = &xsg_system_clock,
    };

    plan.rounds = xsg_gate_rounds(cli, options);
    xsg_verbose("seed of the order of rounds: %llu", (unsigned long long)plan.seed);
    return plan;
}
