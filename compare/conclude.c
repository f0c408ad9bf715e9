/* From deltas to the verdict, its sentence, the order, and the warnings. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/change.h"
#include "base/str.h"
#include "compare/row.h"

int xsg_delta_rank(enum xsg_delta_verdict verdict)
{
    switch (verdict) {
    case XSG_DELTA_INVALID:
        return 0;
    case XSG_DELTA_REGRESSED:
        return 1;
    case XSG_DELTA_UNDECIDED:
        return 2;
    case XSG_DELTA_IMPROVED:
        return 3;
    case XSG_DELTA_ADDED:
        return 4;
    case XSG_DELTA_REMOVED:
        return 5;
    case XSG_DELTA_UNCHANGED:
        break;
    }
    return 6;
}

/* What a row weighs within its verdict. */
static double weight(const struct xsg_delta *d)
{
    double share = isnan(d->share) ? 0 : d->share;
    double size = d->ratio > 0 && isfinite(d->ratio) ? fabs(log(d->ratio)) : 1;
    return size * share;
}

static int compare_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

/* Names last, so that equal input gives the same order. */
static int worst_first(const void *a, const void *b)
{
    const struct xsg_delta *x = a, *y = b;
    int rank = xsg_delta_rank(x->verdict) - xsg_delta_rank(y->verdict);
    if (rank)
        return rank;
    if (x->counts != y->counts)
        return x->counts ? -1 : 1;
    double wx = weight(x), wy = weight(y);
    if (wx != wy)
        return wx > wy ? -1 : 1;
    int order = compare_text(x->target, y->target);
    if (!order)
        order = compare_text(x->function.name, y->function.name);
    if (!order)
        order = compare_text(x->function.file, y->function.file);
    return order ? order : compare_text(x->metric, y->metric);
}

/* ---- verdict and reason ---------------------------------------------------------------------- */

struct tally {
    size_t n[7];   /* by rank, of what counts */
    size_t judged; /* got numbers and a verdict */
    size_t functions_judged, functions_regressed;
    size_t identical;                 /* targets with one program on both sides */
    size_t minor;                     /* undecided, and do not count */
    const char *minor_rule;           /* of all of these; NULL: they differ */
    size_t spared;                    /* slower functions that do not count: layout, a callee */
    size_t waived;                    /* functions whose slowdown is accepted */
    size_t new_targets;               /* that base does not have */
    const struct xsg_delta *worst[7]; /* first of each rank; for regressed a function if any */
};

static void count_minor(struct tally *t, const char *rule)
{
    if (t->minor++ == 0)
        t->minor_rule = rule;
    else if (compare_text(t->minor_rule, rule) != 0)
        t->minor_rule = NULL;
}

static void count(struct tally *t, const struct xsg_comparison *c)
{
    *t = (struct tally){0};
    for (size_t i = 0; i < c->n_deltas; i++) {
        const struct xsg_delta *d = &c->deltas[i];
        int rank = xsg_delta_rank(d->verdict);
        if (!d->counts) {
            t->new_targets += d->verdict == XSG_DELTA_ADDED && !d->function.name;
            if (d->verdict == XSG_DELTA_UNDECIDED && !d->waiver)
                count_minor(t, d->rule);
            t->waived += d->waiver && d->function.name;
            t->spared += d->verdict == XSG_DELTA_REGRESSED && !d->waiver && d->function.name;
            t->judged += d->waiver != NULL;
            t->functions_judged += d->waiver && d->function.name;
            continue;
        }
        t->n[rank]++;
        t->judged += rank != 0;
        t->identical += d->rule && strcmp(d->rule, XSG_IDENTICAL) == 0;
        t->functions_judged += rank != 0 && d->function.name;
        t->functions_regressed += rank == 1 && d->function.name;
        /* The promise is to name the function; the target's own row says that something is slow. */
        if (!t->worst[rank] || (!t->worst[rank]->function.name && d->function.name))
            t->worst[rank] = d;
    }
}

enum { NAME_HEAD = 70, NAME_TAIL = 40 };

