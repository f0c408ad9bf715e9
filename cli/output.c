#include "cli/output.h"

#include <string.h>
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
        if (!file && on_stdout)
            return xsg_fail(
                &cli->err, XSG_EINVAL,
                "%s and %s cannot both go to standard output; name a file: --report %s:FILE",
                on_stdout, name, name);
        if (!file)
            on_stdout = name;
    }
    return 0;
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
        rc = xsg_write_file(file, out.data, out.len, &cli->err);
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
