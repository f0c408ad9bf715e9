/* The segments of a session's folder -> one profile. */
#include "profiler/source/session.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "profiler/source/segment.h"

/* Beyond any that a runtime writes (XSGATE_LIMIT is 64 MiB by default). */
#define MAX_SEGMENT ((size_t)4 << 30)

enum { MAX_LEFT_OUT_NOTES = 8 };

struct session {
    struct xsg_arena *arena;
    const char *folder;
    char **names; /* of the segments */
    size_t n;
    struct xsg_segment_clocks clocks;
    double ticks_rate; /* ns per tick of the counter */
    size_t damaged;
    struct xsg_err first_error;
    struct xsg_fold *fold;
    struct xsg_segment_losses losses;
    struct xsg_map pids;
    struct xsg_map modules; /* see struct xsg_segment_reading */
};

static bool is_segment(const char *name)
{
    size_t n = strlen(name), suffix = strlen(XSG_SEG_SUFFIX);
    return n > suffix && strcmp(name + n - suffix, XSG_SEG_SUFFIX) == 0;
}

static int list_segments(struct session *s, struct xsg_err *err)
{
    char **names;
    size_t n;
    int rc = xsg_list_dir(s->arena, s->folder, &names, &n, err);
    if (rc)
        return rc;
    s->names = XSG_NEW_ARRAY(s->arena, char *, n);
    for (size_t i = 0; i < n; i++)
        if (is_segment(names[i]))
            s->names[s->n++] = names[i];
    return 0;
}

/* false: it is no segment; the second pass says why. */
static bool read_header(const char *path, struct xsg_seg_header *header)
{
    char bytes[XSG_SEG_HEADER_SIZE];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0)
        return false;
    ssize_t n = pread(fd, bytes, sizeof bytes, 0);
    close(fd);
    return n > 0 && xsg__segment_header(header, bytes, (size_t)n, NULL) == 0;
}

/* Two passes over the headers: the rate, then who disagrees with it. */
static void read_clocks(struct session *s)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    struct xsg_seg_header *headers = XSG_NEW_ARRAY(&scratch, struct xsg_seg_header, s->n);
    size_t n = 0, off = 0;
    double worst = 0;
    for (size_t i = 0; i < s->n; i++)
        if (read_header(xsg_path_join(&scratch, s->folder, s->names[i]), &headers[n]))
            xsg__clocks_add(&s->clocks, &headers[n++]);
    s->ticks_rate = xsg__clocks_rate(&s->clocks);
    for (size_t i = 0; i < n && s->ticks_rate > 0; i++) {
        double own = headers[i].clock == XSG_SEG_CLOCK_TSC ? xsg__clocks_own_rate(&headers[i]) : 0;
        double base_ns = (double)(headers[i].last.mono_ns - headers[i].start.mono_ns);
        double apart = own > 0 ? fabs(own / s->ticks_rate - 1) : 0;
        if (apart > 10e-6 + 200 / base_ns) {
            off++;
            worst = fmax(worst, apart);
        }
    }
    if (off)
        xsg_fold_note(s->fold,
                      "the clocks of %zu of %zu processes differ from the session's by up to "
                      "%.0f ppm: their times are off by as much",
                      off, n, worst * 1e6);
    xsg_arena_release(&scratch);
}

/* No process lived to write a second reading of the clock. */
static void complete_clocks(struct session *s)
{
    if (s->ticks_rate > 0 || s->clocks.n == 0)
        return;
    s->ticks_rate = xsg__clocks_host_rate(&s->clocks);
    if (s->ticks_rate > 0)
        xsg_fold_note(s->fold, "the clock's rate was measured on this machine afterwards: no "
                               "process of the session left two readings of its clock");
}

static double rate_of(const struct xsg_seg_header *header, double ticks_rate, struct xsg_fold *fold)
{
    if (header->clock == XSG_SEG_CLOCK_NS)
        return 1;
    if (ticks_rate > 0)
        return ticks_rate;
    xsg_fold_note(fold, "the clock's rate is not known: times are in ticks, not in ns");
    return 1;
}

/* A process that executes another program, a shell at its last command, has a segment for each: the
 * first thread of each is one and the same. */
static void count_process(struct session *s, const struct xsg_segment *segment)
{
    uint32_t pid = segment->header.pid;
    bool is_new;
    xsg_map_put(&s->pids, &pid, sizeof pid, &is_new);
    xsg_fold_sums(s->fold)->n_processes += is_new;
    xsg_fold_sums(s->fold)->n_threads -= !is_new && segment->n_threads > 0;
}

static int read_bytes(struct xsg_arena *arena, const char *path, char **data, size_t *n,
                      struct xsg_err *err)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return xsg_fail(err, XSG_EFAILED, "%s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return xsg_fail(err, XSG_ECORRUPT, "it is not a file");
    return xsg_read_file(arena, path, MAX_SEGMENT, data, n, err);
}

static int read_segment(struct session *s, const char *name, struct xsg_segment_reading *reading,
                        struct xsg_err *err)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    struct xsg_segment segment;
    char *data;
    size_t n;
    int rc = read_bytes(&scratch, xsg_path_join(&scratch, s->folder, name), &data, &n, err);
    if (rc)
        goto out;
    rc = xsg__segment_open(&segment, &scratch, data, n, err);
    if (rc)
        goto out;
    reading->ns_per_tick = rate_of(&segment.header, s->ticks_rate, s->fold);
    xsg__segment_fold(&segment, reading);
    count_process(s, &segment);
