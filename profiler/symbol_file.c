/* Opening the file of a module, and the separate file with its debug information. */
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "profiler/symbol_parts.h"

#define DEBUG_FOLDER "/usr/lib/debug"

int xsg__symbol_file_open(struct xsg_symbol_file *file, const char *path, struct xsg_err *err)
{
    *file = (struct xsg_symbol_file){.fd = -1};
    elf_version(EV_CURRENT);
    /* Not blocking: the path may have become a FIFO. */
    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->fd < 0)
        return xsg_fail(err, XSG_ENOTFOUND, "%s cannot be opened: %s", path, strerror(errno));
    struct stat st;
    if (fstat(file->fd, &st) == 0 && S_ISREG(st.st_mode))
        file->elf = elf_begin(file->fd, ELF_C_READ, NULL);
    if (file->elf && elf_kind(file->elf) == ELF_K_ELF && gelf_getclass(file->elf) == ELFCLASS64)
        return 0;
    xsg__symbol_file_close(file);
    return xsg_fail(err, XSG_ECORRUPT, "%s is not an ELF file", path);
}

void xsg__symbol_file_close(struct xsg_symbol_file *file)
{
    if (file->elf)
        elf_end(file->elf);
    if (file->fd >= 0)
        close(file->fd);
    *file = (struct xsg_symbol_file){.fd = -1};
}

bool xsg__symbol_file_has_id(const struct xsg_symbol_file *file, const uint8_t *id, size_t n)
{
    const void *own = NULL;
    ssize_t own_n = dwelf_elf_gnu_build_id(file->elf, &own);
    return own_n > 0 && (size_t)own_n == n && memcmp(own, id, n) == 0;
}

bool xsg__symbol_file_has(const struct xsg_symbol_file *file, const char *section)
{
    size_t names;
    if (elf_getshdrstrndx(file->elf, &names))
        return false;
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(file->elf, scn));) {
        GElf_Shdr shdr;
        const char *name =
            gelf_getshdr(scn, &shdr) ? elf_strptr(file->elf, names, shdr.sh_name) : NULL;
        if (name && !strcmp(name, section) && shdr.sh_type != SHT_NOBITS)
            return true;
    }
    return false;
}

/* CRC-32 of the whole file as .gnu_debuglink has it (the one of zlib). */
static bool has_crc(int fd, uint32_t wanted)
{
    uint32_t table[256], crc = 0xffffffff;
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = (table[i] >> 1) ^ (table[i] & 1 ? 0xedb88320u : 0);
    }
    unsigned char buffer[16384];
    ssize_t n;
    for (off_t at = 0; (n = pread(fd, buffer, sizeof buffer, at)) > 0; at += n)
        for (ssize_t i = 0; i < n; i++)
            crc = table[(crc ^ buffer[i]) & 0xff] ^ (crc >> 8);
    return n == 0 && ~crc == wanted;
}

static bool try_debug_link(struct xsg_symbol_file *debug, const char *path, const uint8_t *id,
                           size_t id_n, uint32_t crc)
{
    if (xsg__symbol_file_open(debug, path, NULL))
        return false;
    if (id_n ? xsg__symbol_file_has_id(debug, id, id_n) : has_crc(debug->fd, crc))
        return true;
    xsg__symbol_file_close(debug);
    return false;
}

static bool by_build_id(const uint8_t *id, size_t n, struct xsg_symbol_file *debug)
{
    if (n < 2)
        return false;
    struct xsg_buf path = XSG_BUF_INIT;
    xsg_buf_printf(&path, DEBUG_FOLDER "/.build-id/%02x/", id[0]);
    for (size_t i = 1; i < n; i++)
        xsg_buf_printf(&path, "%02x", id[i]);
    xsg_buf_puts(&path, ".debug");
    bool found = try_debug_link(debug, xsg_buf_str(&path), id, n, 0);
    xsg_buf_release(&path);
    return found;
}

static bool by_link(struct xsg_arena *arena, Elf *image, const char *path, const uint8_t *id,
                    size_t id_n, struct xsg_symbol_file *debug)
{
    GElf_Word crc = 0;
    const char *link = dwelf_elf_gnu_debuglink(image, &crc);
    if (!link || !*link || strchr(link, '/'))
        return false;
    const char *dir = xsg_path_dir(arena, path);
    const char *const candidates[] = {xsg_printf(arena, "%s/%s", dir, link),
                                      xsg_printf(arena, "%s/.debug/%s", dir, link),
                                      xsg_printf(arena, DEBUG_FOLDER "%s/%s", dir, link)};
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++)
        if (strcmp(candidates[i], path) != 0 && try_debug_link(debug, candidates[i], id, id_n, crc))
            return true;
    return false;
}

bool xsg__symbol_file_debug(struct xsg_arena *arena, const struct xsg_symbol_file *image,
                            const char *path, struct xsg_symbol_file *debug)
{
    const void *id = NULL;
    ssize_t n = dwelf_elf_gnu_build_id(image->elf, &id);
    size_t id_n = n > 0 && n <= 64 ? (size_t)n : 0;
    return by_build_id(id, id_n, debug) || by_link(arena, image->elf, path, id, id_n, debug);
}
