/* From the filled tree to the profile: totals, values per function, order. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/fold_private.h"
#include "profiler/format.h"

enum { MEASURED = 0, SAMPLED = 1 };

/* A node on its way to the result; the groups of a mixed profile are among them. */
struct work {
    uint32_t parent, function, kind;
    uint32_t first, n; /* its children in the sorted order */
    uint32_t index;    /* in the result */
    double self, total, calls;
    const char *name;
};

struct value { /* of a function */
    unsigned kinds;
    double self[2], total[2], calls_scope, calls_function, variance;
    uint64_t samples;
    uint32_t open[2]; /* how often it is on the path being walked */
};

struct finish {
    struct xsg_fold *fold;
    struct work *work;
    uint32_t n_work, groups; /* groups: 0, or 2 nodes behind the root */
    uint32_t *order;         /* all but the root: siblings together, largest total first */
    struct value *values;
    double clamped, whole;
};

static int side(uint32_t kind)
{
    return kind == XSG_PROFILE_SAMPLE ? SAMPLED : MEASURED;
}

static bool is_mixed(const struct xsg_fold *fold)
{
    const unsigned measured = XSG_SEG_MODE_SCOPES | XSG_SEG_MODE_FUNCTIONS;
    return (fold->sums.modes & XSG_SEG_MODE_SAMPLE) && (fold->sums.modes & measured);
}

static void fill_groups(struct finish *f)
{
    static const char *const names[2] = {"[measured]", "[sampled]"};
    for (uint32_t i = 0; i < f->groups; i++) {
        struct xsg_function function = {.name = names[i]};
        f->work[1 + i] = (struct work){.function = xsg_fold_function(f->fold, &function)};
    }
}

/* Where a node of the fold stands among the work; all children of the root belong to a group. */
static uint32_t place_of(const struct finish *f, uint32_t node, uint32_t child_kind)
{
    if (node == 0)
        return f->groups ? 1 + (uint32_t)side(child_kind) : 0;
    return node + f->groups;
}

static void fill_work(struct finish *f)
{
    const struct xsg_fold *fold = f->fold;
    for (uint32_t i = 1; i < fold->n_nodes; i++) {
        const struct xsg_fold_node *node = &fold->nodes[i];
        double self = node->ns;
        if (self < 0) {
            f->clamped -= self;
            self = 0;
        }
        f->whole += self;
        f->work[place_of(f, i, 0)] = (struct work){.parent = place_of(f, node->parent, node->kind),
                                                   .function = node->function,
                                                   .kind = node->kind,
                                                   .self = self,
                                                   .total = self,
                                                   .calls = node->calls};
    }
    for (uint32_t i = f->n_work; i-- > 1;)
        f->work[f->work[i].parent].total += f->work[i].total;
    for (uint32_t i = 0; i < f->n_work; i++)
        f->work[i].name = fold->functions[f->work[i].function].function.name;
}

static int compare_siblings(const void *a, const void *b, void *arg)
{
    const struct work *work = arg;
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    const struct work *x = &work[i], *y = &work[j];
    if (x->parent != y->parent)
        return x->parent < y->parent ? -1 : 1;
    if (x->total != y->total)
        return x->total > y->total ? -1 : 1;
    int by_name = strcmp(x->name, y->name);
    return by_name ? by_name : (i > j) - (i < j);
}

static void sort_siblings(struct finish *f)
{
    uint32_t n = f->n_work - 1;
    f->order = XSG_NEW_ARRAY(f->fold->arena, uint32_t, n);
    for (uint32_t i = 0; i < n; i++)
        f->order[i] = i + 1;
    qsort_r(f->order, n, sizeof *f->order, compare_siblings, f->work);
    for (uint32_t i = 0; i < n; i++) {
        struct work *parent = &f->work[f->work[f->order[i]].parent];
        if (parent->n++ == 0)
            parent->first = i;
    }
}

