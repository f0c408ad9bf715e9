/* The best common ancestor, also where the history is cut off. */
#include <string.h>

#include "base/fs.h"
#include "base/map.h"
#include "baseline/git_internal.h"

/*
 * libgit2 1.5 does not know of .git/shallow: it walks over the cut and fails, even where the answer
 * lies before it. So in a shallow clone, which is small by its nature, the graph is walked here,
 * with the same meaning: the youngest common ancestor that is no ancestor of another one.
 */
enum { IN_A = 1, IN_B = 2, STALE = 4 };

struct node {
    git_oid oid;
    int marks;
    git_time_t time;
    size_t first, n; /* parents: indices into walk.parents */
};

struct walk {
    git_repository *repository;
    struct xsg_arena *arena;
    struct xsg_map nodes; /* oid -> struct node */
    struct xsg_map cut;   /* oids whose parents are not there */
    struct node **parents;
    size_t n_parents, cap_parents;
    struct node **stack;
    size_t n_stack, cap_stack;
};

static void read_cut(struct walk *walk)
{
    char *text;
    size_t n;
    bool is_new;
    const char *path =
        xsg_path_join(walk->arena, git_repository_commondir(walk->repository), "shallow");
    xsg_map_init(&walk->cut, walk->arena);
    if (xsg_read_file(walk->arena, path, 64 << 20, &text, &n, NULL) != XSG_OK)
        return;
    for (char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        git_oid oid;
        if (git_oid_fromstrn(&oid, line, strnlen(line, GIT_OID_HEXSZ)) == 0)
            *xsg_map_put(&walk->cut, oid.id, sizeof oid.id, &is_new) = walk;
    }
}

static void push(struct walk *walk, struct node *node)
{
    walk->stack = xsg_grow(walk->arena, walk->stack, &walk->cap_stack, walk->n_stack + 1,
                           sizeof *walk->stack);
    walk->stack[walk->n_stack++] = node;
}

/* A commit that cannot be read ends the history there, as the cut does. */
static struct node *node_of(struct walk *walk, const git_oid *oid)
{
    bool is_new;
    void **place = xsg_map_put(&walk->nodes, oid->id, sizeof oid->id, &is_new);
    if (!is_new)
        return *place;
    git_commit *commit = NULL;
    if (git_commit_lookup(&commit, walk->repository, oid) != 0)
        return NULL;
    struct node *node = XSG_NEW(walk->arena, struct node);
    *place = node;
    git_oid_cpy(&node->oid, oid);
    node->time = git_commit_time(commit);
    git_commit_free(commit);
    return node;
}

static void find_parents(struct walk *walk, struct node *node)
{
    git_commit *commit = NULL;
    node->first = walk->n_parents;
    if (xsg_map_get(&walk->cut, node->oid.id, sizeof node->oid.id) ||
        git_commit_lookup(&commit, walk->repository, &node->oid) != 0)
        return;
    for (unsigned i = 0; i < git_commit_parentcount(commit); i++) {
        struct node *parent = node_of(walk, git_commit_parent_id(commit, i));
        if (!parent)
            continue;
        walk->parents = xsg_grow(walk->arena, walk->parents, &walk->cap_parents,
                                 walk->n_parents + 1, sizeof *walk->parents);
        walk->parents[walk->n_parents++] = parent;
        node->n++;
    }
    git_commit_free(commit);
}

/* Marks what is on the stack and all of its ancestors. */
static void spread(struct walk *walk, int mark, bool explore)
{
    while (walk->n_stack > 0) {
        struct node *node = walk->stack[--walk->n_stack];
        if (node->marks & mark)
            continue;
        if (explore && !(node->marks & (IN_A | IN_B)))
            find_parents(walk, node);
        node->marks |= mark;
        for (size_t i = 0; i < node->n; i++)
            push(walk, walk->parents[node->first + i]);
    }
}

static struct node *best_common(struct walk *walk)
{
    struct node *best = NULL;
    for (size_t i = 0; i < walk->nodes.n; i++) {
        struct node *node = walk->nodes.entries[i].value;
        if (!node || (node->marks & (IN_A | IN_B)) != (IN_A | IN_B))
            continue;
        for (size_t k = 0; k < node->n; k++)
            push(walk, walk->parents[node->first + k]);
        spread(walk, STALE, false);
    }
    for (size_t i = 0; i < walk->nodes.n; i++) {
        struct node *node = walk->nodes.entries[i].value;
        if (node && node->marks == (IN_A | IN_B) && (!best || node->time > best->time))
            best = node;
    }
    return best;
}

static int walk_merge_base(git_oid *base, git_repository *repository, const git_oid *a,
                           const git_oid *b)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct walk walk = {.repository = repository, .arena = &arena};
    const git_oid *const ends[] = {a, b};
    xsg_map_init(&walk.nodes, &arena);
    read_cut(&walk);
    for (int i = 0; i < 2; i++) {
        struct node *node = node_of(&walk, ends[i]);
        if (node) {
            push(&walk, node);
            spread(&walk, i == 0 ? IN_A : IN_B, true);
        }
    }
    struct node *best = best_common(&walk);
    if (best)
        git_oid_cpy(base, &best->oid);
    xsg_arena_release(&arena);
    return best ? 0 : GIT_ENOTFOUND;
}

int xsg_git_merge_base(struct xsg_git *git, struct xsg_arena *arena, const char *a, const char *b,
                       struct xsg_commit *commit, struct xsg_err *err)
{
    git_oid oids[2], base;
    const char *names[2];
    int rc = xsg__git_lookup(git, arena, a, &oids[0], &names[0], err);
    if (rc == XSG_OK)
        rc = xsg__git_lookup(git, arena, b, &oids[1], &names[1], err);
    if (rc != XSG_OK)
        return rc;
    int code = git->shallow ? walk_merge_base(&base, git->repository, &oids[0], &oids[1])
                            : git_merge_base(&base, git->repository, &oids[0], &oids[1]);
    if (code == GIT_ENOTFOUND && git->shallow) {
        xsg_fail(err, XSG_ENOTFOUND,
                 "the histories of '%s' and '%s' do not meet in this shallow clone", a, b);
        return xsg_fail_hint(err, XSG_ENOTFOUND, "%s", xsg_git_deepen);
    }
    if (code == GIT_ENOTFOUND)
        return xsg_fail(err, XSG_ENOTFOUND, "'%s' and '%s' have no common ancestor", a, b);
    if (code != 0)
        return xsg__git_fail_object(git->repository, code, err,
                                    "cannot find the merge base of '%s' and '%s'", a, b);
    const char *describe = git_oid_equal(&base, &oids[0])   ? names[0]
                           : git_oid_equal(&base, &oids[1]) ? names[1]
                                                            : NULL;
    return xsg__git_fill(git, arena, &base, describe, commit, err);
}
