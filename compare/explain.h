/*
 * Between the files of compare: from verdicts of rows to what they mean together. In this order,
 * after the verdicts: what moved between functions, whose code is the same, which caller is slower
 * through a callee only. Each may take a row out of the gate's verdict (delta.counts); only what
 * the same code persists to do in other layouts is put in again.
 */
#ifndef XSG_COMPARE_EXPLAIN_H
#define XSG_COMPARE_EXPLAIN_H

#include "compare/paths.h"
#include "compare/row.h"

#define XSG_RULE_SAME_CODE "machine code identical here and below: layout, input or noise"
#define XSG_RULE_MOVED "cost moved between functions"
#define XSG_RULE_BESIDE "little beside a changed function that got slower"
#define XSG_RULE_THROUGH "slower only through a callee"

/* The rule of a target that is slower only in the order that the build links in. */
#define XSG_RULE_LAYOUT "gone when linked in another order"

/* The rule of a function of the same code that other orders neither show nor exclude. */
#define XSG_RULE_LAYOUT_OPEN "machine code identical: open when linked in other orders"

/* The rule of a function of the same code, here and below, that no other order could be asked
 * about, while other code that runs before it changed. */
#define XSG_RULE_LAYOUT_UNKNOWN                                                                    \
    "machine code identical here and below, other link orders not measured"

/* NULL: that side has it not. */
enum xsg_code xsg_code_compare(const struct xsg_function *base, const struct xsg_function *head);

/* code.c: the function of a side with what only series know of it; NULL: it has none there. */
const struct xsg_function *xsg_code_informed(const struct xsg_side *side,
                                             const struct xsg_function *function);

/* code.c: rows that got slower, or are open, without any change of code do not count, unless a
 * rule of the gate names the function. */
void xsg_rows_excuse_code(struct xsg_target_work *t, const struct xsg_paths *paths);

/* code.c: SAME where every function that is worth judging, and main, has the same code; SAME_DEEP
 * where all that main calls has; else DIFFERENT. */
enum xsg_code xsg_code_of_target(const struct xsg_target_work *t);

/* layout.c: what is slower with the same code: does it persist in other layouts? The only one that
 * may put a row into the verdict again. */
void xsg_rows_check_layout(struct xsg_target_work *t);
/* layout.c: the row's cause, with what its layouts showed. */
const char *xsg_layout_remark(const struct xsg_target_work *t, const struct xsg_row *row,
                              const char *cause);

/* moved.c: functions between which cost moved, while their sum stays within the threshold; and
 * those that did not change and got slower by a little of what a changed one beside them lost. */
void xsg_rows_find_moved(struct xsg_target_work *t, const struct xsg_paths *paths);

/* blame.c: delta.through of inclusive metrics and of the target itself. */
void xsg_rows_blame(struct xsg_target_work *t, const struct xsg_paths *paths);

/* blame.c: delta.changed and row.where, by the function, what is inlined into it and, of an
 * inclusive metric, the callees that carry the change; row.caller of code that is the same. */
void xsg_row_find_changes(struct xsg_target_work *t, const struct xsg_paths *paths,
                          struct xsg_row *row);

#endif