static bool is_within_character(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* A sentence has room for what tells a template's instances apart, not for all of it. */
static void put_short(struct xsg_buf *out, const char *name)
{
    size_t n = strlen(name), head = NAME_HEAD, tail = n - NAME_TAIL;
    if (n <= NAME_HEAD + NAME_TAIL) {
        xsg_buf_puts(out, name);
        return;
    }
    while (head > 0 && is_within_character(name[head]))
        head--;
    while (tail < n && is_within_character(name[tail]))
        tail++;
    xsg_buf_put(out, name, head);
    xsg_buf_puts(out, "\xe2\x80\xa6"); /* an ellipsis */
    xsg_buf_puts(out, name + tail);
}

static void put_name(struct xsg_buf *out, const struct xsg_delta *d)
{
    if (d->function.name) {
        put_short(out, d->function.name);
        xsg_buf_printf(out, " (target %s)", d->target);
    } else {
        xsg_buf_printf(out, "target %s", d->target);
    }
}

static void put_regressed(struct xsg_buf *out, const struct tally *t)
{
    const struct xsg_delta *d = t->worst[1];
    bool time = strcmp(d->metric, "time") == 0, times = d->ratio >= 3;
    char size[XSG_CHANGE_SIZE], threshold[XSG_CHANGE_SIZE];
    xsg_format_size(size, d->ratio);
    xsg_format_size(threshold, 1 + d->threshold);
    put_name(out, d);
    if (time)
        xsg_buf_printf(out, times ? " takes %s as long" : " got %s slower", size);
    else if (d->ratio < 1) /* of what more is better */
        xsg_buf_printf(out, " lost %s of %s", size, d->metric);
    else
        xsg_buf_printf(out, times ? " needs %s the %s" : " needs %s more %s", size, d->metric);
    xsg_buf_printf(out, ", threshold %s", threshold);
    if (t->functions_regressed > 1)
        xsg_buf_printf(out, "; %zu more function%s regressed", t->functions_regressed - 1,
                       t->functions_regressed == 2 ? "" : "s");
}

static void put_invalid(struct xsg_buf *out, const struct tally *t)
{
    const struct xsg_delta *d = t->worst[0];
    if (!d) {
        xsg_buf_puts(out, "nothing was measured that could be judged");
        return;
    }
    const char *cause = d->cause ? d->cause : "";
    xsg_buf_printf(out, "target %s could not be judged: ", d->target);
    xsg_buf_put(out, cause, strcspn(cause, "\n")); /* the program's output stands below it */
    if (t->n[0] > 1)
        xsg_buf_printf(out, "; %zu more could not either", t->n[0] - 1);
    if (t->n[1] > 0) {
        xsg_buf_puts(out, "; among the rest, ");
        put_regressed(out, t);
    }
}

static void put_passed(struct xsg_buf *out, const struct tally *t)
{
    size_t targets = t->judged - t->functions_judged;
    if (t->identical == t->judged) {
        xsg_buf_printf(out, "base and head run identical programs in %zu target%s", targets,
                       targets == 1 ? "" : "s");
        return;
    }
    xsg_buf_printf(out, "nothing%s got worse than its threshold allows, of ",
                   t->waived ? " that is not waived" : "");
    if (t->functions_judged > 0)
        xsg_buf_printf(out, "%zu function%s%s", t->functions_judged,
                       t->functions_judged == 1 ? "" : "s", targets > 0 ? " and " : "");
    if (targets > 0)
        xsg_buf_printf(out, "%zu target%s", targets, targets == 1 ? "" : "s");
    if (t->n[3] > 0)
        xsg_buf_printf(out, "; %zu improved", t->n[3]);
    if (t->identical > 0)
        xsg_buf_printf(out, "; %zu target%s identical on both sides", t->identical,
                       t->identical == 1 ? " is" : "s are");
    if (t->waived > 0)
        xsg_buf_printf(out, "; %zu waived", t->waived);
    if (t->spared > 0)
        xsg_buf_printf(out, "; %zu slower but not counted", t->spared);
    if (t->minor > 0)
        xsg_buf_printf(out, "; %zu unclear but not counted%s%s", t->minor,
                       t->minor_rule ? ": " : "", t->minor_rule ? t->minor_rule : "");
}

/* Was the target measured on both sides? Else it has one row, and its rule says why. */
static bool is_measured(const struct xsg_comparison *c, const char *target)
{
    for (size_t i = 0; i < c->n_deltas; i++) {
        const struct xsg_delta *d = &c->deltas[i];
        if (strcmp(d->target, target) == 0)
            return !d->rule ||
                   (strcmp(d->rule, XSG_IDENTICAL) != 0 && strcmp(d->rule, XSG_ONE_SIDE) != 0);
    }
    return false;
}

/* Is there a target that was measured? *asked: with a profile. */
static bool any_measured(const struct xsg_context *context, bool *asked)
{
    const struct xsg_run *runs[] = {context->base, context->head};
    bool any = false;
    *asked = false;
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < runs[k]->n_targets; i++) {
            const struct xsg_target_run *target = &runs[k]->targets[i];
            if (!is_measured(context->comparison, target->name))
                continue;
            any = true;
            *asked |= target->profile && *target->profile;
        }
    }
    return any;
}

