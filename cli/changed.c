#include "cli/changed.h"

#include <limits.h>
#include <string.h>

/* A scope knows where it begins; it is taken to reach to the next one that begins in the file. */
static int end_of_scope(const struct xsg_run *run, const struct xsg_function *function)
{
    int end = INT_MAX;

    for (size_t i = 0; run && i < run->n_series; i++) {
        const struct xsg_function *other = &run->series[i].function;
        if (other->file && other->line > function->line && other->line <= end &&
            strcmp(other->file, function->file) == 0)
            end = other->line - 1;
    }
    return end;
}

int xsg_changed_function(void *arg, const struct xsg_function *function)
{
    const struct xsg_changed *changed = arg;
    int end;

    if (!changed->known || !function->file || function->line <= 0)
        return -1;
    end = function->end_line > 0 ? function->end_line : end_of_scope(changed->run, function);
    for (size_t i = 0; i < changed->changes.n; i++) {
        const struct xsg_git_range *range = &changed->changes.ranges[i];
        if (strcmp(range->file, function->file) == 0 && range->line <= end &&
            range->end_line >= function->line)
            return 1;
    }
    return 0;
}

/* Scripts and data are none of these: a target may be a script, and reads its data. */
static bool is_source(const char *path)
{
    static const char *const ends[] = {".c",   ".h",     ".cc",  ".cpp", ".cxx",
                                       ".hh",  ".hpp",   ".hxx", ".inl", ".S",
                                       ".asm", ".cmake", ".md",  ".rst", ".adoc"};
    static const char *const names[] = {"CMakeLists.txt", "Makefile",   "meson.build",
                                        "LICENSE",        ".gitignore", ".clang-format"};
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *end = strrchr(name, '.');

    if (strncmp(path, ".github/", 8) == 0)
        return true;
    for (size_t i = 0; end && i < sizeof ends / sizeof ends[0]; i++) {
        if (strcmp(end, ends[i]) == 0)
            return true;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

bool xsg_changed_sources_only(const struct xsg_changed *changed)
{
    for (size_t i = 0; i < changed->changes.n_files; i++) {
        if (!is_source(changed->changes.files[i]))
            return false;
    }
    return changed->known;
}
