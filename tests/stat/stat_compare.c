/*
 * False alarms, power and coverage of xsg_compare() on simulated sessions, looked at after 10, 20,
 * 40 and 80 rounds, with control pairs and with a fresh batch before anything is red: as the gate
 * does it. Seeds are fixed, so a failure is a change of the code and never bad luck; the
 * bounds are the promise plus three standard errors of the number of sessions.
 * XSG_STAT_SESSIONS=10000 makes the published figures sharper.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "compare/compare.h"
#include "simulate.h"

#define LOOKS 4
static const size_t look_rounds[LOOKS] = {10, 20, 40, 80};
static struct xsg_looks looks;

static size_t sessions(size_t usual)
{
    const char *text = getenv("XSG_STAT_SESSIONS");
    long n = text ? strtol(text, NULL, 10) : 0;
    return n > 0 ? (size_t)n : usual;
}

struct outcome {
    bool alarm;          /* regressed at some look that was reached */
    bool function_alarm; /* the same, of a function other than the slow one */
    bool named;          /* the slow function is regressed at the end */
    enum xsg_verdict verdict;
    size_t rounds;
    size_t undecided; /* function rows at the end, counting or not */
    double error;     /* of the slow function's estimate, |ln|, when it is red */
};

static void take(struct outcome *o, const struct xsg_comparison *c, const struct simulation *s)
{
    char slow[16];
    snprintf(slow, sizeof slow, "f%zu", s->slow);
    o->verdict = c->verdict;
    o->alarm |= c->verdict == XSG_VERDICT_REGRESSED;
    o->named = false;
    o->undecided = 0;
    for (size_t i = 0; i < c->n_deltas; i++) {
        const struct xsg_delta *d = &c->deltas[i];
        o->undecided += d->function.name && d->verdict == XSG_DELTA_UNDECIDED;
        if (d->verdict != XSG_DELTA_REGRESSED || !d->function.name)
            continue;
        if (strcmp(d->function.name, slow) == 0) {
            o->named = true;
            o->error = fabs(log(d->ratio / s->slow_ratio));
        } else
            o->function_alarm = true;
    }
}

static void compare_rounds(struct xsg_arena *arena, const struct xsg_run *base,
                           const struct xsg_run *head, size_t rounds, const struct xsg_gate *gate,
                           const struct xsg_compare_options *options, struct xsg_comparison *c)
{
    struct xsg_run b, h;
    simulated_look(arena, base, rounds, &b);
    simulated_look(arena, head, rounds, &h);
    assert_int_equal(xsg_compare(arena, &b, &h, gate, options, c, NULL), 0);
}

/* A whole session as the plan would run it: stops at the first look where all is decided, after a
 * fresh batch of a quarter, at least five, where something seems to be slower. */
static struct outcome run_session(struct xsg_rng *rng, const struct simulation *s,
                                  const struct xsg_gate *gate)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct outcome o = {.alarm = false};
    struct xsg_run base, head;
    simulate(&arena, rng, s, &base, &head);
    size_t rounds = 0;
    for (size_t look = 0; look < LOOKS; look++) {
        struct xsg_comparison c;
        struct xsg_compare_options options = {.look = look, .looks = &looks};
        rounds = rounds > look_rounds[look] ? rounds : look_rounds[look];
        compare_rounds(&arena, &base, &head, rounds, gate, &options, &c);
        bool again = xsg_compare_needs_confirmation(&c, "sim");
        if (again) {
            const size_t from = rounds;
            rounds += from / 4 > 5 ? from / 4 : 5;
            options.fresh_from = &from;
            compare_rounds(&arena, &base, &head, rounds, gate, &options, &c);
            again = !xsg_compare_needs_confirmation(&c, "sim");
        }
        take(&o, &c, s);
        o.rounds = rounds;
        if (!again && (xsg_compare_decided(&c, "sim") || c.verdict == XSG_VERDICT_REGRESSED))
            break;
        if (again && xsg_compare_decided(&c, "sim"))
            break;
    }
    xsg_arena_release(&arena);
    return o;
}

struct rates {
    double alarm, function_alarm, named, passed, undecided_verdict, rounds, undecided_rows, error;
};

