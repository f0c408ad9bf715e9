/*
 * Change points on simulated histories: precision and recall of compare/change over shapes of noise
 * and of change, beside a moving-window t-statistic with a refractory window. Fixed seeds.
 *
 * A planted step is found when a change is told within 5 points of it, each by another; a planted
 * drift when one is told between 5 points before its start and 5 after its end (more of them there
 * are neither right nor wrong). Everything else that is told is a false alarm. "all" includes steps
 * that no detector can see (2 % in 30 points of 3 % noise).
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/stats.h"
#include "compare/change.h"

enum { MOST_POINTS = 10000, MOST_TRUTHS = 16, TOLERANCE = 5 };

enum noise {
    LOG_NORMAL,
    HEAVY_TAIL,
    AUTOCORRELATED,
    OUTLIERS,
    TWO_MODES,
    STICKY_MODES,
    QUANTISED,
    RARE_SPIKES,
    LOUD_THEN_QUIET,
    SEASONAL,
    /* held out: never looked at while the detector was made */
    SKEWED,
    BURSTS,
    WANDERING,
    N_NOISES,
};
static const char *const noise_names[] = {
    "log-normal",   "heavy tail (t3)", "autocorrelated", "outliers 1-5 %", "two modes",
    "sticky modes", "quantised",       "rare spikes",    "spread changes", "seasonal",
    "skewed *",     "bursts *",        "wandering *",
};

enum truth { NOTHING, ONE_STEP, STEPS, BACK_AND_FORTH, DRIFT, CREEP, N_TRUTHS };
static const char *const truth_names[] = {"nothing",        "one step", "2-5 steps",
                                          "back and forth", "drift",    "ten times 1 %"};

struct truth_point {
    size_t from, to; /* equal: a step */
};

struct history {
    double value[MOST_POINTS];
    size_t n;
    struct truth_point truth[MOST_TRUTHS];
    size_t n_truths;
};

static double between(struct xsg_rng *rng, double low, double high)
{
    return low + (high - low) * xsg_rng_double(rng);
}

static double between_log(struct xsg_rng *rng, double low, double high)
{
    return exp(between(rng, log(low), log(high)));
}

static double student3(struct xsg_rng *rng)
{
    double square = 0;
    for (int i = 0; i < 3; i++) {
        double z = xsg_rng_normal(rng);
        square += z * z;
    }
    return xsg_rng_normal(rng) / sqrt(square / 3);
}

/* ---- noise, in units of one spread ----------------------------------------------------------- */

static void fill_noise(struct xsg_rng *rng, enum noise kind, double *e, size_t n)
{
    double rho = between(rng, 0.45, 0.73), outliers = between(rng, 0.01, 0.05);
    double share = between(rng, 0.1, 0.5), apart = between(rng, 2, 6), mode = 0, last = 0;
    double stay = between(rng, 2, 8), loud = between(rng, 1.5, 4), period = between(rng, 5, 40);
    double turn = between(rng, 0.2, 0.8) * (double)n;
    size_t burst = 0;
    for (size_t i = 0; i < n; i++) {
        double z = xsg_rng_normal(rng);
        e[i] = z;
        switch (kind) {
        case HEAVY_TAIL:
            e[i] = student3(rng) / 1.2;
            break;
        case AUTOCORRELATED:
            e[i] = last = i ? rho * last + sqrt(1 - rho * rho) * z : z;
            break;
        case OUTLIERS:
            if (xsg_rng_double(rng) < outliers)
                e[i] += between(rng, 5, 40);
            break;
        case TWO_MODES:
            e[i] = z / 2 + (xsg_rng_double(rng) < share ? apart / 2 : 0);
            break;
        case STICKY_MODES:
            if (xsg_rng_double(rng) < 1 / stay)
                mode = xsg_rng_double(rng) < share ? apart / 2 : 0;
            e[i] = z / 2 + mode;
            break;
        case QUANTISED:
            e[i] = round(z * 1.2) / 1.2;
            break;
        case RARE_SPIKES:
            e[i] = xsg_rng_double(rng) < outliers ? between(rng, 3, 30) : 0;
            break;
        case LOUD_THEN_QUIET:
            e[i] = (double)i < turn ? z : z * loud / 2;
            break;
        case SEASONAL:
            e[i] = z * 0.8 + sin((double)i * 6.2832 / period);
            break;
        case SKEWED: /* exponential: most runs near the best, some far above */
            e[i] = -log(1 - xsg_rng_double(rng)) * 1.2;
            break;
        case BURSTS: /* a neighbour that stays for a few commits */
            if (burst == 0 && xsg_rng_double(rng) < outliers / 2)
                burst = 2 + xsg_rng_below(rng, 2);
            e[i] += burst ? between(rng, 4, 15) : 0;
            burst -= burst > 0;
            break;
        case WANDERING: /* slow changes of the machine below the noise of single runs */
            last = 0.95 * last + 0.3 * 0.6 * xsg_rng_normal(rng);
            e[i] = 0.8 * z + last;
            break;
        default:
            break;
        }
    }
}