/* A profile was asked for and nobody was seen in it: a gate that judges only totals then would pass
 * what it was set up to catch. Targets that are the same program on both sides say nothing of those
 * that were measured. NULL: all is well. */
static const char *measured_nothing(const struct xsg_context *context, const struct tally *t)
{
    const struct xsg_run *runs[] = {context->base, context->head};
    const char *filter = context->gate->filter;
    bool asked, seen = false, matched = !filter;
    if (t->n[0] > 0 || !any_measured(context, &asked))
        return NULL;
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < runs[k]->n_series; i++) {
            const char *name = runs[k]->series[i].function.name;
            seen |= name != NULL;
            matched |= name && filter && xsg_glob(filter, name);
        }
    }
    if (asked && !seen)
        return "no function was seen in any target; 'xsgate record' shows what a profile has";
    return matched ? NULL
                   : xsg_printf(context->arena, "no function matches the filter '%s'", filter);
}

static void decide(struct xsg_context *context)
{
    struct xsg_comparison *c = context->comparison;
    struct xsg_buf out = XSG_BUF_INIT;
    struct tally t;
    count(&t, c);
    const char *nothing = t.judged > 0 ? measured_nothing(context, &t) : NULL;
    if (nothing) {
        c->verdict = XSG_VERDICT_INVALID;
        xsg_buf_puts(&out, nothing);
    } else if (t.n[0] == 0 && t.judged == 0 && t.new_targets > 0) {
        c->verdict = XSG_VERDICT_PASSED;
        xsg_buf_puts(&out, "every target is new: there is nothing to compare with");
    } else if (t.n[0] > 0 || t.judged == 0) {
        c->verdict = XSG_VERDICT_INVALID;
        put_invalid(&out, &t);
    } else if (t.n[1] > 0) {
        c->verdict = XSG_VERDICT_REGRESSED;
        put_regressed(&out, &t);
    } else if (t.n[2] > 0 && t.worst[2]->layout == XSG_LAYOUT_GONE) {
        c->verdict = XSG_VERDICT_UNDECIDED;
        put_name(&out, t.worst[2]);
        xsg_buf_puts(&out, " got slower only in the order that its build links in");
        if (t.n[2] > 1)
            xsg_buf_printf(&out, "; %zu more could not be decided", t.n[2] - 1);
    } else if (t.n[2] > 0) {
        c->verdict = XSG_VERDICT_UNDECIDED;
        put_name(&out, t.worst[2]);
        if (t.n[2] > 1)
            xsg_buf_printf(&out, " and %zu more", t.n[2] - 1);
        xsg_buf_printf(&out, " could not be decided in %zu round%s", c->rounds,
                       c->rounds == 1 ? "" : "s");
    } else {
        c->verdict = XSG_VERDICT_PASSED;
        put_passed(&out, &t);
    }
    c->reason = xsg_strdup(context->arena, xsg_buf_str(&out));
    xsg_buf_release(&out);
}

