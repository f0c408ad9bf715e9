/*
 * Walking the stack inside of a signal handler, by libunwind.
 *
 * Not linked: libunwind.so exports backtrace and _Unwind_*, which would replace libc's and C++'s
 * own in the target. It is opened privately (RTLD_LOCAL), only when samples are taken.
 *
 * libunwind asks dl_iterate_phdr for the module of each new address, and that takes the loader's
 * lock: a handler that interrupts dlopen would wait for its own thread. So this library stands
 * before libc with its own dl_iterate_phdr. In the handler it answers without any lock from
 * _dl_find_object (glibc 2.35) or from a copy of the list; outside it forwards. libunwind's own
 * locks are taken with all signals blocked, and fork waits until no handler is in them.
 *
 * libunwind's thread-local data is made on first use by malloc: each thread uses it once at its
 * start.
 */
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define UNW_LOCAL_ONLY
#include <libunwind.h>

#include "profiler/runtime/sample.h"

#define EXPORT __attribute__((visibility("default")))
#define TEXT_OF(x) #x
#define SYMBOL(x) TEXT_OF(x) /* libunwind.h maps unw_step to the architecture's name */

typedef int iterate_function(int (*)(struct dl_phdr_info *, size_t, void *), void *);

/* Of <dlfcn.h> since glibc 2.35; declared here so that an older one compiles as well. */
struct found_object {
    unsigned long long flags;
    void *map_start, *map_end;
    struct link_map *link_map;
    void *eh_frame;
    unsigned long long reserved[12];
};

static struct {
    int (*backtrace)(void **, int);
    int (*init)(unw_cursor_t *, unw_context_t *, int);
    int (*step)(unw_cursor_t *);
    int (*get_reg)(unw_cursor_t *, unw_regnum_t, unw_word_t *);
    iterate_function *iterate; /* libc's */
    int (*find_object)(void *, struct found_object *);
    uintptr_t start, end; /* where libunwind is */
    bool usable;          /* it may be called */
    bool frames;          /* it is not there: by frame pointers */
    bool no_remedy;       /* tests only: shows that libunwind alone hangs */
    bool slow;            /* tests only: step by step */
} unwind;

__thread volatile uint32_t xsg__in_handler;
static __thread uint32_t opening_pipe;

/* ---- the list of modules, without locks ---------------------------------------------------------
 */

enum { MAX_COPIES = 512 };

struct copies {
    uint32_t n;
    struct dl_phdr_info list[MAX_COPIES];
};

/* Only where _dl_find_object is missing. Libraries stay mapped (dlclose does nothing), hence the
 * program headers behind the pointers stay; old lists are left to late readers. */
static struct copies *copies;

static int copy_module(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct copies *to = arg;

    if (to->n == MAX_COPIES)
        return 1;
    memcpy(&to->list[to->n], info, size < sizeof *info ? size : sizeof *info);
    to->list[to->n].dlpi_name = "";
    to->n++;
    return 0;
}

static void refresh_copies(void)
{
    struct copies *fresh;

    if (unwind.find_object || !unwind.iterate)
        return;
    fresh = mmap(NULL, sizeof *fresh, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fresh == MAP_FAILED)
        return;
    unwind.iterate(copy_module, fresh);
    __atomic_store_n(&copies, fresh, __ATOMIC_RELEASE);
}

static int iterate_copies(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data)
{
    struct copies *list = __atomic_load_n(&copies, __ATOMIC_ACQUIRE);
    int rc = 0;

    for (uint32_t i = 0; list && i < list->n && rc == 0; i++) {
        struct dl_phdr_info info = list->list[i];
        rc = callback(&info, sizeof info, data);
    }
    return rc;
}

/* The program headers of an object, which its first mapping has; false: they are not there. */
static bool find_headers(const struct found_object *object, struct dl_phdr_info *info)
{
    const char *start = object->map_start;
    size_t size = (size_t)((const char *)object->map_end - start);
    const ElfW(Ehdr) *ehdr = object->map_start;

    if (size < sizeof *ehdr || memcmp(ehdr->e_ident, ELFMAG, SELFMAG) != 0 ||
        ehdr->e_phentsize != sizeof(ElfW(Phdr)) || ehdr->e_phoff % _Alignof(ElfW(Phdr)) != 0 ||
        ehdr->e_phoff > size || ehdr->e_phnum > (size - ehdr->e_phoff) / sizeof(ElfW(Phdr)))
        return false;
    memset(info, 0, sizeof *info);
    info->dlpi_addr = object->link_map->l_addr;
    info->dlpi_name = "";
    info->dlpi_phdr = (const void *)(start + ehdr->e_phoff);
    info->dlpi_phnum = ehdr->e_phnum;
    return true;
}