/* ---- truth ----------------------------------------------------------------------------------- */

static void add_step(struct history *h, double *level, size_t at, double size)
{
    for (size_t i = at; i < h->n; i++)
        level[i] += size;
    h->truth[h->n_truths++] = (struct truth_point){at, at};
}

static double signed_size(struct xsg_rng *rng, double least)
{
    double size = log1p(between_log(rng, fmax(0.02, least), fmax(0.3, 2 * least)));
    return xsg_rng_double(rng) < 0.6 ? size : -size;
}

/* Levels last at least 8 points, and a tenth of the history. */
static void add_steps(struct xsg_rng *rng, struct history *h, double *level, size_t k, double least,
                      bool back)
{
    size_t gap = h->n / 10 > 8 ? h->n / 10 : 8, at = 0;
    double size = signed_size(rng, least);
    while ((k + 1) * gap > h->n)
        k--;
    size_t spare = h->n - (k + 1) * gap;
    for (size_t i = 0; i < k; i++) {
        size_t more = spare ? xsg_rng_below(rng, spare / (k - i) + 1) : 0;
        at += gap + more;
        spare -= more;
        add_step(h, level, at, size);
        size = back ? -size : signed_size(rng, least);
    }
}

static void add_truth(struct xsg_rng *rng, struct history *h, double *level, enum truth kind,
                      double cv)
{
    double least = 1.5 * cv;
    if (kind == ONE_STEP)
        add_steps(rng, h, level, 1, least, false);
    if (kind == STEPS)
        add_steps(rng, h, level, 2 + xsg_rng_below(rng, 4), least, false);
    if (kind == BACK_AND_FORTH)
        add_steps(rng, h, level, 2 + 2 * xsg_rng_below(rng, 2), least, true);
    if (kind == DRIFT) {
        size_t width = h->n / 4 + xsg_rng_below(rng, h->n / 3);
        size_t from = h->n / 8 + xsg_rng_below(rng, h->n - width - h->n / 4 + 1);
        double size = signed_size(rng, 2 * least);
        for (size_t i = from; i < h->n; i++)
            level[i] += size * fmin(1, (double)(i - from) / (double)width);
        h->truth[h->n_truths++] = (struct truth_point){from, from + width};
    }
    if (kind == CREEP) {
        size_t every = h->n / 12 ? h->n / 12 : 1, from = every;
        for (size_t k = 0; k < 10; k++) {
            for (size_t i = from + k * every; i < h->n; i++)
                level[i] += log(1.01);
        }
        h->truth[h->n_truths++] = (struct truth_point){from, from + 9 * every};
    }
}

static void make_history(struct history *h, uint64_t seed, enum noise noise, enum truth truth)
{
    static double e[MOST_POINTS], level[MOST_POINTS];
    struct xsg_rng rng;
    xsg_rng_init(&rng, seed);
    static const size_t lengths[][2] = {{24, 50}, {60, 200}, {300, 600}};
    const size_t *length = lengths[xsg_rng_below(&rng, 3)];
    double cv = between_log(&rng, 0.003, 0.03), base = between_log(&rng, 1e3, 1e9);
    h->n = length[0] + xsg_rng_below(&rng, length[1] - length[0] + 1);
    if (truth == CREEP)
        cv = fmin(cv, 0.015);
    h->n_truths = 0;
    memset(level, 0, h->n * sizeof *level);
    fill_noise(&rng, noise, e, h->n);
    add_truth(&rng, h, level, truth, cv);
    for (size_t i = 0; i < h->n; i++)
        h->value[i] = base * exp(level[i] + cv * e[i]);
}

