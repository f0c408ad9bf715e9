#include "baseline/git_notes.h"

#include <string.h>

#include "baseline/git_internal.h"

struct walk {
    struct xsg_git *git;
    struct xsg_arena *arena;
    struct xsg_notes *notes;
    size_t cap, bytes;
};

/* ---- reading ---- */

static bool is_hex(const char *text)
{
    return strspn(text, "0123456789abcdef") == strlen(text);
}

static int add_note(struct walk *walk, const char *path, const char *oid, const git_oid *blob_id,
                    struct xsg_err *err)
{
    struct xsg_notes *notes = walk->notes;
    git_odb *odb = NULL;
    git_blob *blob = NULL;
    git_object_t type = GIT_OBJECT_INVALID;
    size_t n = 0;
    int code = git_repository_odb(&odb, walk->git->repository);
    if (code == 0)
        code = git_odb_read_header(&n, &type, odb, blob_id);
    git_odb_free(odb);
    if (code == 0 &&
        (n > XSG_NOTES_LONGEST || walk->bytes + n > XSG_NOTES_ALL || notes->n >= XSG_NOTES_MOST)) {
        notes->skipped++;
        return XSG_OK;
    }
    if (code == 0)
        code = git_blob_lookup(&blob, walk->git->repository, blob_id);
    if (code != 0)
        return xsg__git_fail_object(walk->git->repository, code, err,
                                    "cannot read the note of %.10s", oid);
    notes->item = xsg_grow(walk->arena, notes->item, &walk->cap, notes->n + 1, sizeof *notes->item);
    notes->item[notes->n++] =
        (struct xsg_note){.oid = oid,
                          .path = path,
                          .text = xsg_strndup(walk->arena, git_blob_rawcontent(blob), n),
                          .n = n};
    walk->bytes += n;
    git_blob_free(blob);
    return XSG_OK;
}

/* The path without its slashes is the id: "ab/cdef..." in large trees, whatever the split. */
static int walk_tree(struct walk *walk, const git_tree *tree, const char *path, const char *digits,
                     struct xsg_err *err)
{
    int rc = XSG_OK;
    for (size_t i = 0; rc == XSG_OK && i < git_tree_entrycount(tree); i++) {
        const git_tree_entry *entry = git_tree_entry_byindex(tree, i);
        const char *name = git_tree_entry_name(entry);
        size_t n = strlen(digits) + strlen(name);
        bool is_folder = git_tree_entry_type(entry) == GIT_OBJECT_TREE;
        if (!is_hex(name) || (is_folder ? strlen(name) != 2 || n > 38 : n != GIT_OID_HEXSZ) ||
            (!is_folder && git_tree_entry_type(entry) != GIT_OBJECT_BLOB)) {
            walk->notes->skipped++;
            continue;
        }
        const char *whole = xsg_printf(walk->arena, "%s%s", digits, name);
        const char *there = xsg_printf(walk->arena, "%s%s%s", path, *path ? "/" : "", name);
        git_tree *below = NULL;
        if (!is_folder) {
            rc = add_note(walk, there, whole, git_tree_entry_id(entry), err);
        } else if (git_tree_lookup(&below, walk->git->repository, git_tree_entry_id(entry)) == 0) {
            rc = walk_tree(walk, below, there, whole, err);
            git_tree_free(below);
        } else {
            rc = xsg__git_fail(err, XSG_EFAILED, "cannot read the notes");
        }
    }
    return rc;
}

int xsg_git_notes_read(struct xsg_git *git, struct xsg_arena *arena, const char *reference,
                       struct xsg_notes *notes, struct xsg_err *err)
{
    struct walk walk = {.git = git, .arena = arena, .notes = notes};
    git_oid oid;
    git_commit *commit = NULL;
    git_tree *tree = NULL;
    *notes = (struct xsg_notes){0};
    int code = git_reference_name_to_id(&oid, git->repository, reference);
    if (code == GIT_ENOTFOUND)
        return XSG_OK;
    if (code == 0)
        code = git_commit_lookup(&commit, git->repository, &oid);
    if (code == 0)
        code = git_commit_tree(&tree, commit);
    int rc = XSG_OK;
    if (code != 0) {
        rc = xsg__git_fail_object(git->repository, code, err, "cannot read %s", reference);
    } else {
        notes->commit = xsg_strdup(arena, git_oid_tostr_s(&oid));
        rc = walk_tree(&walk, tree, "", "", err);
    }
    git_tree_free(tree);
    git_commit_free(commit);
    return rc;
}

