/* A checked segment -> fold: keys become functions, paths of a thread become paths of the fold. */
#include <math.h>
#include <string.h>

#include "profiler/source/segment.h"

#define NONE UINT32_MAX
#define PHASE_MOST 100000000u /* ns; ticks are shorter, and no process waits for many */

/* ---- durations ---- */

static uint64_t whole_ns(double ns)
{
    return ns >= 9e18 ? (uint64_t)9e18 : ns > 0 ? (uint64_t)ns : 0;
}

/* n durations, evenly over [low, high) ns. */
static void spread(struct xsg_hist *into, double low, double high, uint64_t n)
{
    size_t first = xsg_hist_bucket(whole_ns(low)), last = xsg_hist_bucket(whole_ns(ceil(high) - 1));
    uint64_t given = 0;
    for (size_t i = first; i < last; i++) {
        double part = ((double)xsg_hist_bucket_high(i) + 1 - low) / (high - low);
        uint64_t upto = (uint64_t)(fmin(fmax(part, 0), 1) * (double)n);
        into->count[i] += upto - given;
        given = upto;
    }
    into->count[last] += n - given;
    into->total += n;
}

static void add_hist(struct xsg_segment_naming *f, uint32_t function,
                     const struct xsg_seg_hist *hist, enum xsg_segment_what what)
{
    const double rate = f->reading->ns_per_tick, inner = xsg__segment_inner(f->segment, what);
    struct xsg_hist *into = xsg_fold_hist(f->reading->fold, function);
    uint64_t before = into->total;
    for (size_t i = 0; i < XSG_SEG_BUCKETS; i++) {
        if (hist->bucket[i] == 0)
            continue;
        double low = fmax((double)xsg_hist_bucket_low(i) - inner, 0) * rate;
        double high = fmax((double)xsg_hist_bucket_high(i) + 1 - inner, 0) * rate;
        spread(into, low, fmax(high, low + 1), hist->bucket[i]);
    }
    if (into->total == before || hist->min > hist->max)
        return;
    uint64_t min = whole_ns(fmax((double)hist->min - inner, 0) * rate);
    uint64_t max = whole_ns(fmax((double)hist->max - inner, 0) * rate);
    into->min = min < into->min ? min : into->min;
    into->max = max > into->max ? max : into->max;
}

/* ---- nodes ---- */

struct thread_folding {
    const struct xsg_segment_thread *thread;
    const struct xsg_segment_time *times;
    uint32_t *place; /* node -> the fold's node; NONE: left out */
    bool *cut;       /* below a cut stack's mark */
};

static void put_value(struct xsg_segment_naming *f, const struct xsg_segment_thread *thread,
                      const struct xsg_seg_node *node)
{
    struct xsg_seg_site site;
    struct xsg_seg_hist hist;
    if (!xsg__segment_site(f->segment, XSG_SEG_KEY_VALUE(node->key), &site))
        return;
    const char *name = xsg__segment_string(f->segment, site.name);
    int64_t value;
    memcpy(&value, &node->ticks, sizeof value);
    if (site.kind == XSG_SEG_SITE_COUNTER) {
        double min = (double)NAN, max = (double)NAN;
        if (xsg__segment_hist(thread, node, &hist) && hist.n > 0) {
            min = (double)(int64_t)hist.min;
            max = (double)(int64_t)hist.max;
        }
        xsg_fold_counter(f->reading->fold, name, (double)value, node->calls, min, max);
        return;
    }
    void **place = xsg_map_put(&f->reading->losses->attributes, name, strlen(name), NULL);
    if (!*place)
        *place = XSG_NEW(f->reading->arena, struct xsg_segment_attribute);
    struct xsg_segment_attribute *attribute = *place;
    attribute->n += node->calls;
    attribute->last = value;
    attribute->is_number = strchr(name, '=') == NULL;
}

