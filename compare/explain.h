/*
 * Between the files of compare: from verdicts of rows to what they mean together. In this order,
 * after the verdicts: what moved between functions, whose code is the same, which caller is slower
 * through a callee only. Each may take a row out of the gate's verdict (delta.counts), none puts
 * one in.
 */
#ifndef XSG_COMPARE_EXPLAIN_H
#define XSG_COMPARE_EXPLAIN_H

#include "compare/paths.h"
#include "compare/row.h"

#define XSG_RULE_SAME_CODE "machine code identical here and below: layout, input or noise"
#define XSG_RULE_MOVED "cost moved between functions"
#define XSG_RULE_THROUGH "slower only through a callee"

/* NULL: that side has it not. */
enum xsg_code xsg_code_compare(const struct xsg_function *base, const struct xsg_function *head);

/* code.c: rows that got slower, or are open, without any change of code do not count, unless a
 * rule of the gate names the function. */
void xsg_rows_excuse_code(struct xsg_target_work *t, const struct xsg_paths *paths);

/* moved.c: functions between which cost moved, while their sum stays within the threshold. */
void xsg_rows_find_moved(struct xsg_target_work *t, const struct xsg_paths *paths);

/* blame.c: delta.through of inclusive metrics and of the target itself. */
void xsg_rows_blame(struct xsg_target_work *t, const struct xsg_paths *paths);

/* blame.c: delta.changed and row.where, by the function and what is inlined into it. */
void xsg_row_find_changes(struct xsg_target_work *t, const struct xsg_paths *paths,
                          struct xsg_row *row);

#endif
