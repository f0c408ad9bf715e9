/* selftest: shows on this machine that the gate sees a slowdown, and how small a one. */
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/selftest.h"

static struct {
    double effect;
    const char *format;
} o = {.effect = 0.05, .format = "text"};

static int check(struct xsg_cli *cli, const struct xsg_strings *words)
{
    if (words->n > 0)
        return xsg_fail(&cli->err, XSG_EINVAL, "selftest takes no arguments");
    if (cli->config || cli->store)
        return xsg_fail(&cli->err, XSG_EINVAL, "selftest brings its own configuration and store");
    if (!(o.effect > 0) || o.effect > 1)
        return xsg_fail(&cli->err, XSG_EINVAL,
                        "--effect: expected more than 0%% and at most 100%%");
    return 0;
}

static int run(struct xsg_cli *cli, const struct xsg_strings *words)
{
    struct xsg_selftest test = {.effect = o.effect};
    struct xsg_buf out = XSG_BUF_INIT;
    int rc = check(cli, words);

    if (rc == 0)
        rc = xsg_selftest_run(cli, &test);
    if (rc != 0)
        return rc;
    if (strcmp(o.format, "json") == 0) {
        xsg_selftest_put_json(&out, &test);
        xsg_cli_write(out.data, out.len);
    } else {
        xsg_selftest_put_text(&out, &test, xsg_color_for(STDOUT_FILENO));
        xsg_cli_print(out.data, out.len);
    }
    xsg_buf_release(&out);
    return test.quiet && test.named ? XSG_EXIT_PASSED : XSG_EXIT_REGRESSED;
}

static const char *const formats[] = {"text", "json", NULL};
static const struct xsg_opt opts[] = {
    {XSG_OPT_RATIO, 'e', "effect", "PERCENT", "how much slower the planted target is; default 5%",
     &o.effect, NULL, NULL},
    {XSG_OPT_STRING, 'f', "format", "FORMAT", "text (default) or json", &o.format, formats, NULL},
    {XSG_OPT_END, 0, NULL, NULL, NULL, NULL, NULL, NULL},
};
static const char *const examples[] = {
    "xsgate selftest", "is this runner fit for a gate, and what can it see?",
    "xsgate selftest --effect 2%", "would it see a target that is 2 % slower?", NULL};
static const struct xsg_opt_spec spec = {
    "selftest",
    "selftest [--effect PERCENT]",
    "plant a slowdown and show that the gate sees it here",
    "Gates a bundled target twice, in a temporary folder: equal commits must pass, and a slowdown\n"
    "planted in one function must fail and name it. Says how small an effect this machine can\n"
    "tell. Status 0: the gate did its job; 1: it missed it, or raised a false alarm; 3: could not\n"
    "measure.",
    opts,
    examples,
    NULL};
const struct xsg_command xsg_cmd_selftest = {.spec = &spec, .run = run, .keeps_status = true};
