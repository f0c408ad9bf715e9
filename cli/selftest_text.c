/* What the self test found, for people and for programs. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/change.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/selftest.h"

/* The threshold that a gate has unless it is configured: what a runner should be able to tell. */
#define USUAL_THRESHOLD 0.05
#define LAST (XSG_SELFTEST_LOOKS - 1)

static const struct xsg_delta *find(const struct xsg_comparison *c, const char *function)
{
    for (size_t i = 0; i < c->n_deltas; i++) {
        const char *name = c->deltas[i].function.name;
        if (function ? name && strcmp(name, function) == 0 : !name)
            return &c->deltas[i];
    }
    return NULL;
}

static const struct xsg_target_run *target_of(const struct xsg_selftest *test)
{
    return &test->equal->head->targets[0];
}

static double seconds(const struct xsg_selftest *test, size_t rounds)
{
    const struct xsg_comparison *c = test->equal;

    return c->rounds > 0 ? c->elapsed_s * (double)rounds / (double)c->rounds : (double)NAN;
}

static void size_of(char out[XSG_CHANGE_SIZE], double effect)
{
    if (fabs(effect) < 0.001)
        snprintf(out, XSG_CHANGE_SIZE, "%.2g %%", effect * 100);
    else
        xsg_format_size(out, 1 + effect);
}

/* ---- the two gates ----------------------------------------------------------------------------
 */

static void put_sign(struct xsg_buf *out, bool good, bool color)
{
    xsg_buf_printf(out, "%s%-8s%s", color ? (good ? "\033[32m" : "\033[31m") : "",
                   good ? "ok" : "FAILED", color ? "\033[0m" : "");
}

static void put_equal(struct xsg_buf *out, const struct xsg_selftest *test, bool color)
{
    const struct xsg_comparison *c = test->equal;

    put_sign(out, test->quiet, color);
    if (test->quiet)
        xsg_buf_printf(out, "equal commits: no alarm in %zu rounds, %.0f s\n", c->rounds,
                       c->elapsed_s);
    else
        xsg_buf_printf(out, "equal commits: a false alarm after %zu rounds: %s\n", c->rounds,
                       c->reason);
}

static void put_planted(struct xsg_buf *out, const struct xsg_selftest *test, bool color)
{
    const struct xsg_comparison *c = test->planted;
    const struct xsg_delta *d = find(test->planted, XSG_SELFTEST_PLANTED);
    char effect[XSG_CHANGE_SIZE], extra[XSG_CHANGE_SIZE];
    char ratio[XSG_CHANGE_SIZE], low[XSG_CHANGE_SIZE], high[XSG_CHANGE_SIZE];

    size_of(effect, test->effect);
    size_of(extra, test->factor - 1);
    put_sign(out, test->named, color);
    xsg_buf_printf(out,
                   "planted slowdown: %s made %s slower, the target %s: ", XSG_SELFTEST_PLANTED,
                   extra, effect);
    if (test->named)
        xsg_buf_puts(out, "seen, and only it is named");
    else if (c->verdict == XSG_VERDICT_REGRESSED)
        xsg_buf_printf(out, "seen, but %s", c->reason);
    else
        xsg_buf_puts(out, "not seen");
    xsg_buf_printf(out, ", %zu rounds, %.0f s\n", c->rounds, c->elapsed_s);
    if (!d)
        return;
    xsg_format_change(ratio, d->ratio);
    xsg_format_change(low, d->low);
    xsg_format_change(high, d->high);
    xsg_buf_printf(out, "        %s was measured %s (%s to %s)\n", XSG_SELFTEST_PLANTED, ratio, low,
                   high);
}

/* ---- what could be seen ------------------------------------------------------------------------
 */

