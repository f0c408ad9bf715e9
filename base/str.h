/* Text helpers: globs, nearest names, numbers with units, and making foreign text harmless. */
#ifndef XSG_BASE_STR_H
#define XSG_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

/*
 * Shell-style glob over the whole text: * ? [abc] [a-z] [!abc], and \ before a character meant as
 * itself; a [ without its ] is itself too, so that "operator[]" works. No special meaning for '/'
 * or
 * "::". At most |pattern| x |text| steps, whatever the pattern.
 */
bool xsg_glob(const char *pattern, const char *text);

/* Damerau-Levenshtein distance (adjacent swaps), at most limit + 1; different texts of 256 bytes
 * and more count as limit + 1. */
size_t xsg_edit_distance(const char *a, const char *b, size_t limit);

/* The nearest of names[n] to word, or NULL when none is near enough to be meant. */
const char *xsg_nearest(const char *word, const char *const *names, size_t n);

/* "5%" -> 0.05, "0.05" -> 0.05, "1.5 %" -> 0.015. 0 or XSG_EINVAL. */
int xsg_parse_ratio(const char *text, double *ratio);

/* "60s" "5m" "250ms" "1.5h" "90" (seconds) -> seconds. 0 or XSG_EINVAL. */
int xsg_parse_seconds(const char *text, double *seconds);

/* Whole text as a decimal integer in [low, high]. 0 or XSG_EINVAL. */
int xsg_parse_int(const char *text, int64_t low, int64_t high, int64_t *value);

/* Human forms with three significant digits: 1234567 ns -> "1.23 ms"; bytes -> "1.18 MiB"; a
 * value that is not finite is "-". */
void xsg_format_ns(char *out, size_t size, double ns);
void xsg_format_bytes(char *out, size_t size, double bytes);
/* By unit: "ns", "bytes", "count", "ratio" or any other (value then unit). */
void xsg_format_value(char *out, size_t size, double value, const char *unit);

/* Columns that valid or broken UTF-8 takes on a terminal (control characters count 0). */
size_t xsg_display_width(const char *text);

/*
 * Foreign text made fit for a terminal or a log: control characters (C0, DEL, C1, bidi overrides,
 * zero-width) and broken UTF-8 become visible \xNN or \u{NNNN} escapes; nothing is lost.
 */
void xsg_put_printable(struct xsg_buf *out, const char *text, size_t n);

/* The character at text[0 .. n): its bytes (1 to 4), or 0 when it is not valid UTF-8 or n is 0. */
size_t xsg_utf8_decode(const char *text, size_t n, uint32_t *code_point);

/* Is every byte sequence valid UTF-8 (no surrogates, no overlong forms, at most U+10FFFF)? */
bool xsg_is_utf8(const char *text, size_t n);

uint64_t xsg_hash(const void *bytes, size_t n); /* FNV-1a 64; not for adversaries' hash flooding */

#endif
