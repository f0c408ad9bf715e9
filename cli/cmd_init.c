/* init: writes a commented xsgate.yml, and the workflow of a CI system. */
#include <string.h>

#include "base/embed.h"
#include "base/fs.h"
#include "base/log.h"
#include "baseline/git.h"
#include "cli/cli.h"
#include "harness/suite.h"

extern const struct xsg_embedded xsg_ci_templates[]; /* ci/templates */

static struct {
    bool force, github, gitlab;
} o;

/* A file to be written. */
struct output {
    const char *path;
    struct xsg_buf text;
};
#define MOST_OUTPUTS 4

struct plan {
    struct output output[MOST_OUTPUTS];
    size_t n;
    const char *root;
    const char *branch; /* the one that pull requests go to */
    bool keeps_config;  /* there is an xsgate.yml already, and it stays */
    bool needs_include; /* there is a .gitlab-ci.yml already, and it stays */
};

/* The build line that fits what stands in the folder. */
static const char *guess_build(const char *root, struct xsg_arena *arena)
{
    static const struct {
        const char *file, *build;
    } guesses[] = {
        {"CMakeLists.txt",
         "cmake -S . -B build -DCMAKE_BUILD_TYPE=RelWithDebInfo && cmake --build build -j"},
        {"meson.build",
         "test -d build || meson setup build --buildtype=debugoptimized; ninja -C build"},
        {"Cargo.toml", "CARGO_PROFILE_RELEASE_DEBUG=true cargo build --release"},
        {"configure", "test -f Makefile || ./configure; make -j2"},
        {"Makefile", "make -j2"},
        {"makefile", "make -j2"},
        {"GNUmakefile", "make -j2"},
    };

    for (size_t i = 0; i < sizeof guesses / sizeof guesses[0]; i++) {
        if (xsg_is_file(xsg_path_join(arena, root, guesses[i].file)))
            return guesses[i].build;
    }
    return NULL;
}

/* The template with its "build:" line replaced. */
static void put_config(struct xsg_buf *out, const char *build)
{
    const char *line = strstr(xsg_suite_template, "\nbuild:");
    const char *end = line ? strchr(line + 1, '\n') : NULL;

    if (!build || !end) {
        xsg_buf_puts(out, xsg_suite_template);
        return;
    }
    xsg_buf_put(out, xsg_suite_template, (size_t)(line + 1 - xsg_suite_template));
    xsg_buf_printf(out, "build: %s", build);
    xsg_buf_puts(out, end);
}

