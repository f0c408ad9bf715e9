/* A temporary repository, opened as xsgate does: what the tests of git share. One program includes
 * this once; temp_repo_start() stands in its setup, which sets git to NULL. */
#ifndef XSG_TESTS_OPENED_REPO_H
#define XSG_TESTS_OPENED_REPO_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "baseline/git.h"
#include "tests/unit/temp_repo.h"

static struct temp_repo repo;
static struct xsg_git *git;
static struct xsg_err err;

static inline int teardown(void **state)
{
    (void)state;
    xsg_git_close(git);
    temp_repo_end(&repo);
    return 0;
}

static inline char *sh(const char *script)
{
    char *text = temp_repo_sh(&repo, script);
    if (!text)
        fail_msg("this script failed: %s", script);
    return text;
}

static inline void open_at(const char *name)
{
    xsg_git_close(git);
    git = NULL;
    err = (struct xsg_err){{0}, {0}};
    if (xsg_git_open(&git, xsg_path_join(&repo.arena, repo.folder, name), &err) != XSG_OK)
        fail_msg("%s", err.text);
}

#endif