/* ---- writing ---- */

/* Large trees are split by the first two digits, as git does; one that is stays so. */
static const char *path_of(struct xsg_arena *arena, const struct xsg_notes *notes,
                           const struct xsg_note *note)
{
    bool is_split = notes->n > 256;
    if (note->path)
        return note->path;
    for (size_t i = 0; !is_split && i < notes->n; i++)
        is_split = strchr(notes->item[i].path, '/') != NULL;
    return is_split ? xsg_printf(arena, "%.2s/%s", note->oid, note->oid + 2) : note->oid;
}

static int write_tree(struct xsg_git *git, struct xsg_arena *arena, const struct xsg_notes *notes,
                      git_tree *old, const struct xsg_note *changed, size_t n, git_oid *tree)
{
    git_tree_update *updates = XSG_NEW_ARRAY(arena, git_tree_update, n + 1);
    int code = 0;
    for (size_t i = 0; code == 0 && i < n; i++) {
        updates[i].action = GIT_TREE_UPDATE_UPSERT;
        updates[i].filemode = GIT_FILEMODE_BLOB;
        updates[i].path = path_of(arena, notes, &changed[i]);
        code = git_blob_create_from_buffer(&updates[i].id, git->repository, changed[i].text,
                                           changed[i].n);
    }
    return code ? code : git_tree_create_updated(tree, git->repository, old, n, updates);
}

/* A runner has no name configured. */
static int sign(struct xsg_git *git, git_signature **signature)
{
    return git_signature_default(signature, git->repository) == 0
               ? 0
               : git_signature_now(signature, "xsgate", "xsgate@localhost");
}

int xsg_git_notes_write(struct xsg_git *git, struct xsg_arena *arena, const struct xsg_notes *notes,
                        const struct xsg_note *changed, size_t n, const char *message,
                        const char **commit, struct xsg_err *err)
{
    git_commit *parent = NULL;
    git_tree *old = NULL, *tree = NULL;
    git_signature *signature = NULL;
    git_oid oid, tree_id;
    int code = 0;
    if (notes->commit && (code = git_oid_fromstr(&oid, notes->commit)) == 0 &&
        (code = git_commit_lookup(&parent, git->repository, &oid)) == 0)
        code = git_commit_tree(&old, parent);
    if (code == 0)
        code = write_tree(git, arena, notes, old, changed, n, &tree_id);
    if (code == 0)
        code = git_tree_lookup(&tree, git->repository, &tree_id);
    if (code == 0)
        code = sign(git, &signature);
    const git_commit *parents[] = {parent};
    if (code == 0)
        code = git_commit_create(&oid, git->repository, NULL, signature, signature, NULL, message,
                                 tree, parent ? 1 : 0, parents);
    int rc = code == 0 ? XSG_OK : xsg__git_fail(err, XSG_EFAILED, "cannot write the notes");
    if (rc == XSG_OK)
        *commit = xsg_strdup(arena, git_oid_tostr_s(&oid));
    git_signature_free(signature);
    git_tree_free(tree);
    git_tree_free(old);
    git_commit_free(parent);
    return rc;
}

int xsg_git_set_reference(struct xsg_git *git, const char *reference, const char *commit,
                          struct xsg_err *err)
{
    git_reference *made = NULL;
    git_oid oid;
    int code = commit ? git_oid_fromstr(&oid, commit) : 0;
    if (!commit) {
        code = git_reference_remove(git->repository, reference);
        code = code == GIT_ENOTFOUND ? 0 : code;
    } else if (code == 0) {
        code = git_reference_create(&made, git->repository, reference, &oid, 1, "xsgate store");
    }
    git_reference_free(made);
    return code == 0 ? XSG_OK : xsg__git_fail(err, XSG_EFAILED, "cannot set %s", reference);
}