static void enter(struct finish *f, struct xsg_calltree *tree, uint32_t at)
{
    struct work *w = &f->work[at];
    w->index = (uint32_t)tree->n_nodes;
    tree->nodes[tree->n_nodes++] = (struct xsg_tree_node){.parent = f->work[w->parent].index,
                                                          .function = w->function,
                                                          .self = w->self,
                                                          .total = w->total,
                                                          .calls = w->calls};
    if (w->kind == 0)
        return;
    struct value *v = &f->values[w->function];
    if (v->open[side(w->kind)]++ == 0)
        v->total[side(w->kind)] += w->total;
}

static void leave(struct finish *f, uint32_t at)
{
    const struct work *w = &f->work[at];
    if (w->kind != 0)
        f->values[w->function].open[side(w->kind)]--;
}

/* Depth first, without recursion: each path entry knows how many of its children are done. */
static void walk(struct finish *f, struct xsg_calltree *tree)
{
    struct step {
        uint32_t at, done;
    };
    struct step path[XSG_FOLD_DEPTH_HARD + 4];
    size_t depth = 0;
    path[depth++] = (struct step){0, 0};
    enter(f, tree, 0);
    while (depth > 0) {
        struct step *top = &path[depth - 1];
        const struct work *w = &f->work[top->at];
        if (top->done == w->n) {
            leave(f, top->at);
            depth--;
            continue;
        }
        uint32_t child = f->order[w->first + top->done++];
        if (f->work[child].kind == 0 && f->work[child].n == 0)
            continue; /* an empty group */
        enter(f, tree, child);
        path[depth++] = (struct step){child, 0};
    }
}

static void sum_values(struct finish *f)
{
    const struct xsg_fold *fold = f->fold;
    for (size_t i = 1; i < fold->n_nodes; i++) {
        const struct xsg_fold_node *node = &fold->nodes[i];
        struct value *v = &f->values[node->function];
        v->kinds |= node->kind;
        v->self[side(node->kind)] += node->ns;
        v->samples += node->samples;
        if (node->kind == XSG_PROFILE_FUNCTION)
            v->calls_function += node->calls;
        else if (node->kind == XSG_PROFILE_SCOPE)
            v->calls_scope += node->calls;
        if (node->kind != XSG_PROFILE_SAMPLE)
            v->variance += node->variance;
    }
}

/* Measured numbers win over sampled ones. A scope of the function's own name does not call it
 * twice. */
static void put_function(const struct xsg_fold_function *from, const struct value *v,
                         struct xsg_profile_function *out)
{
    int use = v->kinds & (XSG_PROFILE_SCOPE | XSG_PROFILE_FUNCTION) ? MEASURED : SAMPLED;
    double own = v->self[use] + (use == SAMPLED ? from->taken - from->given : 0);
    uint64_t samples = v->samples + from->samples_taken;
    *out = (struct xsg_profile_function){
        .function = from->function,
        .kinds = v->kinds,
        .self = fmax(own, 0),
        .inlined = use == SAMPLED ? from->given : 0,
        .only_inlined = use == SAMPLED && from->inlined && !from->own_code,
        .total = v->total[use],
        .self_se = sqrt(v->variance),
        .calls = v->kinds & XSG_PROFILE_FUNCTION ? v->calls_function : v->calls_scope,
        .samples = samples > from->samples_given ? samples - from->samples_given : 0,
        .min = NAN,
        .max = NAN,
    };
    xsg_hist_init(&out->hist);
    if (from->hist && from->hist->total > 0) {
        out->hist = *from->hist;
        out->min = (double)from->hist->min;
        out->max = (double)from->hist->max;
    }
}

static int compare_functions(const void *a, const void *b)
{
    const struct xsg_profile_function *x = a, *y = b;
    if (x->self != y->self)
        return x->self > y->self ? -1 : 1;
    int by_name = strcmp(x->function.name, y->function.name);
    if (by_name)
        return by_name;
    return strcmp(x->function.file ? x->function.file : "",
                  y->function.file ? y->function.file : "");
}