/* ---- warnings -------------------------------------------------------------------------------- */

struct warnings {
    struct xsg_context *context;
    size_t cap;
};

static void warn(struct warnings *w, const char *text)
{
    struct xsg_comparison *c = w->context->comparison;
    for (size_t i = 0; i < c->n_warnings; i++) {
        if (strcmp(c->warnings[i], text) == 0)
            return;
    }
    c->warnings =
        xsg_grow(w->context->arena, c->warnings, &w->cap, c->n_warnings + 1, sizeof *c->warnings);
    c->warnings[c->n_warnings++] = text;
}

static void warn_text(struct warnings *w, const char *what, const char *base, const char *head)
{
    if (base && head && strcmp(base, head) != 0)
        warn(w, xsg_printf(w->context->arena,
                           "the environments differ in %s: base \"%s\", head "
                           "\"%s\"",
                           what, base, head));
}

static void warn_environment(struct warnings *w, const struct xsg_environment *b,
                             const struct xsg_environment *h)
{
    warn(w, "stored numbers of another hour are compared: load and clock speed of then and now may "
            "differ; measuring both sides now (--fresh) is more reliable");
    warn_text(w, "CPU", b->cpu_model, h->cpu_model);
    if (b->cores && h->cores && b->cores != h->cores)
        warn(w, xsg_printf(w->context->arena, "the environments differ in cores: base %d, head %d",
                           b->cores, h->cores));
    warn_text(w, "kernel", b->kernel, h->kernel);
    warn_text(w, "system", b->os, h->os);
    warn_text(w, "C library", b->libc, h->libc);
    warn_text(w, "compiler", b->compiler, h->compiler);
    warn_text(w, "governor", b->governor, h->governor);
    warn_text(w, "GPU", b->gpu, h->gpu);
    warn_text(w, "xsgate's version", b->xsgate, h->xsgate);
    if (!b->fingerprint || !h->fingerprint)
        warn(w, "the environment of a stored run is unknown");
}

static void warn_lost(struct warnings *w, const struct xsg_run *run, const char *side)
{
    for (size_t i = 0; i < run->n_targets; i++) {
        const struct xsg_target_run *t = &run->targets[i];
        if (t->lost > 0)
            warn(w, xsg_printf(w->context->arena, "%s, target %s: %llu records were lost", side,
                               t->name, (unsigned long long)t->lost));
    }
}

/* What was asked for by name and is too small to be judged: no error, but not silent either. */
static void warn_filter(struct warnings *w)
{
    const struct xsg_comparison *c = w->context->comparison;
    const struct xsg_gate *gate = w->context->gate;
    bool asked;
    if (!gate->filter || c->verdict == XSG_VERDICT_INVALID || !any_measured(w->context, &asked))
        return;
    for (size_t i = 0; i < c->n_deltas; i++) {
        const struct xsg_delta *d = &c->deltas[i];
        if (d->function.name && xsg_glob(gate->filter, d->function.name) &&
            (!d->rule || strcmp(d->rule, XSG_BELOW_SHARE) != 0))
            return;
    }
    warn(w, xsg_printf(w->context->arena,
                       "no function was judged: those that match the filter '%s' have less than "
                       "min_share (%g %%) of their target",
                       gate->filter, 100 * gate->min_share));
}

static void collect_warnings(struct xsg_context *context)
{
    struct warnings w = {.context = context};
    const struct xsg_run *runs[] = {context->base, context->head};
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < runs[k]->n_warnings; i++)
            warn(&w, runs[k]->warnings[i]);
        warn_lost(&w, runs[k], k ? "head" : "base");
    }
    warn_filter(&w);
    if (!context->paired)
        warn_environment(&w, &context->base->environment, &context->head->environment);
}

void xsg_comparison_conclude(struct xsg_context *context)
{
    struct xsg_comparison *c = context->comparison;
    xsg_comparison_waive(context);
    if (c->n_deltas > 0)
        qsort(c->deltas, c->n_deltas, sizeof *c->deltas, worst_first);
    decide(context);
    collect_warnings(context);
}