out:
    xsg_arena_release(&scratch);
    return rc;
}

static void read_segments(struct session *s, struct xsg_segment_reading *reading)
{
    for (size_t i = 0; i < s->n; i++) {
        struct xsg_err err = {0};
        if (read_segment(s, s->names[i], reading, &err) == 0)
            continue;
        if (s->damaged++ == 0) {
            s->first_error = err;
            xsg_err_prefix(&s->first_error, "%s", s->names[i]);
        }
        if (s->damaged <= MAX_LEFT_OUT_NOTES)
            xsg_fold_note(s->fold, "the segment %s is left out: %s", s->names[i], err.text);
    }
    if (s->damaged > MAX_LEFT_OUT_NOTES)
        xsg_fold_note(s->fold, "%zu segments are left out in all", s->damaged);
    xsg_fold_sums(s->fold)->lost += s->damaged;
}

static void note_killed(struct session *s)
{
    const struct xsg_fold_sums *sums = xsg_fold_sums(s->fold);
    if (sums->n_killed)
        xsg_fold_note(s->fold,
                      "%zu of %zu process%s ended without passing exit: killed, crashed, or left "
                      "by _exit",
                      sums->n_killed, sums->n_processes, sums->n_processes == 1 ? "" : "es");
}

static void note_symbols(struct session *s, const struct xsg_symboliser *symboliser)
{
    const char *const *warnings;
    size_t n = xsg_symboliser_warnings(symboliser, &warnings);
    for (size_t i = 0; i < n; i++)
        xsg_fold_note(s->fold, "%s", warnings[i]);
}

static uint64_t binary_of(const struct session *s, struct xsg_code_cache *code, const char *root)
{
    const char **paths = XSG_NEW_ARRAY(s->arena, const char *, s->modules.n);
    for (size_t i = 0; i < s->modules.n; i++)
        paths[i] = s->modules.entries[i].key;
    return xsg_code_binary(xsg_code_program(code, root, paths, s->modules.n));
}

static const char *real_root(struct xsg_arena *arena, const char *root)
{
    char *real = root ? realpath(root, NULL) : NULL;
    const char *copy = xsg_strdup(arena, real);
    free(real);
    return copy;
}

int xsg_session_read(struct xsg_arena *arena, const char *folder,
                     const struct xsg_session_options *options, struct xsg_profile *profile,
                     struct xsg_err *err)
{
    struct session s = {.arena = arena, .folder = folder};
    struct xsg_symboliser *symboliser = NULL;
    const char *root = options ? options->root : NULL;
    xsg_map_init(&s.pids, arena);
    xsg_map_init(&s.modules, arena);
    xsg__losses_init(&s.losses, arena);
    int rc = xsg_fold_open(&s.fold, arena, err);
    if (rc == 0)
        rc = list_segments(&s, err);
    if (rc == 0)
        rc = xsg_symboliser_open(&symboliser, arena, root, err);
    if (rc)
        goto out;
    read_clocks(&s);
    complete_clocks(&s);
    struct xsg_segment_reading reading = {.arena = arena,
                                          .symboliser = symboliser,
                                          .root = real_root(arena, root),
                                          .code = options ? options->code : NULL,
                                          .modules = &s.modules,
                                          .keep_addresses = options && options->keep_addresses,
                                          .fold = s.fold,
                                          .losses = &s.losses};
    read_segments(&s, &reading);
    if (s.n > 0 && s.damaged == s.n) {
        if (err)
            *err = s.first_error;
        rc = XSG_ECORRUPT;
        goto out;
    }
    if (reading.code)
        xsg_fold_sums(s.fold)->binary = binary_of(&s, reading.code, reading.root);
    note_killed(&s);
    xsg__losses_note(&s.losses, s.fold);
    note_symbols(&s, symboliser);
    rc = xsg_fold_finish(s.fold, profile, err);
out:
    if (symboliser)
        xsg_symboliser_close(symboliser);
    return rc;
}

int xsg_segment_read(struct xsg_arena *arena, const void *data, size_t n,
                     struct xsg_symboliser *symboliser, struct xsg_fold *fold, struct xsg_err *err)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    struct xsg_segment segment;
    struct xsg_segment_clocks clocks = {0};
    struct xsg_segment_losses losses;
    int rc = xsg__segment_open(&segment, &scratch, data, n, err);
    if (rc)
        goto out;
    xsg__clocks_add(&clocks, &segment.header);
    xsg__losses_init(&losses, &scratch);
    struct xsg_segment_reading reading = {
        .arena = arena,
        .symboliser = symboliser,
        .ns_per_tick = rate_of(&segment.header, xsg__clocks_rate(&clocks), fold),
        .fold = fold,
        .losses = &losses,
    };
    xsg__segment_fold(&segment, &reading);
    xsg_fold_sums(fold)->n_processes++;
    xsg__losses_note(&losses, fold);
out:
    xsg_arena_release(&scratch);
    return rc;
}