static uint32_t put_timed(struct xsg_segment_naming *f, const struct xsg_segment_thread *thread,
                          const struct xsg_segment_time *time, const struct xsg_seg_node *node,
                          uint32_t parent)
{
    const double rate = f->reading->ns_per_tick;
    const struct xsg_segment_names *names = xsg__names_of(f, node->key);
    struct xsg_seg_hist hist;
    struct xsg_seg_site site;
    if (names->n == 0)
        return NONE;
    bool is_scope = time->what == XSG_SEGMENT_SCOPE;
    uint32_t function = names->functions[0];
    uint32_t at = xsg_fold_child(f->reading->fold, parent, function,
                                 is_scope ? XSG_PROFILE_SCOPE : XSG_PROFILE_FUNCTION);
    struct xsg_fold_node *to = xsg_fold_node(f->reading->fold, at);
    to->calls += (double)node->calls;
    to->ns += time->self * rate;
    to->variance += time->variance * rate * rate;
    if (xsg__segment_hist(thread, node, &hist))
        add_hist(f, function, &hist, time->what);
    if (is_scope && xsg__segment_site(f->segment, XSG_SEG_KEY_VALUE(node->key), &site) &&
        site.kind == XSG_SEG_SITE_BENCH)
        xsg_fold_bench(f->reading->fold, xsg__segment_string(f->segment, site.name), node->calls);
    if (time->open) {
        f->reading->losses->open += node->calls;
        f->reading->losses->open_nodes++;
    }
    return at;
}

static uint32_t put_frame(struct xsg_segment_naming *f, const struct xsg_seg_node *node,
                          uint32_t parent)
{
    struct xsg_fold *fold = f->reading->fold;
    const struct xsg_segment_names *names = xsg__names_of(f, node->key);
    uint32_t at = parent;
    for (size_t i = 0; i < names->n; i++) {
        at = xsg_fold_child(fold, at, names->functions[i], XSG_PROFILE_SAMPLE);
        xsg_fold_frame(fold, names->functions[i], i > 0);
    }
    if (node->calls == 0)
        return at;
    if (at == 0) { /* nothing but our own frames */
        const struct xsg_function own = {.name = "[profiler]"};
        at = xsg_fold_child(fold, 0, xsg_fold_function(fold, &own), XSG_PROFILE_SAMPLE);
        parent = 0;
    } else {
        parent = at;
    }
    struct xsg_fold_node *to = xsg_fold_node(fold, at);
    to->ns += (double)node->ticks;
    to->samples += node->calls;
    if (names->n > 1)
        xsg_fold_inlined(fold, names->functions[names->n - 1], names->functions[0],
                         (double)node->ticks, node->calls);
    if (names->nameless) {
        void **place = xsg_map_put(&f->reading->losses->nameless, names->nameless,
                                   strlen(names->nameless), NULL);
        if (!*place)
            *place = XSG_NEW(f->reading->arena, struct xsg_segment_weight);
        ((struct xsg_segment_weight *)*place)->ns += (double)node->ticks;
    }
    return parent;
}

static void put_node(struct xsg_segment_naming *f, const struct thread_folding *t, uint32_t i)
{
    const struct xsg_segment_time *time = &t->times[i];
    struct xsg_segment_losses *losses = f->reading->losses;
    struct xsg_seg_node node;
    xsg__segment_node(t->thread, i, &node);
    uint32_t parent = t->place[time->parent];
    t->place[i] = NONE;
    if (time->what == XSG_SEGMENT_BAD)
        losses->damaged++;
    if (time->what == XSG_SEGMENT_BAD || parent == NONE)
        return;
    t->cut[i] = t->cut[time->parent];
    switch (time->what) {
    case XSG_SEGMENT_SCOPE:
    case XSG_SEGMENT_FUNCTION:
        t->place[i] = put_timed(f, t->thread, time, &node, parent);
        break;
    case XSG_SEGMENT_FRAME:
        t->cut[i] = t->cut[i] || XSG_SEG_KEY_KIND(node.key) == XSG_SEG_KEY_TRUNCATED;
        t->place[i] = put_frame(f, &node, parent);
        losses->truncated += t->cut[i] ? node.calls : 0;
        break;
    default:
        t->place[i] = parent;
        put_value(f, t->thread, &node);
    }
}

