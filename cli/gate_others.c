/* Several baselines: the worst verdict decides. */
#include "base/str.h"
#include "cli/gate.h"

/* Worse is larger: a slowdown that was seen beats a measurement that failed. */
static int badness(enum xsg_verdict verdict)
{
    switch (verdict) {
    case XSG_VERDICT_REGRESSED:
        return 3;
    case XSG_VERDICT_INVALID:
        return 2;
    case XSG_VERDICT_UNDECIDED:
        return 1;
    case XSG_VERDICT_PASSED:
        break;
    }
    return 0;
}

void xsg_gate_record(struct xsg_cli *cli, struct xsg_gate_others *others, const char *name,
                     const struct xsg_commit *base, const struct xsg_comparison *c)
{
    others->lines =
        xsg_grow(cli->arena, others->lines, &others->cap, others->n + 1, sizeof *others->lines);
    others->lines[others->n++] = xsg_printf(cli->arena, "against %s (%.10s): %s; %s", name,
                                            base->oid, xsg_verdict_name(c->verdict), c->reason);
    if (badness(c->verdict) > badness(others->verdict)) {
        others->verdict = c->verdict;
        others->reason = xsg_printf(cli->arena, "against %s: %s", name, c->reason);
    }
}

void xsg_gate_tell_others(struct xsg_cli *cli, const struct xsg_gate_others *others,
                          struct xsg_comparison *c)
{
    size_t n = c->n_warnings + others->n;
    const char **warnings = XSG_NEW_ARRAY(cli->arena, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        warnings[i] = i < others->n ? others->lines[i] : c->warnings[i - others->n];
    c->warnings = warnings;
    c->n_warnings = n;
    if (badness(others->verdict) > badness(c->verdict)) {
        c->verdict = others->verdict;
        c->reason = others->reason;
    }
}