static struct rates run_sessions(uint64_t seed, const struct simulation *s,
                                 const struct xsg_gate *gate, size_t n)
{
    struct xsg_rng rng;
    struct rates r = {0};
    xsg_rng_init(&rng, seed);
    for (size_t i = 0; i < n; i++) {
        struct outcome o = run_session(&rng, s, gate);
        r.alarm += o.alarm;
        r.function_alarm += o.function_alarm;
        r.named += o.named;
        r.passed += o.verdict == XSG_VERDICT_PASSED;
        r.undecided_verdict += o.verdict == XSG_VERDICT_UNDECIDED;
        r.rounds += (double)o.rounds;
        r.undecided_rows += (double)o.undecided;
        r.error += o.error;
    }
    double *all = (double *)&r;
    for (size_t i = 0; i < sizeof r / sizeof *all; i++)
        all[i] /= (double)n;
    return r;
}

static void print_rates(const char *what, const struct rates *r, size_t n)
{
    printf("%-44s n=%zu  alarm %5.2f %%  other function %5.2f %%  named %5.1f %%  passed %5.1f %%  "
           "undecided %5.1f %%  rounds %4.1f  open rows %.1f  error %.2f %%\n",
           what, n, 100 * r->alarm, 100 * r->function_alarm, 100 * r->named, 100 * r->passed,
           100 * r->undecided_verdict, r->rounds, r->undecided_rows,
           r->named > 0 ? 100 * r->error / r->named : 0);
    fflush(stdout);
}

/* The promise plus three standard errors of a rate seen in n sessions. */
static double bound(double rate, size_t n)
{
    return rate + 3 * sqrt(rate * (1 - rate) / (double)n);
}

/* n_functions, rounds, spread, target_ms, slow, slow_ratio */
static const struct simulation models[] = {
    {NOISE_LOGNORMAL, 20, 100, 0.015, 500, 0, 1}, {NOISE_HEAVY, 20, 100, 0.015, 500, 0, 1},
    {NOISE_DRIFT, 20, 100, 0.01, 500, 0, 1},      {NOISE_SAMPLED, 20, 100, 0.01, 500, 0, 1},
    {NOISE_BIMODAL, 20, 100, 0.01, 500, 0, 1},    {NOISE_QUANTISED, 20, 100, 0.01, 500, 0, 1},
};
static const char *const model_names[] = {"log-normal", "heavy tail", "drift and bursts",
                                          "sampled",    "bimodal",    "quantised"};
#define N_MODELS (sizeof models / sizeof models[0])

/* Nothing changed. With a threshold of next to nothing only the error control stands between noise
 * and an alarm: at most alpha of all gates may be red, over 20 functions, the target and 4 looks.
 */
static void test_false_alarms_without_threshold(void **state)
{
    (void)state;
    size_t n = sessions(400);
    struct xsg_gate gate;
    xsg_gate_init(&gate);
    gate.threshold = 1e-4;
    for (size_t i = 0; i < N_MODELS; i++) {
        struct rates r = run_sessions(100 + i, &models[i], &gate, n);
        char what[80];
        snprintf(what, sizeof what, "A/A, no threshold, %s", model_names[i]);
        print_rates(what, &r, n);
        assert_true(r.alarm <= bound(gate.alpha, n));
    }
}

/* How many gates of equal code may stay open, at the threshold that users have. */
#define UNDECIDED 0.02

/* Nothing changed, threshold as users have it. Equal code has to pass: a gate that never decides
 * raises no false alarm either. */
static void test_false_alarms(void **state)
{
    (void)state;
    size_t n = sessions(400);
    struct xsg_gate gate;
    xsg_gate_init(&gate);
    for (size_t i = 0; i < N_MODELS; i++) {
        struct rates r = run_sessions(200 + i, &models[i], &gate, n);
        char what[80];
        snprintf(what, sizeof what, "A/A, threshold 5 %%, %s", model_names[i]);
        print_rates(what, &r, n);
        assert_true(r.alarm <= bound(gate.alpha, n));
        assert_true(r.passed >= 1 - bound(UNDECIDED, n));
    }
}