static void count_losses(struct xsg_segment_losses *losses, const struct xsg_segment_thread *t)
{
    const struct xsg_seg_thread *h = &t->head;
    struct xsg_seg_node overflow = {0};
    if (t->n_nodes > XSG_SEG_NODE_OVERFLOW)
        xsg__segment_node(t, XSG_SEG_NODE_OVERFLOW, &overflow);
    if (h->nodes == h->node_capacity) /* else it was depth alone */
        losses->no_room += overflow.calls;
    losses->reentries += h->reentries;
    losses->unmatched += h->unmatched;
    losses->too_deep += h->too_deep;
    losses->negative += h->negative;
    losses->samples_lost += h->samples_lost;
    losses->samples += h->samples;
    losses->sample_ns += h->sample_ns;
}

static void fold_thread(struct xsg_segment_naming *f, const struct xsg_segment_thread *thread)
{
    count_losses(f->reading->losses, thread);
    if (f->segment->header.unwinder == XSG_SEG_UNWINDER_FRAMES)
        f->reading->losses->by_frames += thread->head.samples;
    xsg_fold_sums(f->reading->fold)->n_threads += thread->head.threads ? thread->head.threads : 1;
    if (thread->n_nodes == 0)
        return;
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct thread_folding t = {
        .thread = thread,
        .times = xsg__segment_times(f->segment, thread, &arena),
        .place = XSG_NEW_ARRAY(&arena, uint32_t, thread->n_nodes),
        .cut = XSG_NEW_ARRAY(&arena, bool, thread->n_nodes),
    };
    if (thread->n_nodes > XSG_SEG_NODE_OVERFLOW)
        t.place[XSG_SEG_NODE_OVERFLOW] = NONE;
    for (uint32_t i = 2; i < thread->n_nodes; i++)
        put_node(f, &t, i);
    xsg_arena_release(&arena);
}

/* A shell that waited for the target has a segment, too, and nothing in it to lose. */
static bool has_recorded(const struct xsg_segment *segment)
{
    for (size_t i = 0; i < segment->n_threads; i++) {
        if (segment->threads[i].n_nodes > XSG_SEG_NODE_OVERFLOW + 1)
            return true;
    }
    return segment->header.lost_threads > 0;
}

void xsg__segment_fold(const struct xsg_segment *segment, const struct xsg_segment_reading *reading)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    struct xsg_segment_naming f;
    const struct xsg_seg_header *h = &segment->header;
    struct xsg_segment_losses *losses = reading->losses;
    struct xsg_fold_sums *sums = xsg_fold_sums(reading->fold);
    xsg__names_init(&f, segment, reading, &scratch);
    for (size_t i = 0; i < segment->n_threads; i++)
        fold_thread(&f, &segment->threads[i]);
    sums->modes |= h->modes & (XSG_SEG_MODE_SCOPES | XSG_SEG_MODE_FUNCTIONS | XSG_SEG_MODE_SAMPLE);
    sums->n_killed += h->state == XSG_SEG_RUNNING && has_recorded(segment);
    if (h->phase_ns < PHASE_MOST)
        sums->phase_ns += h->phase_ns;
    losses->threads += h->lost_threads;
    losses->sites += h->lost_sites;
    losses->strings += h->lost_strings;
    losses->modules += h->lost_modules;
    losses->damaged += segment->damaged;
    losses->cut += segment->cut;
    losses->sample_notes |= h->sample_notes;
    if (h->rate_hz > losses->rate_hz)
        losses->rate_hz = h->rate_hz;
    xsg_arena_release(&scratch);
}
