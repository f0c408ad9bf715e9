/* When to stop measuring: the comparison's answer to the plan's looks. */
#ifndef XSG_CLI_GATE_LOOKS_H
#define XSG_CLI_GATE_LOOKS_H

#include "compare/compare.h"
#include "harness/plan.h"

/* Where each target stands. compare is what the final comparison needs, too. */
struct xsg_gate_looks {
    const struct xsg_run *base, *head; /* being filled by the plan */
    const struct xsg_gate *gate;
    struct xsg_compare_options compare;
    struct xsg_looks looks;
    size_t *target_look, *fresh_from; /* of each target */
    bool *decided;
};

/* n targets; all pointers are kept, the arena's too. */
void xsg_gate_looks_init(struct xsg_gate_looks *looks, struct xsg_arena *arena,
                         const struct xsg_run *base, const struct xsg_run *head,
                         const struct xsg_gate *gate, size_t n);

/* Notes in the runs where each target stopped, for when they are judged again. */
void xsg_gate_looks_keep(const struct xsg_gate_looks *looks, struct xsg_run *base,
                         struct xsg_run *head);
/* Of two runs with such notes: they are judged as they were, for a second judgement at a level of
 * its own would spend the error twice. */
void xsg_gate_looks_restore(struct xsg_gate_looks *looks);

/* For struct xsg_plan_options; arg is the struct xsg_gate_looks. */
void xsg_gate_look(void *arg, const struct xsg_plan_look *look, enum xsg_plan_decision *decision);
bool xsg_gate_confirmed(void *arg, size_t target, size_t from);

#endif
