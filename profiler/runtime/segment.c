/*
 * The process's segment file: header, directory, extents. A descriptor is open only while an extent
 * is added: the target may close all descriptors at any time, and a leaked one could be its own
 * next.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "profiler/runtime/runtime.h"

enum { XSG__BASE_SIZE = XSG_SEG_HEADER_SIZE + XSG_SEG_MAX_EXTENTS * sizeof(struct xsg_seg_extent) };

_Static_assert(sizeof(struct xsg_seg_header) <= XSG_SEG_HEADER_SIZE, "header page");
_Static_assert(sizeof(struct xsg_seg_node) == 64 && sizeof(struct xsg__node) == 64, "node");
_Static_assert(offsetof(struct xsg_seg_node, stack) == offsetof(struct xsg__node, stack) &&
                   offsetof(struct xsg_seg_node, next) == offsetof(struct xsg__node, next) &&
                   offsetof(struct xsg_seg_node, hist) == offsetof(struct xsg__node, hist),
               "the public header's node is the file's");
_Static_assert(sizeof(struct xsg_seg_hist) == 1024, "histogram");

uint64_t xsg__mono_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

struct xsg_seg_clock_pair xsg__clock_pair(void)
{
    struct xsg_seg_clock_pair best = {0, 0};
    uint64_t width = UINT64_MAX;

    for (int i = 0; i < 8; i++) {
        uint64_t before = xsg__now(), ns = xsg__mono_ns(), after = xsg__now();

        if (after - before < width) {
            width = after - before;
            best.ticks = before + width / 2;
            best.mono_ns = ns;
        }
    }
    return best;
}

void xsg__lost(uint64_t *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* Blocks on the disk for [from, from + size), so that no store through the mapping can fail later.
 * A limit on the file's size would raise SIGXFSZ in the target: asked before, not found out. */
static bool reserve(int fd, uint64_t from, uint64_t size)
{
    static const char zeros[4096];
    struct rlimit limit;

    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
        from + size > limit.rlim_cur)
        return false;
    for (;;) {
        if (fallocate(fd, 0, (off_t)from, (off_t)size) == 0)
            return true;
        if (errno == EINTR)
            continue;
        if (errno != EOPNOTSUPP && errno != ENOSYS)
            return false;
        break;
    }
    while (size > 0) { /* file systems without fallocate */
        ssize_t n = pwrite(fd, zeros, size < sizeof zeros ? size : sizeof zeros, (off_t)from);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        from += (uint64_t)n;
        size -= (uint64_t)n;
    }
    return true;
}

static void *map_part(const char *path, int flags, uint64_t from, uint64_t size)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    void *map = MAP_FAILED;

    if (fd < 0)
        return NULL;
    if (reserve(fd, from, size))
        map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)from);
    close(fd);
    return map == MAP_FAILED ? NULL : map;
}

/* Without printf, as a forked child may come here from anywhere. */
static char *put_text(char *at, const char *text)
{
    size_t n = strlen(text);

    memcpy(at, text, n);
    return at + n;
}

static char *put_number(char *at, uint64_t value, unsigned base)
{
    char digits[24];
    int n = 0;

    do
        digits[n++] = "0123456789abcdef"[value % base];
    while ((value /= base) > 0);
    while (n > 0)
        *at++ = digits[--n];
    return at;
}

static void name_file(char *path, uint64_t salt)
{
    uint64_t nonce = (xsg__mono_ns() ^ xsg__ticks() << 20 ^ salt) * 0x9e3779b97f4a7c15u;
    char *at = put_text(path, xsg__process.config.session);

    at = put_text(at, "/");
    at = put_number(at, (uint64_t)getpid(), 10);
    at = put_text(at, "-");
    at = put_number(at, nonce >> 16, 16);
    at = put_text(at, XSG_SEG_SUFFIX);
    *at = '\0';
}

