/* Temporary git repositories, made by the git program: what libgit2 reads must be what git wrote.
 */
#ifndef XSG_TESTS_TEMP_REPO_H
#define XSG_TESTS_TEMP_REPO_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/fs.h"

struct temp_repo {
    struct xsg_arena arena;
    char *folder; /* everything is below; also $HOME */
    char *root;   /* folder/repo, $R in scripts */
};

/* Before anything of libgit2: it remembers $HOME. Nothing of the user's git settings counts. */
static inline int temp_repo_start(struct temp_repo *repo)
{
    memset(repo, 0, sizeof *repo);
    if (xsg_temp_dir(&repo->arena, "/tmp", &repo->folder, NULL) != 0)
        return -1;
    repo->root = xsg_path_join(&repo->arena, repo->folder, "repo");
    setenv("HOME", repo->folder, 1);
    setenv("XDG_CONFIG_HOME", repo->folder, 1);
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    setenv("GIT_AUTHOR_NAME", "a", 1);
    setenv("GIT_AUTHOR_EMAIL", "a@example.org", 1);
    setenv("GIT_COMMITTER_NAME", "c", 1);
    setenv("GIT_COMMITTER_EMAIL", "c@example.org", 1);
    setenv("R", repo->root, 1);
    return 0;
}

static inline void temp_repo_end(struct temp_repo *repo)
{
    xsg_remove_tree(repo->folder, NULL);
    xsg_arena_release(&repo->arena);
}

/* What a shell script prints, run in the folder; without the last line end. NULL: it failed. "at"
 * (in the script) sets the clock of the next commits, "commit" commits all under a message. */
static inline char *temp_repo_sh(struct temp_repo *repo, const char *script)
{
    static const char prelude[] =
        "at() { export GIT_AUTHOR_DATE=\"@$1 +0000\" GIT_COMMITTER_DATE=\"@$1 +0000\"; }\n"
        "commit() { git add -A; git commit -q --allow-empty -m \"$1\"; }\n"
        "start() { git init -q -b main \"$1\"; cd \"$1\"; }\n"
        "git() { command git -c protocol.file.allow=always -c advice.detachedHead=false \"$@\"; "
        "}\n";
    char *name = xsg_printf(&repo->arena, "%s/script.sh", repo->folder);
    FILE *file = fopen(name, "w");
    if (!file)
        return NULL;
    fprintf(file, "%scd '%s'\n%s\n", prelude, repo->folder, script);
    fclose(file);
    FILE *pipe = popen(xsg_printf(&repo->arena, "sh -e '%s'", name), "r");
    char *text = xsg_alloc(&repo->arena, 1 << 16, 1);
    size_t n = pipe ? fread(text, 1, (1 << 16) - 1, pipe) : 0;
    while (n > 0 && text[n - 1] == '\n')
        text[--n] = '\0';
    return pipe && pclose(pipe) == 0 ? text : NULL;
}

#endif