static void put_functions(const struct finish *f, struct xsg_profile *profile)
{
    const struct xsg_fold *fold = f->fold;
    double side_total[2] = {0, 0};
    profile->functions = XSG_NEW_ARRAY(fold->arena, struct xsg_profile_function, fold->n_functions);
    for (size_t i = 1; i < fold->n_functions; i++) {
        const struct value *v = &f->values[i];
        if (v->kinds == 0)
            continue;
        put_function(&fold->functions[i], v, &profile->functions[profile->n_functions++]);
        profile->kinds |= v->kinds;
        profile->samples += v->samples;
        side_total[MEASURED] += fmax(v->self[MEASURED], 0);
        side_total[SAMPLED] += fmax(v->self[SAMPLED], 0);
    }
    profile->total_ns = fmax(side_total[MEASURED], side_total[SAMPLED]);
    qsort(profile->functions, profile->n_functions, sizeof *profile->functions, compare_functions);
}

static void put_named(const struct xsg_fold *fold, struct xsg_profile *profile)
{
    profile->counters = XSG_NEW_ARRAY(fold->arena, struct xsg_profile_counter, fold->counters.n);
    profile->n_counters = fold->counters.n;
    for (size_t i = 0; i < fold->counters.n; i++) {
        profile->counters[i] = *(const struct xsg_profile_counter *)fold->counters.entries[i].value;
        profile->counters[i].name = fold->counters.entries[i].key;
    }
    profile->benches = XSG_NEW_ARRAY(fold->arena, struct xsg_profile_bench, fold->benches.n);
    profile->n_benches = fold->benches.n;
    for (size_t i = 0; i < fold->benches.n; i++) {
        profile->benches[i] = *(const struct xsg_profile_bench *)fold->benches.entries[i].value;
        profile->benches[i].name = fold->benches.entries[i].key;
    }
    profile->notes = XSG_NEW_ARRAY(fold->arena, const char *, fold->notes.n);
    profile->n_notes = fold->notes.n;
    for (size_t i = 0; i < fold->notes.n; i++)
        profile->notes[i] = fold->notes.entries[i].key;
}

static void put_tree(struct finish *f, struct xsg_profile *profile)
{
    struct xsg_fold *fold = f->fold;
    struct xsg_calltree *tree = &profile->tree;
    tree->n_functions = fold->n_functions;
    tree->functions = XSG_NEW_ARRAY(fold->arena, struct xsg_function, tree->n_functions);
    for (size_t i = 0; i < tree->n_functions; i++)
        tree->functions[i] = fold->functions[i].function;
    tree->nodes = XSG_NEW_ARRAY(fold->arena, struct xsg_tree_node, f->n_work);
    walk(f, tree);
}

int xsg_fold_finish(struct xsg_fold *fold, struct xsg_profile *profile, struct xsg_err *err)
{
    if (fold->n_nodes > UINT32_MAX - 4 || fold->n_functions > UINT32_MAX - 4)
        return xsg_fail(err, XSG_EFAILED, "the profile has too many call paths (%zu)",
                        fold->n_nodes);
    *profile = (struct xsg_profile){.modes = fold->sums.modes,
                                    .n_processes = fold->sums.n_processes,
                                    .n_threads = fold->sums.n_threads,
                                    .n_killed = fold->sums.n_killed,
                                    .phase_ns = fold->sums.phase_ns,
                                    .binary = fold->sums.binary,
                                    .lost = fold->sums.lost,
                                    .lost_paths = fold->sums.lost_paths};
    struct finish f = {.fold = fold, .groups = is_mixed(fold) ? 2 : 0};
    f.n_work = (uint32_t)fold->n_nodes + f.groups;
    f.work = XSG_NEW_ARRAY(fold->arena, struct work, f.n_work);
    fill_groups(&f);
    fill_work(&f);
    sort_siblings(&f);
    f.values = XSG_NEW_ARRAY(fold->arena, struct value, fold->n_functions);
    put_tree(&f, profile);
    sum_values(&f);
    put_functions(&f, profile);
    if (f.clamped > 0.01 * f.whole)
        xsg_fold_note(fold,
                      "estimated times of callees exceed their callers' by %.1f %% of the whole: "
                      "call paths with very short calls are only roughly timed",
                      100 * f.clamped / fmax(f.whole, 1));
    put_named(fold, profile);
    return 0;
}