static void fill_header(struct xsg_seg_header *header)
{
    const struct xsg__config *config = &xsg__process.config;
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    header->version = XSG_SEG_VERSION;
    header->header_size = XSG_SEG_HEADER_SIZE;
    header->node_size = sizeof(struct xsg_seg_node);
    header->hist_size = sizeof(struct xsg_seg_hist);
    header->site_size = sizeof(struct xsg_seg_site);
    header->module_size = sizeof(struct xsg_seg_module);
    header->pid = (uint32_t)getpid();
    header->ppid = (uint32_t)getppid();
    header->clock = xsg__process.clock;
    header->modes = config->modes;
    header->state = XSG_SEG_RUNNING;
    header->rate_hz = config->modes & XSG_SEG_MODE_SAMPLE ? config->rate_hz : 0;
    header->start_realtime_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    header->start = header->last = xsg__clock_pair();
    header->directory_offset = XSG_SEG_HEADER_SIZE;
    header->n_extents = XSG_SEG_MAX_EXTENTS;
}

static void read_file(const char *path, char *into, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t n = 0;

    while (fd >= 0 && n < size) {
        ssize_t got = read(fd, into + n, size - n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    if (fd >= 0)
        close(fd);
}

static void describe_process(struct xsg_seg_header *header)
{
    ssize_t n = readlink("/proc/self/exe", header->exe, sizeof header->exe - 1);

    header->exe[n > 0 ? n : 0] = '\0';
    read_file("/proc/self/cmdline", header->command, sizeof header->command - 2);
}

bool xsg__segment_create(struct xsg_seg_header *from)
{
    struct xsg__process *process = &xsg__process;
    struct xsg_seg_header *header = NULL;

    for (uint64_t try = 0; try < 4 && !header; try++) {
        name_file(process->path, try);
        header = map_part(process->path, O_CREAT | O_EXCL, 0, XSG__BASE_SIZE);
        if (!header && errno != EEXIST) {
            unlink(process->path); /* half made: no room on the disk or in the address space */
            return false;
        }
    }
    if (!header)
        return false;
    fill_header(header);
    if (from) { /* a forked child inherits what was measured and the place of its parent's mapping
                 */
        memcpy(&header->cost_timed, &from->cost_timed, 6 * sizeof(uint64_t));
        memcpy(header->exe, from->exe, sizeof header->exe);
        memcpy(header->command, from->command, sizeof header->command);
    } else {
        describe_process(header);
    }
    if (from && mremap(header, XSG__BASE_SIZE, XSG__BASE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
                       from) != MAP_FAILED)
        header = from;
    process->header = header;
    process->directory = (struct xsg_seg_extent *)(void *)((char *)header + XSG_SEG_HEADER_SIZE);
    process->file_size = XSG__BASE_SIZE;
    process->extents = 0;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    memcpy(header->magic, XSG_SEG_MAGIC, sizeof header->magic);
    return true;
}

bool xsg__segment_privatize(void)
{
    struct xsg_seg_header *header = xsg__process.header;
    void *copy =
        mmap(NULL, XSG__BASE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (copy == MAP_FAILED)
        return false;
    memcpy(copy, header, sizeof *header);
    return mremap(copy, XSG__BASE_SIZE, XSG__BASE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, header) !=
           MAP_FAILED;
}

void *xsg__extent_add(size_t size, uint32_t *extent)
{
    struct xsg__process *process = &xsg__process;
    uint64_t from = process->file_size;
    struct xsg_seg_extent *entry = &process->directory[process->extents];
    void *map;

    size = (size + 4095) & ~(size_t)4095;
    if (process->extents == XSG_SEG_MAX_EXTENTS || from + size > process->config.limit)
        return NULL;
    map = map_part(process->path, 0, from, size);
    if (!map)
        return NULL;
    process->file_size = from + size;
    entry->offset = from;
    entry->size = size;
    *extent = process->extents++;
    return map;
}

void xsg__extent_publish(uint32_t extent, uint32_t kind)
{
    __atomic_store_n(&xsg__process.directory[extent].kind, kind, __ATOMIC_RELEASE);
}

void xsg__renew_last(void)
{
    for (int try = 0; try < 1000; try++) { /* not lock: exec may be called in a signal handler */
        if (xsg__trylock()) {
            xsg__process.header->last = xsg__clock_pair();
            xsg__unlock();
            return;
        }
        sched_yield();
    }
}
