#include "cli/output.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "ci/report/report.h"

static const char *split(struct xsg_arena *arena, const char *report, const char **file)
{
    const char *colon = strchr(report, ':');

    *file = colon && colon[1] && strcmp(colon + 1, "-") != 0 ? colon + 1 : NULL;
    return colon ? xsg_strndup(arena, report, (size_t)(colon - report)) : report;
}

/* The nearest folder above the file that is there: in it the file, or the first folder on the way
 * to it, will be made. A link is followed: what it points to is replaced, not the link. */
static const char *folder_for(struct xsg_arena *arena, const char *file, bool exists)
{
    char real[PATH_MAX];
    const char *place = exists && realpath(file, real) ? real : file;

    do
        place = xsg_path_dir(arena, place);
    while (access(place, F_OK) != 0 && strcmp(place, ".") != 0 && strcmp(place, "/") != 0);
    return place;
}

/* A file that cannot be written is told before minutes are spent on measuring. */
static int check_file(struct xsg_cli *cli, const char *file)
{
    struct stat st;
    bool exists = stat(file, &st) == 0;
    bool is_folder = exists ? S_ISDIR(st.st_mode) : file[strlen(file) - 1] == '/';
    bool in_place = exists && !S_ISREG(st.st_mode); /* a device, a pipe */
    const char *place = in_place ? file : folder_for(cli->arena, file, exists);

    if (is_folder)
        return xsg_fail(&cli->err, XSG_EINVAL, "cannot write the report '%s': it is a folder",
                        file);
    if (!in_place && !xsg_is_dir(place))
        return xsg_fail(&cli->err, XSG_EINVAL, "cannot write the report '%s': '%s' is no folder",
                        file, place);
    if (access(place, in_place ? W_OK : W_OK | X_OK) != 0)
        return xsg_fail(&cli->err, XSG_EINVAL, "cannot write the report '%s' in '%s': %s", file,
                        place, xsg_system_reason(errno));
    return 0;
}

int xsg_output_check(struct xsg_cli *cli, const struct xsg_strings *reports)
{
    const char *names[16];
    const char *on_stdout = NULL;

    for (size_t i = 0; i < xsg_n_report_formats && i < 16; i++)
        names[i] = xsg_report_formats[i].name;
    for (size_t i = 0; i < reports->n; i++) {
        const char *file, *nearest;
        const char *name = split(cli->arena, reports->item[i], &file);
        if (!xsg_report_find(name)) {
            nearest = xsg_nearest(name, names, xsg_n_report_formats);
            xsg_fail(&cli->err, XSG_EINVAL, "'%s' is not a report format", name);
            return xsg_fail_hint(
                &cli->err, XSG_EINVAL,
                "formats: text, markdown, json, html, junit, github, codequality, metrics%s%s%s",
                nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
        }
        if (file) {
            int rc = check_file(cli, file);
            if (rc != 0)
                return rc;
            continue;
        }
        if (on_stdout)
            return xsg_fail(
                &cli->err, XSG_EINVAL,
                "%s and %s cannot both go to standard output; name a file: --report %s:FILE",
                on_stdout, name, name);
        on_stdout = name;
    }
    return 0;
}

static int write_file(struct xsg_cli *cli, const char *file, const struct xsg_buf *out)
{
    int rc = xsg_mkdirs(xsg_path_dir(cli->arena, file), &cli->err);

    return rc != 0 ? rc : xsg_write_file(file, out->data, out->len, &cli->err);
}

static int write_one(struct xsg_cli *cli, const struct xsg_comparison *comparison, const char *name,
                     const char *file, const char *html_page)
{
    struct xsg_buf out = XSG_BUF_INIT;
    struct xsg_report_options options = {
        .columns = xsg_terminal_columns(STDOUT_FILENO, 100),
        .color = !file && xsg_color_for(STDOUT_FILENO),
        .html = html_page,
    };
    int rc = 0;

    xsg_report_find(name)->write(&out, comparison, &options);
    if (file)
        rc = write_file(cli, file, &out);
    else if (strcmp(name, "text") == 0 || strcmp(name, "markdown") == 0)
        xsg_cli_print(out.data, out.len);
    else
        xsg_cli_write(out.data, out.len);
    xsg_buf_release(&out);
    return rc;
}

int xsg_output_write(struct xsg_cli *cli, const struct xsg_comparison *comparison,
                     const struct xsg_strings *reports, const char *html_page)
{
    bool stdout_taken = false;
    int first = 0;

    xsg_progress_clear();
    if (html_page) {
        struct xsg_err err = {0};
        struct xsg_cli quiet = {.arena = cli->arena};
        if (write_one(&quiet, comparison, "html", html_page, NULL) != 0) {
            err = quiet.err;
            xsg_warn("the HTML report was not written: %s", err.text);
            html_page = NULL;
        }
    }
    for (size_t i = 0; i < reports->n; i++) {
        const char *file;
        const char *name = split(cli->arena, reports->item[i], &file);
        int rc = write_one(cli, comparison, name, file, html_page);
        stdout_taken |= !file;
        if (rc != 0 && first == 0)
            first = rc;
    }
    if (!stdout_taken)
        write_one(cli, comparison, "text", NULL, html_page);
    return first;
}

void xsg_output_write_failed(struct xsg_cli *cli, const struct xsg_comparison *comparison,
                             const struct xsg_strings *reports)
{
    for (size_t i = 0; i < reports->n; i++) {
        struct xsg_cli quiet = {.arena = cli->arena}; /* cli's own error says why the gate failed */
        const char *file;
        const char *name = split(cli->arena, reports->item[i], &file);
        if (file && write_one(&quiet, comparison, name, file, NULL) != 0)
            xsg_warn("%s", quiet.err.text);
    }
}

int xsg_output_put(struct xsg_cli *cli, const char *file, struct xsg_buf *out)
{
    int rc = 0;
    if (file)
        rc = xsg_write_file(file, out->data, out->len, &cli->err);
    else
        xsg_cli_print(out->data, out->len);
    xsg_buf_release(out);
    return rc;
}