/* ---- the detectors --------------------------------------------------------------------------- */

static size_t detect_ours(const struct history *h, size_t *at)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    static struct xsg_change_point points[MOST_POINTS];
    struct xsg_change_list list;
    for (size_t i = 0; i < h->n; i++)
        points[i] = (struct xsg_change_point){h->value[i], (double)NAN, 0};
    xsg_change_find(&arena, points, h->n, NULL, &list);
    size_t n = list.n;
    for (size_t i = 0; i < n; i++)
        at[i] = list.item[i].at;
    xsg_arena_release(&arena);
    return n;
}

/* Windows of up to 12 points before and after each place; t of 7 and 2 % alarm; the largest t of a
 * neighbourhood is told, then the detector is quiet for a window. */
static double window_t(const struct history *h, size_t at, double *change)
{
    size_t from = at > 12 ? at - 12 : 0, to = at + 12 < h->n ? at + 12 : h->n;
    size_t a = at - from, b = to - at;
    if (a < 4 || b < 4)
        return 0;
    double before = xsg_mean(h->value + from, a), after = xsg_mean(h->value + at, b);
    double sa = xsg_stddev(h->value + from, a), sb = xsg_stddev(h->value + at, b);
    double se = sqrt(sa * sa / (double)a + sb * sb / (double)b);
    *change = fabs(after / before - 1);
    return fabs(after - before) / fmax(se, 1e-9 * before);
}

static size_t detect_window(const struct history *h, size_t *at)
{
    size_t n = 0;
    for (size_t i = 1; i < h->n; i++) {
        double change = 0, t = window_t(h, i, &change), best = t;
        if (t < 7 || change < 0.02)
            continue;
        for (size_t k = i > 12 ? i - 12 : 1; k < i + 12 && k < h->n; k++)
            best = fmax(best, window_t(h, k, &change));
        if (t < best || (n && i - at[n - 1] < 12))
            continue;
        at[n++] = i;
    }
    return n;
}

/* ---- scoring --------------------------------------------------------------------------------- */

struct score {
    size_t right, wrong, planted, histories, alarmed;
    double f1; /* sum over histories, the first point counted as found on both sides */
};

static void count(struct score *s, const struct history *h, const size_t *at, size_t n)
{
    bool used[MOST_TRUTHS] = {false};
    size_t wrong = 0, right = 0;
    for (size_t i = 0; i < n; i++) {
        size_t nearest = MOST_TRUTHS, distance = SIZE_MAX;
        bool within_drift = false;
        for (size_t k = 0; k < h->n_truths; k++) {
            const struct truth_point *t = &h->truth[k];
            if (at[i] + TOLERANCE < t->from || at[i] > t->to + TOLERANCE)
                continue;
            within_drift |= t->to > t->from;
            size_t d = at[i] > t->from ? at[i] - t->from : t->from - at[i];
            if (!used[k] && d < distance) {
                distance = d;
                nearest = k;
            }
        }
        if (nearest < MOST_TRUTHS) {
            used[nearest] = true;
            right++;
        } else {
            wrong += !within_drift;
        }
    }
    s->right += right;
    s->wrong += wrong;
    s->f1 += 2 * (double)(right + 1) / (double)(right + wrong + 1 + h->n_truths + 1);
    s->alarmed += wrong > 0;
    s->planted += h->n_truths;
    s->histories++;
}

static double precision(const struct score *s)
{
    return s->right + s->wrong ? (double)s->right / (double)(s->right + s->wrong) : 1;
}

static double recall(const struct score *s)
{
    return s->planted ? (double)s->right / (double)s->planted : 1;
}

static double mean_f1(const struct score *s)
{
    return s->f1 / (double)s->histories;
}

static void merge(struct score *into, const struct score *s)
{
    into->f1 += s->f1;
    into->right += s->right;
    into->wrong += s->wrong;
    into->planted += s->planted;
    into->histories += s->histories;
    into->alarmed += s->alarmed;
}

