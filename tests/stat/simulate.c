#include "simulate.h"

#include <math.h>
#include <string.h>

#define SAMPLE_NS 4e6

double simulated_share(size_t i, size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += 1 / (double)(k + 1);
    return 1 / (double)(i + 1) / sum;
}

/* The machine from one invocation to the next. */
struct machine {
    double drift; /* ln of how much slower it is now */
    int burst;    /* invocations that a busy neighbour stays */
};

static double machine_step(struct machine *m, struct xsg_rng *rng)
{
    m->drift = 0.6 * m->drift + 0.02 * xsg_rng_normal(rng);
    if (m->burst > 0)
        m->burst--;
    else if (xsg_rng_double(rng) < 0.03)
        m->burst = 1 + (int)xsg_rng_below(rng, 12);
    return exp(m->drift + (m->burst > 0 ? 0.15 : 0));
}

static double noisy(const struct simulation *s, struct xsg_rng *rng, double mean)
{
    double value = mean * exp(s->spread * xsg_rng_normal(rng));
    if (s->noise == NOISE_HEAVY && xsg_rng_below(rng, 12) == 0)
        value *= 1 + 0.1 / (0.03 + xsg_rng_double(rng));
    return value;
}

/* How often a timer of this period, started at a random phase, fires in many short pieces: each of
 * the period's worth of time is hit or missed by itself. */
static double sampled(struct xsg_rng *rng, double ns)
{
    double expected = ns / SAMPLE_NS, count = 0;
    while (expected > 0) {
        double p = fmin(expected, 0.5);
        count += xsg_rng_double(rng) < p;
        expected -= p;
    }
    return count * SAMPLE_NS;
}

/* One invocation: fills value i of every series; the last series is the target's CPU time. */
static void invoke(struct xsg_rng *rng, const struct simulation *s, struct xsg_run *run, size_t i,
                   double factor, bool head)
{
    double cpu = 0;
    for (size_t f = 0; f < s->n_functions; f++) {
        double mean = s->target_ms * 1e6 * simulated_share(f, s->n_functions) * factor;
        double ns = noisy(s, rng, head && f == s->slow ? mean * s->slow_ratio : mean);
        cpu += ns;
        if (s->noise == NOISE_SAMPLED) {
            ns = sampled(rng, ns);
            run->targets[0].samples += (uint64_t)(ns / SAMPLE_NS + 0.5);
            if (ns <= 0)
                ns = NAN;
        }
        if (s->noise == NOISE_QUANTISED)
            ns = floor(ns / 1e6 + 0.5) * 1e6;
        run->series[f].values[i] = ns;
    }
    run->series[s->n_functions].values[i] = cpu;
}

static void make_run(struct xsg_arena *arena, const struct simulation *s, struct xsg_run *run)
{
    *run = (struct xsg_run){.session = "5e55", .n_targets = 1, .n_series = s->n_functions + 1};
    run->targets = XSG_NEW(arena, struct xsg_target_run);
    run->targets[0].name = "sim";
    run->series = XSG_NEW_ARRAY(arena, struct xsg_series, run->n_series);
    for (size_t f = 0; f < run->n_series; f++) {
        bool target = f == s->n_functions;
        run->series[f] = (struct xsg_series){.target = "sim",
                                             .metric = target ? "cpu" : "time",
                                             .unit = "ns",
                                             .n = s->rounds,
                                             .values = XSG_NEW_ARRAY(arena, double, s->rounds)};
        if (!target)
            run->series[f].function =
                (struct xsg_function){.name = xsg_printf(arena, "f%zu", f), .file = "sim.c"};
    }
}

/* Base against base: only the machine, and what is left of the functions' noise in their sum. */
static double control_pair(struct xsg_rng *rng, const struct simulation *s, struct machine *machine)
{
    double y[2];
    for (int k = 0; k < 2; k++) {
        double sum = 0, factor = machine ? machine_step(machine, rng) : 1;
        if (s->noise == NOISE_BIMODAL && xsg_rng_below(rng, 2))
            factor *= 1.02;
        for (size_t f = 0; f < s->n_functions; f++)
            sum += noisy(s, rng, simulated_share(f, s->n_functions) * factor);
        y[k] = log(sum);
    }
    return y[1] - y[0];
}

void simulate(struct xsg_arena *arena, struct xsg_rng *rng, const struct simulation *s,
              struct xsg_run *base, struct xsg_run *head)
{
    make_run(arena, s, base);
    make_run(arena, s, head);
    bool drifts = s->noise == NOISE_DRIFT || s->noise == NOISE_SAMPLED;
    struct machine machine = {0};
    double *control = XSG_NEW_ARRAY(arena, double, s->rounds / 10 + 1);
    for (size_t i = 0; i < s->rounds; i++) {
        bool head_first = xsg_rng_below(rng, 2);
        for (int k = 0; k < 2; k++) {
            bool is_head = (k == 0) == head_first;
            double factor = drifts ? machine_step(&machine, rng) : 1;
            if (s->noise == NOISE_BIMODAL && xsg_rng_below(rng, 2))
                factor *= 1.02;
            invoke(rng, s, is_head ? head : base, i, factor, is_head);
        }
        if (i % 10 == 5)
            control[i / 10] = control_pair(rng, s, drifts ? &machine : NULL);
    }
    base->targets[0].control = head->targets[0].control = control;
    base->targets[0].n_control = head->targets[0].n_control = s->rounds / 10;
}

void simulated_look(struct xsg_arena *arena, const struct xsg_run *run, size_t rounds,
                    struct xsg_run *out)
{
    *out = *run;
    out->series = XSG_NEW_ARRAY(arena, struct xsg_series, run->n_series);
    memcpy(out->series, run->series, run->n_series * sizeof *run->series);
    for (size_t i = 0; i < run->n_series; i++)
        out->series[i].n = rounds;
    out->targets = XSG_NEW(arena, struct xsg_target_run);
    out->targets[0] = run->targets[0];
    out->targets[0].n_control = rounds / 10;
    out->targets[0].samples = run->targets[0].samples * rounds / run->series[0].n;
}