static void put_pairing(struct xsg_buf *out, const struct xsg_selftest *test)
{
    static const char *const words[] = {"unknown", "one after the other", "both on one core",
                                        "each on a core of its own"};
    const struct xsg_target_run *target = target_of(test);

    xsg_buf_printf(out, "Pairs ran %s", words[target->pairing]);
    if (target->pairing_reason)
        xsg_buf_printf(out, ": %s", target->pairing_reason);
    xsg_buf_puts(out, ".\n");
    for (size_t i = 0; i < test->equal->n_warnings; i++) {
        xsg_buf_puts(out, "Note: ");
        xsg_put_printable(out, test->equal->warnings[i], strlen(test->equal->warnings[i]));
        xsg_buf_putc(out, '\n');
    }
}

static void put_row(struct xsg_buf *out, const struct xsg_selftest_row *row)
{
    char size[XSG_CHANGE_SIZE];

    size_of(size, row->share);
    xsg_buf_printf(out, "%-12s %7s", row->function ? row->function : "whole target", size);
    size_of(size, row->spread);
    xsg_buf_printf(out, " %7s", size);
    for (size_t k = 0; k < XSG_SELFTEST_LOOKS; k++) {
        size_of(size, row->detectable[k]);
        xsg_buf_printf(out, " %13s", size);
    }
    xsg_buf_putc(out, '\n');
}

/* The looks as a table, and the third of them as a sentence. */
static void put_table(struct xsg_buf *out, const struct xsg_selftest *test)
{
    const struct xsg_selftest_row *rows = test->rows;
    char size[3][XSG_CHANGE_SIZE];
    enum { SHOWN = 2 };

    size_of(size[0], rows[0].detectable[SHOWN]);
    size_of(size[1], rows[2].detectable[SHOWN]);
    size_of(size[2], rows[2].share);
    xsg_buf_printf(out,
                   "In %zu rounds (%.0f s) this machine tells a slowdown of %s of a whole target "
                   "like this one (%.2f s),\nand of %s of a function that has %s of it. What is "
                   "seen 19 times in 20:\n\n",
                   xsg_selftest_rounds[SHOWN], seconds(test, xsg_selftest_rounds[SHOWN]), size[0],
                   find(test->equal, NULL)->base.mean / 1e9, size[1], size[2]);
    xsg_buf_printf(out, "%-12s %7s %7s", "", "share", "spread");
    for (size_t k = 0; k < XSG_SELFTEST_LOOKS; k++)
        xsg_buf_printf(out, " %6zu rounds", xsg_selftest_rounds[k]);
    xsg_buf_printf(out, "\n%-12s %7s %7s", "", "", "");
    for (size_t k = 0; k < XSG_SELFTEST_LOOKS; k++)
        xsg_buf_printf(out, " %11.0f s", seconds(test, xsg_selftest_rounds[k]));
    xsg_buf_putc(out, '\n');
    for (size_t i = 0; i < test->n_rows; i++)
        put_row(out, &rows[i]);
    xsg_buf_puts(out, "spread: one standard deviation of a pair of equal programs\n\n");
}

/* ---- what to do -------------------------------------------------------------------------------
 */

static void put_advice(struct xsg_buf *out, const struct xsg_selftest *test)
{
    char best[XSG_CHANGE_SIZE], effect[XSG_CHANGE_SIZE];
    double smallest = test->rows[0].detectable[LAST];

    size_of(best, smallest);
    size_of(effect, test->effect);
    if (!test->named && test->planted->verdict != XSG_VERDICT_REGRESSED && smallest > test->effect)
        xsg_buf_printf(out,
                       "%s is less than what %zu rounds can tell of a whole target here: %s.\n",
                       effect, xsg_selftest_rounds[LAST], best);
    if (smallest > USUAL_THRESHOLD || !test->quiet || !test->named)
        xsg_buf_puts(out, "'xsgate doctor' says what disturbs this machine, and the remedy.\n");
    xsg_buf_printf(out,
                   "For less: a longer target; four times the rounds ('--rounds') for half as "
                   "much; or counted instructions\n('profile: [instructions]'), which need no "
                   "quiet machine: valgrind is %s.\n",
                   test->counts ? "installed" : "not installed");
}