/* A branch for GitHub's list of patterns, where some characters of a name would mean something. */
static void put_branch(struct xsg_buf *out, const char *branch)
{
    if (branch[strspn(branch, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_/")] == '\0') {
        xsg_buf_puts(out, branch);
        return;
    }
    xsg_buf_putc(out, '\'');
    for (const char *p = branch; *p; p++) {
        if (strchr("+!", *p))
            xsg_buf_putc(out, '\\');
        xsg_buf_puts(out, *p == '\'' ? "''" : (const char[]){*p, '\0'});
    }
    xsg_buf_putc(out, '\'');
}

/* A workflow with the branch in place of main. */
static void put_template(struct xsg_buf *out, const char *name, const char *branch)
{
    static const char here[] = "branches: [main]";
    const struct xsg_embedded *file = xsg_ci_templates;
    const char *at;

    while (file->name && strcmp(file->name, name) != 0)
        file++;
    if (!file->name)
        return;
    at = strstr(file->data, here);
    if (!at || strcmp(branch, "main") == 0) {
        xsg_buf_put(out, file->data, file->n);
        return;
    }
    xsg_buf_put(out, file->data, (size_t)(at - file->data));
    xsg_buf_puts(out, "branches: [");
    put_branch(out, branch);
    xsg_buf_putc(out, ']');
    xsg_buf_puts(out, at + strlen(here));
}

static struct xsg_buf *add(struct xsg_cli *cli, struct plan *plan, const char *path)
{
    struct output *output = &plan->output[plan->n++];

    output->path = xsg_path_join(cli->arena, plan->root, path);
    output->text = (struct xsg_buf)XSG_BUF_INIT;
    return &output->text;
}

static void make_plan(struct xsg_cli *cli, struct plan *plan)
{
    bool workflow = o.github || o.gitlab;

    /* The suite is the user's work; who asks for a workflow does not want it anew. */
    plan->keeps_config =
        workflow && xsg_is_file(xsg_path_join(cli->arena, plan->root, "xsgate.yml"));
    if (!plan->keeps_config)
        put_config(add(cli, plan, "xsgate.yml"), guess_build(plan->root, cli->arena));
    if (o.github) {
        put_template(add(cli, plan, ".github/workflows/perf.yml"), "github-perf.yml", plan->branch);
        put_template(add(cli, plan, ".github/workflows/perf-comment.yml"),
                     "github-perf-comment.yml", plan->branch);
    }
    if (!o.gitlab)
        return;
    plan->needs_include = xsg_is_file(xsg_path_join(cli->arena, plan->root, ".gitlab-ci.yml"));
    if (plan->needs_include)
        put_template(add(cli, plan, ".gitlab/perf.yml"), "gitlab-perf.yml", plan->branch);
    else
        put_template(add(cli, plan, ".gitlab-ci.yml"), "gitlab-perf.yml", plan->branch);
}

/* All or nothing as far as that is known beforehand. */
static int check_absent(struct xsg_cli *cli, const struct plan *plan)
{
    for (size_t i = 0; i < plan->n && !o.force; i++) {
        if (xsg_is_file(plan->output[i].path)) {
            xsg_fail(&cli->err, XSG_EINVAL, "%s exists", plan->output[i].path);
            return xsg_fail_hint(&cli->err, XSG_EINVAL, "--force overwrites it");
        }
    }
    return 0;
}

static int write_all(struct xsg_cli *cli, const struct plan *plan)
{
    for (size_t i = 0; i < plan->n; i++) {
        const struct output *output = &plan->output[i];
        int rc = xsg_mkdirs(xsg_path_dir(cli->arena, output->path), &cli->err);
        if (rc == 0)
            rc = xsg_write_file(output->path, output->text.data, output->text.len, &cli->err);
        if (rc != 0)
            return rc;
        xsg_info("wrote %s", output->path);
    }
    return 0;
}

static void say_next(const struct plan *plan)
{
    const char *and = "next:";

    if (plan->keeps_config)
        xsg_info("xsgate.yml was there already: it stays as it is");
    else
        xsg_info("next: set 'command:' in xsgate.yml to what you want measured, then\n"
                 "      xsgate run --baseline %s",
                 plan->branch);
    if (!plan->keeps_config)
        and = "     ";
    if (plan->needs_include)
        xsg_info("%s add to .gitlab-ci.yml: include: [{local: .gitlab/perf.yml}]", and);
    if (o.github || o.gitlab)
        xsg_info("%s commit and push: the gate runs on the next %s request", and,
                 o.github ? "pull" : "merge");
}

static int run(struct xsg_cli *cli, const struct xsg_strings *words)
{
    struct plan plan = {0};
    struct xsg_git *git = NULL;
    int rc;

    if (words->n > 0)
        return xsg_fail(&cli->err, XSG_EINVAL, "init takes no arguments");
    rc = xsg_git_open(&git, ".", &cli->err);
    if (rc != 0)
        return rc;
    plan.root = xsg_git_root(git);
    plan.branch = xsg_git_main_branch(git, cli->arena);
    make_plan(cli, &plan);
    rc = check_absent(cli, &plan);
    if (rc == 0)
        rc = write_all(cli, &plan);
    if (rc == 0)
        say_next(&plan);
    for (size_t i = 0; i < plan.n; i++)
        xsg_buf_release(&plan.output[i].text);
    xsg_git_close(git);
    return rc;
}

static const struct xsg_opt opts[] = {
    {XSG_OPT_FLAG, 0, "github", NULL, "also workflows for GitHub Actions", &o.github, NULL, NULL},
    {XSG_OPT_FLAG, 0, "gitlab", NULL, "also a job for GitLab CI", &o.gitlab, NULL, NULL},
    {XSG_OPT_FLAG, 0, "force", NULL, "overwrite existing files", &o.force, NULL, NULL},
    {XSG_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
static const char *const examples[] = {"xsgate init", "write xsgate.yml in the repository's root",
                                       "xsgate init --github", "and the gate as a workflow", NULL};
static const struct xsg_opt_spec spec = {
    "init",
    "init [--github] [--gitlab] [--force]",
    "write a commented xsgate.yml, and the CI's workflow",
    "Writes xsgate.yml into the repository's root, with a build line that fits what is there.\n"
    "One line is left to edit: the command to measure.\n\n"
    "With --github or --gitlab it also writes the smallest workflow that is right: minimal\n"
    "permissions, actions pinned by commit, and for GitHub a second workflow that comments on\n"
    "pull requests from forks without running anything of theirs. An xsgate.yml that is there\n"
    "already stays.",
    opts,
    examples,
    NULL};
const struct xsg_command xsg_cmd_init = {.spec = &spec, .run = run};