/*
 * libunwind's callback data starts with the address that it looks for, and the callback checks
 * every module against it. So the one module that has the address is enough.
 */
static int iterate_in_handler(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data)
{
    struct found_object object;
    struct dl_phdr_info info;
    void *address;

    if (!unwind.find_object)
        return iterate_copies(callback, data);
    memcpy(&address, data, sizeof address);
    if (unwind.find_object(address, &object) != 0 || !find_headers(&object, &info))
        return 0;
    return callback(&info, sizeof info, data);
}

static iterate_function *real_iterate(void)
{
    if (!unwind.iterate)
        *(void **)(void *)&unwind.iterate = dlsym(RTLD_NEXT, "dl_iterate_phdr");
    return unwind.iterate;
}

EXPORT int dl_iterate_phdr(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data)
{
    if (XSG__UNLIKELY(xsg__in_handler && data && !unwind.no_remedy))
        return iterate_in_handler(callback, data);
    return real_iterate() ? real_iterate()(callback, data) : 0;
}

/* ---- the pipe -----------------------------------------------------------------------------------
 */

/*
 * libunwind keeps a pipe open to probe memory with. Its descriptors go to the upper end, where they
 * shift no number of the target's, and where a target that closes what it finds does not soon get
 * the same numbers again. (libunwind opens the pipe anew when it was closed.)
 */
static int to_upper_end(int fd)
{
    struct rlimit limit;
    int floor = 1000, high;

    if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit) == 0 && limit.rlim_cur < 1024)
        floor = (int)limit.rlim_cur - 16;
    high = floor > fd ? (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, floor) : -1;
    if (high < 0)
        return fd;
    syscall(SYS_close, fd);
    return high;
}

EXPORT int pipe2(int fds[2], int flags)
{
    int rc = (int)syscall(SYS_pipe2, fds, flags);

    if (rc == 0 && XSG__UNLIKELY(opening_pipe || xsg__in_handler)) {
        fds[0] = to_upper_end(fds[0]);
        fds[1] = to_upper_end(fds[1]);
    }
    return rc;
}

/* ---- finding the unwinder -----------------------------------------------------------------------
 */

static bool find(void *library, const char *name, void *function)
{
    return (*(void **)function = dlsym(library, name)) != NULL;
}

static bool open_library(void)
{
    void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);

    return library && find(library, SYMBOL(unw_backtrace), &unwind.backtrace) &&
           find(library, SYMBOL(unw_init_local2), &unwind.init) &&
           find(library, SYMBOL(unw_step), &unwind.step) &&
           find(library, SYMBOL(unw_get_reg), &unwind.get_reg);
}

static int find_range(struct dl_phdr_info *info, size_t size, void *arg)
{
    uintptr_t address = (uintptr_t)unwind.step, start = info->dlpi_addr, end = start;

    (void)size;
    (void)arg;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD &&
            start + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz > end)
            end = start + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
    if (address < start || address >= end)
        return 0;
    unwind.start = start;
    unwind.end = end;
    return 1;
}

bool xsg__unwinder_has(const void *address)
{
    return (uintptr_t)address - unwind.start < unwind.end - unwind.start;
}

void xsg__unwind_start(void)
{
    const char *test = getenv("XSGATE_TEST_UNWIND"); /* for the sampler's own tests */

    real_iterate();
    *(void **)(void *)&unwind.find_object = dlsym(RTLD_DEFAULT, "_dl_find_object");
    if (test && strcmp(test, "copies") == 0)
        unwind.find_object = NULL;
    unwind.slow = test && strcmp(test, "slow") == 0;
    unwind.no_remedy = test && strcmp(test, "plain") == 0;
    unwind.usable = !(test && strcmp(test, "missing") == 0) && open_library();
    unwind.frames = !unwind.usable;
    if (unwind.usable)
        real_iterate()(find_range, NULL);
    xsg__process.header->unwinder =
        unwind.usable ? XSG_SEG_UNWINDER_LIBUNWIND : XSG_SEG_UNWINDER_FRAMES;
    refresh_copies();
}