static void print_row(const char *name, const struct score *ours, const struct score *window)
{
    printf("%-18s %6zu  %9.3f %6.3f %6.3f  %9.3f %6.3f %6.3f\n", name, ours->histories,
           precision(ours), recall(ours), (double)ours->alarmed / (double)ours->histories,
           precision(window), recall(window), (double)window->alarmed / (double)window->histories);
}

static void print_head(const char *what)
{
    printf("\n%-18s %6s  %9s %6s %6s  %9s %6s %6s\n", what, "series", "precision", "recall",
           "false", "precision", "recall", "false");
}

static size_t series_per_cell(void)
{
    const char *text = getenv("XSG_STAT_SESSIONS");
    return text ? (size_t)atoi(text) / 10 + 1 : 40;
}

static void test_precision_and_recall(void **state)
{
    (void)state;
    static struct history h;
    static size_t at[MOST_POINTS];
    struct score ours[N_NOISES][N_TRUTHS] = {0}, window[N_NOISES][N_TRUTHS] = {0};
    struct score all = {0}, all_window = {0}, never = {0};
    const char *seed_text = getenv("XSG_STAT_SEED");
    uint64_t seed = seed_text ? strtoull(seed_text, NULL, 10) : 1;
    for (size_t k = 0; k < series_per_cell(); k++) {
        for (int e = 0; e < N_NOISES; e++) {
            for (int t = 0; t < N_TRUTHS; t++) {
                make_history(&h, seed * 1000003 + (k * N_NOISES + (size_t)e) * N_TRUTHS + (size_t)t,
                             e, t);
                count(&ours[e][t], &h, at, detect_ours(&h, at));
                count(&window[e][t], &h, at, detect_window(&h, at));
                count(&never, &h, at, 0);
            }
        }
    }
    printf("%-18s %6s  %24s  %24s\n", "", "", "xsgate", "moving t, refractory");
    print_head("noise");
    for (int e = 0; e < N_NOISES; e++) {
        struct score a = {0}, b = {0};
        for (int t = 0; t < N_TRUTHS; t++) {
            merge(&a, &ours[e][t]);
            merge(&b, &window[e][t]);
        }
        print_row(noise_names[e], &a, &b);
        merge(&all, &a);
        merge(&all_window, &b);
    }
    print_head("truth");
    for (int t = 0; t < N_TRUTHS; t++) {
        struct score a = {0}, b = {0};
        for (int e = 0; e < N_NOISES; e++) {
            merge(&a, &ours[e][t]);
            merge(&b, &window[e][t]);
        }
        print_row(truth_names[t], &a, &b);
    }
    print_row("all", &all, &all_window);
    printf("* held out\nF1, mean over series: xsgate %.3f, moving t %.3f, never alarming %.3f\n",
           mean_f1(&all), mean_f1(&all_window), mean_f1(&never));
    if (getenv("XSG_STAT_SESSIONS"))
        return;
    assert_true(precision(&all) >= 0.95);
    assert_true(recall(&all) >= 0.80);
    assert_true(recall(&all) > recall(&all_window));
    assert_true(precision(&all) > precision(&all_window));
    assert_true(mean_f1(&all) > mean_f1(&all_window));
}

static void test_ten_thousand_points(void **state)
{
    (void)state;
    static struct history h;
    static size_t at[MOST_POINTS];
    struct xsg_rng rng;
    xsg_rng_init(&rng, 7);
    h = (struct history){.n = MOST_POINTS};
    for (size_t i = 0; i < h.n; i++)
        h.value[i] = 1e6 * exp(0.02 * xsg_rng_normal(&rng) + (i >= 6000 ? 0.03 : 0));
    int64_t start = xsg_system_clock.monotonic_ns(xsg_system_clock.arg);
    size_t n = detect_ours(&h, at);
    double s = (double)(xsg_system_clock.monotonic_ns(xsg_system_clock.arg) - start) / 1e9;
    printf("\n10,000 points, one step: %.2f s\n", s);
    assert_int_equal(n, 1);
    assert_in_range(at[0], 5995, 6005);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precision_and_recall),
        cmocka_unit_test(test_ten_thousand_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
