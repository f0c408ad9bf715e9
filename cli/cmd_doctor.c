/* doctor: what on this machine will disturb or limit measurements, and the remedy. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/project.h"
#include "harness/machine.h"

static const char *const sign[] = {"ok", "note", "PROBLEM"};
static const char *const colour[] = {"\033[32m", "\033[33m", "\033[31m"};

static void put_check(struct xsg_buf *out, const struct xsg_check *check, bool color)
{
    xsg_buf_printf(out, "%s%-8s%s%s: ", color ? colour[check->state] : "", sign[check->state],
                   color ? "\033[0m" : "", check->name);
    xsg_put_printable(out, check->finding, strlen(check->finding));
    xsg_buf_putc(out, '\n');
    if (check->remedy)
        xsg_buf_printf(out, "        -> %s\n", check->remedy);
}

/* Gates keep checkouts, results and the store in the project: is there a place for them? */
static void check_writable(struct xsg_cli *cli, const struct xsg_project *project,
                           struct xsg_check *check)
{
    const char *places[] = {project->store_path, project->folder};

    for (size_t i = 0; i < 2 && check->state != XSG_CHECK_PROBLEM; i++) {
        const char *place = places[i];
        while (access(place, F_OK) != 0 && strchr(place, '/'))
            place = xsg_path_dir(cli->arena, place); /* where it will be made */
        if (access(place, W_OK) == 0)
            continue;
        check->state = XSG_CHECK_PROBLEM;
        check->finding =
            xsg_printf(cli->arena, "cannot write %s: %s", place, xsg_system_reason(errno));
        check->remedy = "what is stored can be shown and compared, but nothing measured";
    }
}

/* Repository, configuration and store: each is tried, and its sentence shown. */
static size_t project_checks(struct xsg_cli *cli, struct xsg_check checks[3])
{
    static const char *const names[] = {"repository", "configuration", "store"};
    static const unsigned needs[] = {0, XSG_NEED_SUITE, XSG_NEED_STORE_EXISTS};

    for (size_t i = 0; i < 3; i++) {
        struct xsg_project project;
        struct xsg_cli probe = *cli;
        int rc;
        probe.err = (struct xsg_err){0};
        rc = xsg_project_open(&project, &probe, needs[i]);
        checks[i] = (struct xsg_check){.name = names[i], .state = XSG_CHECK_OK};
        if (rc == 0)
            checks[i].finding = xsg_strdup(cli->arena, i == 0   ? xsg_git_root(project.git)
                                                       : i == 1 ? project.suite.file
                                                                : project.store_path);
        else {
            checks[i].state = rc == XSG_ENOTFOUND && i > 0 ? XSG_CHECK_NOTE : XSG_CHECK_PROBLEM;
            checks[i].finding = xsg_strdup(cli->arena, probe.err.text);
            checks[i].remedy = probe.err.hint[0] ? xsg_strdup(cli->arena, probe.err.hint) : NULL;
        }
        if (i == 2 && project.store_path)
            check_writable(cli, &project, &checks[i]);
        xsg_project_close(&project);
        if (i == 0 && rc != 0)
            return 1;
    }
    return 3;
}

static int run(struct xsg_cli *cli, const struct xsg_strings *words)
{
    struct xsg_check *machine = NULL;
    struct xsg_check mine[3];
    struct xsg_buf out = XSG_BUF_INIT;
    struct xsg_err err = {0};
    bool color = xsg_color_for(STDOUT_FILENO);
    char *runtime = NULL;
    size_t n, n_mine;
    bool problem = false;

    if (words->n > 0)
        return xsg_fail(&cli->err, XSG_EINVAL, "doctor takes no arguments");
    if (xsg_launch_find_runtime(cli->arena, &runtime, &err) != 0)
        runtime = NULL;
    n_mine = project_checks(cli, mine);
    n = xsg_machine_checks(cli->arena, ".", runtime, &machine);
    for (size_t i = 0; i < n_mine + n; i++) {
        const struct xsg_check *check = i < n_mine ? &mine[i] : &machine[i - n_mine];
        put_check(&out, check, color);
        problem |= check->state == XSG_CHECK_PROBLEM;
    }
    xsg_cli_print(out.data, out.len);
    xsg_buf_release(&out);
    return problem ? XSG_EXIT_INVALID : XSG_EXIT_PASSED;
}

static const struct xsg_opt opts[] = {{XSG_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, NULL}};
static const char *const examples[] = {"xsgate doctor", "before the first gate on a new machine",
                                       "xsgate doctor | grep -A1 PROBLEM", "what must be mended",
                                       NULL};
static const struct xsg_opt_spec spec = {
    "doctor",
    "doctor",
    "say what here will disturb or limit measurements",
    "Looks at the repository, the configuration, the store and the machine. A problem gives\n"
    "status 3; a note only informs.",
    opts,
    examples,
    NULL};
const struct xsg_command xsg_cmd_doctor = {.spec = &spec, .run = run};