void xsg_selftest_put_text(struct xsg_buf *out, const struct xsg_selftest *test, bool color)
{
    put_equal(out, test, color);
    put_planted(out, test, color);
    xsg_buf_putc(out, '\n');
    put_pairing(out, test);
    put_table(out, test);
    put_advice(out, test);
}

/* ---- for programs ------------------------------------------------------------------------------
 */

static void put_number(struct xsg_json_writer *w, const char *key, double value)
{
    xsg_json_key(w, key);
    xsg_json_double(w, value);
}

static void put_text(struct xsg_json_writer *w, const char *key, const char *value)
{
    xsg_json_key(w, key);
    xsg_json_string(w, value);
}

static void put_gate(struct xsg_json_writer *w, const char *key, const struct xsg_comparison *c)
{
    xsg_json_key(w, key);
    xsg_json_begin_object(w);
    put_text(w, "verdict", xsg_verdict_name(c->verdict));
    put_text(w, "reason", c->reason);
    put_number(w, "rounds", (double)c->rounds);
    put_number(w, "elapsed_s", c->elapsed_s);
    xsg_json_key(w, "named");
    xsg_json_begin_array(w);
    for (size_t i = 0; i < c->n_deltas; i++) {
        const struct xsg_delta *d = &c->deltas[i];
        if (d->verdict == XSG_DELTA_REGRESSED && d->counts && d->function.name)
            xsg_json_string(w, d->function.name);
    }
    xsg_json_end_array(w);
    xsg_json_end_object(w);
}

static void put_json_row(struct xsg_json_writer *w, const struct xsg_selftest *test,
                         const struct xsg_selftest_row *row)
{
    xsg_json_begin_object(w);
    put_text(w, "function", row->function);
    put_number(w, "share", row->share);
    put_number(w, "spread", row->spread);
    xsg_json_key(w, "detectable");
    xsg_json_begin_array(w);
    for (size_t k = 0; k < XSG_SELFTEST_LOOKS; k++) {
        xsg_json_begin_object(w);
        xsg_json_key(w, "rounds");
        xsg_json_int(w, (int64_t)xsg_selftest_rounds[k]);
        put_number(w, "seconds", seconds(test, xsg_selftest_rounds[k]));
        put_number(w, "effect", row->detectable[k]);
        xsg_json_end_object(w);
    }
    xsg_json_end_array(w);
    xsg_json_end_object(w);
}

void xsg_selftest_put_json(struct xsg_buf *out, const struct xsg_selftest *test)
{
    enum xsg_pairing pairing = target_of(test)->pairing;
    struct xsg_json_writer w;

    xsg_json_writer_init(&w, out, 2);
    xsg_json_begin_object(&w);
    xsg_json_key(&w, "schema");
    xsg_json_int(&w, 1);
    xsg_json_key(&w, "passed");
    xsg_json_bool(&w, test->quiet && test->named);
    put_number(&w, "effect", test->effect);
    put_number(&w, "factor", test->factor);
    put_text(&w, "planted_in", XSG_SELFTEST_PLANTED);
    put_text(&w, "pairing", pairing == XSG_PAIRING_AUTO ? NULL : xsg_pairing_names[pairing]);
    put_text(&w, "pairing_reason", target_of(test)->pairing_reason);
    put_gate(&w, "equal", test->equal);
    put_gate(&w, "planted", test->planted);
    xsg_json_key(&w, "smallest");
    xsg_json_begin_array(&w);
    for (size_t i = 0; i < test->n_rows; i++)
        put_json_row(&w, test, &test->rows[i]);
    xsg_json_end_array(&w);
    xsg_json_key(&w, "counts");
    xsg_json_bool(&w, test->counts);
    xsg_json_end_object(&w);
    xsg_buf_putc(out, '\n');
}
