#include "harness/target_command.h"

#include <stdbool.h>
#include <string.h>

#include "base/fs.h"
#include "base/opt.h"

#define N(array) (sizeof(array) / sizeof(array)[0])

static bool is_one_of(const char *word, size_t n, const char *const *list, size_t n_list)
{
    for (size_t i = 0; i < n_list; i++) {
        if (strlen(list[i]) == n && memcmp(list[i], word, n) == 0)
            return true;
    }
    return false;
}

/* Words that only a shell understands at the beginning of a command. */
static bool is_shell_word(const char *word, size_t n)
{
    static const char *const words[] = {"cd",   "exec",  "export", "unset",  "ulimit", "umask",
                                        "set",  ".",     "eval",   "if",     "for",    "while",
                                        "case", "until", "trap",   "command"};

    return memchr(word, '=', n) || is_one_of(word, n, words, N(words));
}

static bool needs_shell(const char *command)
{
    static const char *const alone[] = {"!", "{", "}"};
    bool is_first = true;

    if (strpbrk(command, "|&;<>()$`\\\"'*?[\n\r"))
        return true;
    for (const char *p = command; *(p += strspn(p, " \t")); is_first = false) {
        size_t n = strcspn(p, " \t");
        if (*p == '#' || *p == '~' || is_one_of(p, n, alone, N(alone)) ||
            (is_first && is_shell_word(p, n)))
            return true;
        p += n;
    }
    return is_first; /* nothing but blanks */
}

const char *const *xsg_shell_argv(struct xsg_arena *arena, const char *options, const char *command)
{
    const char **argv = XSG_NEW_ARRAY(arena, const char *, 4);

    argv[0] = "/bin/sh";
    argv[1] = options;
    argv[2] = command;
    return argv;
}

const char *const *xsg_target_argv(struct xsg_arena *arena, const char *command)
{
    struct xsg_strings words = {0};

    if (needs_shell(command))
        return xsg_shell_argv(arena, "-c", command);
    for (const char *p = command; *(p += strspn(p, " \t"));) {
        size_t n = strcspn(p, " \t");
        xsg_strings_add(arena, &words, xsg_strndup(arena, p, n));
        p += n;
    }
    xsg_strings_add(arena, &words, NULL);
    return words.item;
}

const char *xsg_target_program(struct xsg_arena *arena, const char *name, const char *folder,
                               const char *path)
{
    const char *file = xsg_path_join(arena, folder, name);

    if (strchr(name, '/'))
        return xsg_is_file(file) ? file : NULL;
    for (const char *p = path; *p; p += *p == ':') {
        size_t n = strcspn(p, ":");
        file = xsg_path_join(arena, folder,
                             xsg_path_join(arena, n ? xsg_strndup(arena, p, n) : ".", name));
        if (xsg_is_file(file))
            return file;
        p += n;
    }
    return NULL;
}
