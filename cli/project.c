#include "cli/project.h"

#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "baseline/folder.h"

/* The configuration stands where the command was called, never in the commit under test. */
static int load_suite(struct xsg_project *project, struct xsg_cli *cli)
{
    char *path = NULL;
    int rc;

    if (cli->config)
        return xsg_suite_load(cli->arena, cli->config, &project->suite, &cli->err);
    rc = xsg_suite_find(cli->arena, xsg_path_absolute(cli->arena, "."), xsg_git_root(project->git),
                        &path, &cli->err);
    if (rc != 0)
        return rc;
    return xsg_suite_load(cli->arena, path, &project->suite, &cli->err);
}

#define LOCK "lock"

/* What a process that was killed has left: nobody holds the lock in it any more. */
static void sweep(struct xsg_arena *arena, const char *temp)
{
    struct xsg_err err = {0};
    char **names;
    size_t n;

    if (xsg_list_dir(arena, temp, &names, &n, &err) != 0)
        return;
    for (size_t i = 0; i < n; i++) {
        const char *folder = xsg_path_join(arena, temp, names[i]);
        const char *lock = xsg_path_join(arena, folder, LOCK);
        int fd;
        /* Without one it is being made. */
        if (access(lock, F_OK) != 0 || xsg_lock_file(lock, false, &fd, &err) != 0)
            continue;
        if (xsg_remove_tree(folder, &err) != 0)
            xsg_verbose("%s", err.text);
        xsg_unlock_file(fd);
    }
}

static int prepare_measuring(struct xsg_project *project, struct xsg_cli *cli)
{
    const char *temp = xsg_path_join(cli->arena, project->folder, "tmp");
    int rc = xsg_launch_find_runtime(cli->arena, &project->runtime, &cli->err);

    if (rc != 0)
        return rc;
    project->code = xsg_code_open();
    rc = xsg_folder_make(project->folder, &cli->err);
    if (rc == 0)
        rc = xsg_mkdirs(temp, &cli->err);
    if (rc != 0)
        return rc;
    sweep(cli->arena, temp);
    rc = xsg_temp_dir(cli->arena, temp, &project->scratch, &cli->err);
    if (rc != 0)
        return rc;
    return xsg_lock_file(xsg_path_join(cli->arena, project->scratch, LOCK), false,
                         &project->scratch_lock, &cli->err);
}

int xsg_project_open(struct xsg_project *project, struct xsg_cli *cli, unsigned need)
{
    int rc;

    *project = (struct xsg_project){.scratch_lock = -1};
    rc = xsg_git_open(&project->git, ".", &cli->err);
    if (rc != 0)
        return rc;
    project->folder = xsg_path_join(cli->arena, xsg_git_root(project->git), ".xsgate");
    project->store_path =
        cli->store ? cli->store : xsg_path_join(cli->arena, project->folder, "store.db");
    if (need & XSG_NEED_SUITE)
        rc = load_suite(project, cli);
    if (rc == 0 && (need & (XSG_NEED_STORE | XSG_NEED_STORE_EXISTS)))
        rc = xsg_store_open(&project->store, project->store_path, (need & XSG_NEED_STORE) != 0,
                            &cli->err);
    if (rc == 0 && (need & XSG_NEED_MEASURE))
        rc = prepare_measuring(project, cli);
    return rc;
}

void xsg_project_close(struct xsg_project *project)
{
    if (project->scratch) {
        struct xsg_err err = {0};
        if (xsg_remove_tree(project->scratch, &err) != 0)
            xsg_warn("%s", err.text);
        xsg_unlock_file(project->scratch_lock);
    }
    xsg_code_close(project->code);
    xsg_store_close(project->store);
    xsg_git_close(project->git);
    *project = (struct xsg_project){0};
}

int xsg_project_select(struct xsg_project *project, struct xsg_cli *cli,
                       const struct xsg_strings *words)
{
    if (words->n == 0)
        return 0;
    return xsg_suite_select(cli->arena, &project->suite, words->item, words->n, &cli->err);
}

struct xsg_launcher xsg_project_launcher(const struct xsg_project *project)
{
    return (struct xsg_launcher){.runtime = project->runtime,
                                 .scratch = project->scratch,
                                 .code = project->code,
                                 .pin_cpu = -1,
                                 .interrupt = &xsg_interrupted,
                                 .invoke = xsg_launch_run,
                                 .invoke_pair = xsg_launch_pair};
}