/* How surely a slowdown of the second largest function (an eighth of the target) is named. The
 * sampler sees 16 samples of it per invocation: 20 % is at the edge of what 40 rounds can show. */
struct power_case {
    double slow_ratio, threshold;
    double named[N_MODELS]; /* at least, apart from chance */
};

static void test_power(void **state)
{
    (void)state;
    static const struct power_case cases[] = {{1.2, 0.05, {0.99, 0.98, 0.99, 0.5, 0.99, 0.99}},
                                              {1.05, 0.03, {0.99, 0.97, 0.99, 0, 0.5, 0.95}}};
    size_t n = sessions(100);
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        for (size_t i = 0; i < N_MODELS; i++) {
            struct xsg_gate gate;
            xsg_gate_init(&gate);
            gate.threshold = cases[k].threshold;
            struct simulation s = models[i];
            s.slow = 1;
            s.slow_ratio = cases[k].slow_ratio;
            struct rates r = run_sessions(300 + 100 * k + i, &s, &gate, n);
            char what[80];
            snprintf(what, sizeof what, "%.0f %% slower, threshold %.0f %%, %s",
                     100 * (s.slow_ratio - 1), 100 * gate.threshold, model_names[i]);
            print_rates(what, &r, n);
            double least = cases[k].named[i];
            assert_true(r.named >= 1 - bound(1 - least, n));
            /* Exactly the slow one: no other function may be blamed. */
            assert_true(r.function_alarm <= bound(gate.alpha, n));
        }
    }
}

/* ---- intervals ------------------------------------------------------------------------------- */

struct coverage {
    size_t n, below, above; /* intervals; those that lie below or above the truth */
    double level;
};

static void cover(struct coverage *cov, struct xsg_rng *rng, const struct simulation *s)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_run base, head;
    struct xsg_comparison c;
    struct xsg_gate gate;
    xsg_gate_init(&gate); /* its beta is the error of the intervals: tails that can be counted */
    simulate(&arena, rng, s, &base, &head);
    assert_int_equal(xsg_compare(&arena, &base, &head, &gate, NULL, &c, NULL), 0);
    cov->level = c.level;
    for (size_t i = 0; i < c.n_deltas; i++) {
        const struct xsg_delta *d = &c.deltas[i];
        if (!d->function.name || isnan(d->ratio))
            continue;
        double truth = strcmp(d->function.name, "f0") == 0 ? s->slow_ratio : 1;
        cov->n++;
        cov->below += d->high < truth;
        cov->above += d->low > truth;
    }
    xsg_arena_release(&arena);
}

/* The interval misses the truth on each side at most as often as it says. Functions of one session
 * share the machine's drift, so the effective number of intervals is taken as that of sessions. */
static void test_coverage(void **state)
{
    (void)state;
    static const size_t rounds[] = {10, 40};
    size_t n = sessions(150);
    for (size_t i = 0; i < N_MODELS; i++) {
        for (size_t k = 0; k < 2; k++) {
            struct simulation s = models[i];
            struct coverage cov = {0};
            struct xsg_rng rng;
            xsg_rng_init(&rng, 500 + 10 * i + k);
            s.rounds = rounds[k];
            s.slow_ratio = 1.2;
            for (size_t j = 0; j < n; j++)
                cover(&cov, &rng, &s);
            double below = (double)cov.below / (double)cov.n;
            double above = (double)cov.above / (double)cov.n;
            printf("intervals of %.0f %%, %zu rounds, %-17s n=%zu  too low %4.2f %%  too high "
                   "%4.2f %%\n",
                   100 * cov.level, rounds[k], model_names[i], cov.n, 100 * below, 100 * above);
            fflush(stdout);
            double tail = (1 - cov.level) / 2;
            assert_true(below <= bound(tail, n));
            assert_true(above <= bound(tail, n));
        }
    }
}

int main(void)
{
    xsg_looks_doubling(&looks, LOOKS);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_false_alarms_without_threshold), cmocka_unit_test(test_false_alarms),
        cmocka_unit_test(test_power), cmocka_unit_test(test_coverage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
