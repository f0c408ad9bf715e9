/* init: writes a commented xsgate.yml. */
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "baseline/git.h"
#include "cli/cli.h"
#include "harness/suite.h"

static struct {
    bool force;
} o;

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

static int run(struct xsg_cli *cli, const struct xsg_strings *words)
{
    struct xsg_buf out = XSG_BUF_INIT;
    struct xsg_git *git = NULL;
    const char *root = ".";
    const char *path;
    int rc;

    if (words->n > 0)
        return xsg_fail(&cli->err, XSG_EINVAL, "init takes no arguments");
    rc = xsg_git_open(&git, ".", &cli->err);
    if (rc != 0)
        return rc;
    root = xsg_git_root(git);
    path = xsg_path_join(cli->arena, root, "xsgate.yml");
    if (xsg_is_file(path) && !o.force) {
        rc = xsg_fail(&cli->err, XSG_EINVAL, "%s exists", path);
        xsg_fail_hint(&cli->err, rc, "--force overwrites it");
        goto out;
    }
    put_config(&out, guess_build(root, cli->arena));
    rc = xsg_write_file(path, out.data, out.len, &cli->err);
    if (rc == 0)
        xsg_info("wrote %s\nnext: set its 'command:' line to what you want measured, then\n"
                 "      xsgate run --baseline main",
                 path);
out:
    xsg_git_close(git);
    xsg_buf_release(&out);
    return rc;
}

static const struct xsg_opt opts[] = {
    {XSG_OPT_FLAG, 0, "force", NULL, "overwrite an existing file", &o.force, NULL, NULL},
    {XSG_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
static const char *const examples[] = {"xsgate init", "write xsgate.yml in the repository's root",
                                       "xsgate -C ~/src/tool init --force", "write it anew there",
                                       NULL};
static const struct xsg_opt_spec spec = {
    "init",
    "init [--force]",
    "write a commented xsgate.yml",
    "Writes xsgate.yml into the repository's root, with a build line that fits what is there.\n"
    "One line is left to edit: the command to measure.",
    opts,
    examples,
    NULL};
const struct xsg_command xsg_cmd_init = {&spec, false, run};
