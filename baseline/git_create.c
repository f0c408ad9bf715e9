/* A repository of xsgate's own: made, and given commits of single files. */
#include "baseline/git_internal.h"

#include <string.h>

#include "base/arena.h"

int xsg_git_create(const char *folder, struct xsg_err *err)
{
    git_repository *made = NULL;
    git_repository_init_options options;
    int rc = XSG_OK;
    if (git_libgit2_init() < 0)
        return xsg__git_fail(err, XSG_EFAILED, "libgit2 does not start");
    git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
    options.flags = GIT_REPOSITORY_INIT_MKPATH | GIT_REPOSITORY_INIT_NO_REINIT;
    options.initial_head = "main";
    if (git_repository_init_ext(&made, folder, &options) != 0)
        rc = xsg__git_fail(err, XSG_EFAILED, "cannot make a git repository at '%s'", folder);
    git_repository_free(made);
    git_libgit2_shutdown();
    return rc;
}

/* HEAD's tree with one file put into it. */
static int write_tree(git_repository *repository, const git_commit *parent, const char *file,
                      const char *text, git_oid *oid)
{
    git_tree *before = NULL;
    git_treebuilder *builder = NULL;
    git_oid blob;
    int code = parent ? git_commit_tree(&before, parent) : 0;
    if (code == 0)
        code = git_blob_create_from_buffer(&blob, repository, text, strlen(text));
    if (code == 0)
        code = git_treebuilder_new(&builder, repository, before);
    if (code == 0)
        code = git_treebuilder_insert(NULL, builder, file, &blob, GIT_FILEMODE_BLOB);
    if (code == 0)
        code = git_treebuilder_write(oid, builder);
    git_treebuilder_free(builder);
    git_tree_free(before);
    return code;
}

static int write_commit(git_repository *repository, git_commit *parent, const git_oid *tree_oid,
                        const char *message, git_oid *oid)
{
    const git_commit *parents[] = {parent};
    git_signature *author = NULL;
    git_tree *tree = NULL;
    int code = git_tree_lookup(&tree, repository, tree_oid);
    if (code == 0)
        code = git_signature_now(&author, "xsgate", "xsgate@localhost");
    if (code == 0)
        code = git_commit_create(oid, repository, "HEAD", author, author, NULL, message, tree,
                                 parent ? 1 : 0, parents);
    git_signature_free(author);
    git_tree_free(tree);
    return code;
}

int xsg_git_commit_file(struct xsg_git *git, struct xsg_arena *arena, const char *file,
                        const char *text, const char *message, struct xsg_commit *commit,
                        struct xsg_err *err)
{
    git_reference *head = NULL;
    git_commit *parent = NULL;
    git_oid tree, oid;
    int code = git_repository_head(&head, git->repository);
    if (code == 0)
        code = git_commit_lookup(&parent, git->repository, git_reference_target(head));
    else if (code == GIT_EUNBORNBRANCH)
        code = 0;
    if (code == 0)
        code = write_tree(git->repository, parent, file, text, &tree);
    if (code == 0)
        code = write_commit(git->repository, parent, &tree, message, &oid);
    git_commit_free(parent);
    git_reference_free(head);
    if (code != 0)
        return xsg__git_fail(err, XSG_EFAILED, "cannot commit '%s'", file);
    return xsg__git_fill(git, arena, &oid, NULL, commit, err);
}
