/* What a profile does not hold, in sentences for the report. */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "profiler/source/segment.h"

void xsg__losses_init(struct xsg_segment_losses *losses, struct xsg_arena *arena)
{
    *losses = (struct xsg_segment_losses){0};
    xsg_map_init(&losses->nameless, arena);
    xsg_map_init(&losses->attributes, arena);
}

static const char *s(uint64_t n)
{
    return n == 1 ? "" : "s";
}

/* What did not fit: it counts as lost. */
static void note_lost(const struct xsg_segment_losses *l, struct xsg_fold *fold)
{
    if (l->threads)
        xsg_fold_note(fold, "%" PRIu64 " thread%s had no room for a call tree (XSGATE_LIMIT)",
                      l->threads, s(l->threads));
    if (l->no_room)
        xsg_fold_note(fold,
                      "%" PRIu64 " call%s or samples were on paths that had no room "
                      "(XSGATE_NODES, XSGATE_LIMIT); their time counts as their callers'",
                      l->no_room, s(l->no_room));
    if (l->sites)
        xsg_fold_note(fold, "%" PRIu64 " scope%s had no room in the table of scopes", l->sites,
                      s(l->sites));
    if (l->strings)
        xsg_fold_note(fold, "%" PRIu64 " name%s had no room and are missing", l->strings,
                      s(l->strings));
    if (l->modules)
        xsg_fold_note(fold, "%" PRIu64 " loaded file%s had no room in the table of modules",
                      l->modules, s(l->modules));
    if (l->damaged)
        xsg_fold_note(fold, "%" PRIu64 " record%s of the session cannot be right and are left out",
                      l->damaged, s(l->damaged));
    if (l->cut)
        xsg_fold_note(fold, "%" PRIu64 " segment%s of the session end before their records do",
                      l->cut, s(l->cut));
    xsg_fold_sums(fold)->lost_paths += l->no_room;
    xsg_fold_sums(fold)->lost +=
        l->threads + l->no_room + l->sites + l->strings + l->modules + l->damaged + l->cut;
}

/* What the way of measuring leaves out. */
static void note_limits(const struct xsg_segment_losses *l, struct xsg_fold *fold)
{
    if (l->unmatched)
        xsg_fold_note(fold,
                      "%" PRIu64 " call%s were left by longjmp or an exception: counted, not timed",
                      l->unmatched, s(l->unmatched));
    if (l->too_deep)
        xsg_fold_note(fold,
                      "%" PRIu64 " call%s were nested too deep (beyond 4096 levels) and count as "
                      "a part of their callers",
                      l->too_deep, s(l->too_deep));
    if (l->reentries)
        xsg_fold_note(fold,
                      "%" PRIu64 " call%s in signal handlers were not recorded: they came while "
                      "the tree was being changed",
                      l->reentries, s(l->reentries));
    if (l->open)
        xsg_fold_note(fold,
                      "%" PRIu64 " call%s had not returned when the process ended: the own time "
                      "of such a call is not known",
                      l->open, s(l->open));
    if (l->negative)
        xsg_fold_note(fold, "the clock ran backwards in %" PRIu64 " call%s: counted as no time",
                      l->negative, s(l->negative));
}

static void note_sampler(const struct xsg_segment_losses *l, struct xsg_fold *fold)
{
    if (l->by_frames)
        xsg_fold_note(fold,
                      "stacks were walked by frame pointers, as libunwind.so.8 was not found: "
                      "callers of functions without a frame are missing");
    if (l->sample_notes & XSG_SEG_NOTE_TARGET_SIGPROF)
        xsg_fold_note(fold, "the target uses SIGPROF itself: it was not sampled from then on");
    if (l->sample_notes & XSG_SEG_NOTE_NO_TIMER)
        xsg_fold_note(fold, "threads without samples: the system gave no timer for them "
                            "(ulimit -i)");
    if (l->sample_notes & XSG_SEG_NOTE_SMALL_STACK)
        xsg_fold_note(fold, "threads with a very small signal stack of their own were not sampled "
                            "meanwhile");
}

static void note_samples(const struct xsg_segment_losses *l, struct xsg_fold *fold)
{
    double taken = (double)l->samples, seconds = (double)l->sample_ns * 1e-9;
    if ((double)l->samples_lost > 0.01 * (taken + (double)l->samples_lost))
        xsg_fold_note(fold, "%" PRIu64 " of %.0f samples could not be recorded", l->samples_lost,
                      taken + (double)l->samples_lost);
    if ((double)l->truncated > 0.01 * taken)
        xsg_fold_note(fold,
                      "%.1f %% of the stacks are cut: deeper than the limit, or without unwind "
                      "information",
                      taken > 0 ? 100 * (double)l->truncated / taken : 100.0);
    if (taken >= 50 && seconds > 0 && taken / seconds < 0.8 * (double)l->rate_hz)
        xsg_fold_note(
            fold,
            "the system delivered %.0f samples per second of CPU time, asked were %" PRIu64
            "; each sample is weighed by the time it stands for",
            taken / seconds, l->rate_hz);
    for (size_t i = 0; i < l->nameless.n; i++) {
        const struct xsg_segment_weight *weight = l->nameless.entries[i].value;
        double share = l->sample_ns > 0 ? weight->ns / (double)l->sample_ns : 0;
        if (share >= 0.01 && share <= 1)
            xsg_fold_note(fold, "%s has no symbols for %.0f %% of the sampled time",
                          l->nameless.entries[i].key, 100 * share);
    }
}

static void note_attributes(const struct xsg_segment_losses *l, struct xsg_fold *fold)
{
    enum { SHOWN = 8 };
    struct xsg_buf text = XSG_BUF_INIT;
    for (size_t i = 0; i < l->attributes.n && i < SHOWN; i++) {
        const struct xsg_segment_attribute *a = l->attributes.entries[i].value;
        xsg_buf_printf(&text, "%s%s", i ? ", " : "", l->attributes.entries[i].key);
        if (a->is_number)
            xsg_buf_printf(&text, "=%" PRId64, a->last);
        xsg_buf_printf(&text, " (%" PRIu64 " x)", a->n);
    }
    if (l->attributes.n > SHOWN)
        xsg_buf_printf(&text, " and %zu more", l->attributes.n - SHOWN);
    if (l->attributes.n > 0)
        xsg_fold_note(fold, "attributes: %s", xsg_buf_str(&text));
    xsg_buf_release(&text);
}

void xsg__losses_note(const struct xsg_segment_losses *losses, struct xsg_fold *fold)
{
    note_lost(losses, fold);
    note_limits(losses, fold);
    note_samples(losses, fold);
    note_sampler(losses, fold);
    note_attributes(losses, fold);
}
