/*
 * Which file is mapped where. The loader's lock is held while dl_iterate_phdr calls back, and a
 * callback of the target may enter a scope, which takes our lock: so ours is never taken inside.
 * The callback only copies what it sees; the table is filled afterwards.
 */
#include <elf.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#include "profiler/runtime/runtime.h"

enum { BATCH = 64, PATH_SIZE = 512 };

struct seen_module {
    struct xsg_seg_module module;
    char path[PATH_SIZE];
};

static struct {
    uint32_t taken; /* by the thread that refreshes */
    uint32_t skip, n, at;
    unsigned long long adds; /* of the loader, when the table was last complete */
    bool current;
    struct seen_module batch[BATCH];
} refresh;

static void find_build_id(const struct dl_phdr_info *info, struct xsg_seg_module *module)
{
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
        const char *at, *end;

        if (ph->p_type != PT_NOTE || ph->p_vaddr == 0)
            continue;
        at =
            (const char *)info->dlpi_addr + ph->p_vaddr; // NOLINT: an address that the loader gives
        if ((uint64_t)(uintptr_t)at < module->start ||
            (uint64_t)(uintptr_t)at + ph->p_memsz > module->end)
            continue;
        end = at + ph->p_memsz;
        while (end - at >= (long)sizeof(ElfW(Nhdr))) {
            const ElfW(Nhdr) *note = (const void *)at;
            size_t name = (note->n_namesz + 3u) & ~(size_t)3u;
            size_t body = (note->n_descsz + 3u) & ~(size_t)3u;

            if (name + body > (size_t)(end - at) - sizeof *note)
                break;
            if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
                memcmp(note + 1, "GNU", 4) == 0) {
                module->build_id_n = note->n_descsz < sizeof module->build_id
                                         ? note->n_descsz
                                         : (uint32_t)sizeof module->build_id;
                memcpy(module->build_id, (const char *)(note + 1) + name, module->build_id_n);
                return;
            }
            at += sizeof *note + name + body;
        }
    }
}

static void copy_path(char path[PATH_SIZE], const char *name, bool first)
{
    size_t n = name ? strnlen(name, PATH_SIZE - 1) : 0, base = 0;

    if (n == 0) { /* the program itself, which the loader lists first */
        const char *exe = first ? xsg__process.header->exe : "";

        n = strnlen(exe, PATH_SIZE - 1);
        memcpy(path, exe, n);
    } else if (strncmp(name, "linux-vdso", 10) == 0) {
        n = 6;
        memcpy(path, "[vdso]", n);
    } else {
        if (name[0] != '/' && getcwd(path, PATH_SIZE - 1)) {
            base = strlen(path);
            path[base++] = '/';
        }
        if (n > PATH_SIZE - 1 - base)
            n = PATH_SIZE - 1 - base;
        memcpy(path + base, name, n);
        n += base;
    }
    path[n] = '\0';
}

static int see(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct seen_module *seen = &refresh.batch[refresh.n];
    struct xsg_seg_module *module = &seen->module;
    uint64_t low = UINT64_MAX, high = 0;

    (void)arg;
    if (size >= offsetof(struct dl_phdr_info, dlpi_subs) && refresh.at == 0) {
        if (refresh.current && refresh.adds == info->dlpi_adds)
            return 1;
        refresh.adds = info->dlpi_adds;
    }
    if (refresh.at++ < refresh.skip)
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

        if (ph->p_type == PT_LOAD && ph->p_vaddr < low)
            low = ph->p_vaddr;
        if (ph->p_type == PT_LOAD && ph->p_vaddr + ph->p_memsz > high)
            high = ph->p_vaddr + ph->p_memsz;
    }
    if (low >= high)
        return 0;
    memset(module, 0, sizeof *module);
    module->bias = info->dlpi_addr;
    module->start = info->dlpi_addr + low;
    module->end = info->dlpi_addr + high;
    find_build_id(info, module);
    copy_path(seen->path, info->dlpi_name, refresh.at == 1);
    return ++refresh.n == BATCH;
}

void xsg__modules_refresh(void)
{
    bool full;

    /* Another thread is at it, or this one was interrupted at it. */
    if (__atomic_exchange_n(&refresh.taken, 1, __ATOMIC_ACQUIRE))
        return;
    refresh.skip = 0;
    do {
        refresh.n = refresh.at = 0;
        dl_iterate_phdr(see, NULL);
        full = refresh.n == BATCH;
        refresh.skip = refresh.at;
        xsg__lock();
        for (uint32_t i = 0; i < refresh.n; i++)
            xsg__module_add(&refresh.batch[i].module, refresh.batch[i].path);
        xsg__unlock();
        refresh.current = false; /* so that the next batch is not cut short */
    } while (full);
    refresh.current = true;
    __atomic_store_n(&refresh.taken, 0, __ATOMIC_RELEASE);
}

void xsg__modules_forked(void)
{
    refresh.taken = 0; /* by a thread that does not exist here */
    refresh.current = false;
}
