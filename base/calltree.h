/*
 * A call tree as bytes, for rooms that keep or send one (the store). Exact: what is decoded is what
 * was encoded, node by node and bit by bit.
 *
 *   "XSGT" | 0x01 (version)
 *   varint n_functions | per function: name, file, module | varint line | varint end_line
 *   varint n_nodes     | per node: varint distance to its parent (0: the root) | varint function
 *                        | self, total, calls
 *
 * varint: unsigned LEB128, at most 10 bytes. A string: varint 0 for NULL, else length + 1, then the
 * bytes (no NUL among them). A double: its IEEE 754 bits with the bytes in reverse order, as a
 * varint, so that small whole numbers take 2 or 3 bytes and 0 takes one.
 */
#ifndef XSG_BASE_CALLTREE_H
#define XSG_BASE_CALLTREE_H

#include <stddef.h>

#include <xsgate/run.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

/* Appends the bytes. The tree must be whole: parents before children, indices in range. */
void xsg_calltree_encode(struct xsg_buf *out, const struct xsg_calltree *tree);

/*
 * Reads back exactly n bytes; data may be hostile. Memory is bounded by a small multiple of n. On
 * success every index is in range, parents come before children and every number is finite and not
 * negative. XSG_ECORRUPT with a sentence otherwise.
 */
int xsg_calltree_decode(struct xsg_arena *arena, const void *data, size_t n,
                        struct xsg_calltree *tree, struct xsg_err *err);

#endif