void xsg__unwind_thread(void)
{
    void *frames[4];

    if (!unwind.usable)
        return;
    refresh_copies();
    opening_pipe = 1;
    unwind.backtrace(frames, 4);
    opening_pipe = 0;
}

void xsg__unwind_forget(void)
{
    unwind.usable = false;
}

/* ---- walking ------------------------------------------------------------------------------------
 */

static uintptr_t pc_of(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (uintptr_t)context->uc_mcontext.pc;
#endif
}

static uintptr_t sp_of(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
    return (uintptr_t)context->uc_mcontext.sp;
#endif
}

static uintptr_t fp_of(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (uintptr_t)context->uc_mcontext.gregs[REG_RBP];
#elif defined(__aarch64__)
    return (uintptr_t)context->uc_mcontext.regs[29];
#endif
}

/* Quick, from its own frame outwards: the handler's frames come first and are dropped. */
static size_t walk_quickly(struct xsg__sampler *sampler, uintptr_t pc, void ***frames)
{
    int n = unwind.backtrace(sampler->frames, XSG__MAX_FRAMES + XSG__HANDLER_FRAMES);

    for (int i = 0; i < n && i < XSG__HANDLER_FRAMES; i++) {
        if ((uintptr_t)sampler->frames[i] != pc)
            continue;
        *frames = &sampler->frames[i];
        return (size_t)(n - i);
    }
    return 0;
}

/* Step by step from the interrupted context: for what the quick way does not get through. */
static size_t walk_slowly(struct xsg__sampler *sampler, ucontext_t *context, void ***frames)
{
    unw_cursor_t cursor;
    unw_word_t address;
    size_t n = 0;

    *frames = sampler->frames;
    /* on aarch64 a type of libunwind's own, laid out as the kernel's */
    if (unwind.init(&cursor, (unw_context_t *)(void *)context, UNW_INIT_SIGNAL_FRAME) < 0)
        return 0;
    do {
        if (unwind.get_reg(&cursor, UNW_REG_IP, &address) < 0 || !address)
            break;
        sampler->frames[n++] = (void *)(uintptr_t)address; // NOLINT: an address, not to be followed
    } while (n <= XSG__MAX_FRAMES && unwind.step(&cursor) > 0);
    return n;
}

/* Along the chain of frame pointers, as far as it climbs within the thread's stack. */
static size_t walk_frames(struct xsg__sampler *sampler, const ucontext_t *context, void ***frames)
{
    uintptr_t low = sp_of(context), at = fp_of(context), top = sampler->stack_top;
    size_t n = 0;

    *frames = sampler->frames;
    sampler->frames[n++] = (void *)pc_of(context); // NOLINT: an address, not to be followed
    while (n <= XSG__MAX_FRAMES && at >= low && at % sizeof at == 0 && top > at &&
           top - at >= 2 * sizeof at) {
        const uintptr_t *frame = (const uintptr_t *)at; // NOLINT: within the stack

        if (!frame[1])
            break;
        sampler->frames[n++] = (void *)frame[1]; // NOLINT: an address, not to be followed
        low = at + 2 * sizeof at;
        at = frame[0];
    }
    return n;
}

/* Is there stack left? On an alternate stack that the target has made small, there may not be. */
static bool has_room(const ucontext_t *context)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0),
              low = (uintptr_t)context->uc_stack.ss_sp;

    if (context->uc_stack.ss_flags & SS_DISABLE || here < low ||
        here - low >= context->uc_stack.ss_size)
        return true;
    return here - low >= XSG__UNWIND_ROOM;
}

size_t xsg__unwind(struct xsg__sampler *sampler, ucontext_t *context, void ***frames, bool *cut)
{
    uintptr_t pc = pc_of(context);
    size_t n = 0;

    if (unwind.frames) {
        n = walk_frames(sampler, context, frames);
    } else if (unwind.usable && has_room(context)) {
        n = unwind.slow ? 0 : walk_quickly(sampler, pc, frames);
        if (!n)
            n = walk_slowly(sampler, context, frames);
    }
    while (n > 1 && !(*frames)[n - 1])
        n--;
    *cut = n > XSG__MAX_FRAMES;
    if (*cut)
        n = XSG__MAX_FRAMES;
    if (n)
        return n;
    *frames = sampler->frames;
    sampler->frames[0] = (void *)pc; // NOLINT: an address, not to be followed
    return 0;
}
