#include "base/str.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* Does the class at p ("[...]") hold c? Returns the pattern after it, or NULL when p has no end. */
static const char *match_class(const char *p, unsigned char c, bool *matches)
{
    p++;
    bool negated = *p == '!' || *p == '^';
    if (negated)
        p++;
    bool found = false;
    for (bool first = true; *p && (first || *p != ']'); first = false) {
        unsigned char low = (unsigned char)*p++, high = low;
        if (p[0] == '-' && p[1] && p[1] != ']') {
            high = (unsigned char)p[1];
            p += 2;
        }
        if (low <= c && c <= high)
            found = true;
    }
    if (*p != ']')
        return NULL;
    *matches = found != negated;
    return p + 1;
}

/* Matches one element of the pattern that is not a star; returns the pattern after it, NULL if not.
 */
static const char *match_one(const char *p, const char *text, size_t *taken)
{
    *taken = 1;
    if (*p == '?') {
        uint32_t ignored;
        size_t n = xsg_utf8_decode(text, strnlen(text, 4), &ignored);
        *taken = n ? n : 1;
        return p + 1;
    }
    if (*p == '[') {
        bool matches = false;
        const char *end = match_class(p, (unsigned char)*text, &matches);
        if (end)
            return matches ? end : NULL;
    }
    if (*p == '\\' && p[1])
        p++;
    return *p == *text ? p + 1 : NULL;
}

bool xsg_glob(const char *pattern, const char *text)
{
    const char *star = NULL, *star_text = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            star_text = text;
            continue;
        }
        size_t taken;
        const char *rest = *pattern ? match_one(pattern, text, &taken) : NULL;
        if (rest) {
            pattern = rest;
            text += taken;
        } else if (star) {
            /* Only the last star needs another try: an earlier one could only take less. */
            pattern = star;
            text = ++star_text;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

enum { LONGEST_WORD = 255 };

size_t xsg_edit_distance(const char *a, const char *b, size_t limit)
{
    size_t na = strlen(a), nb = strlen(b);
    if (strcmp(a, b) == 0)
        return 0;
    if (na > LONGEST_WORD || nb > LONGEST_WORD)
        return limit + 1;
    size_t rows[3][LONGEST_WORD + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= nb; j++)
        last[j] = j;
    for (size_t i = 1; i <= na; i++) {
        now[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t d = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < d)
                d = last[j] + 1;
            if (now[j - 1] + 1 < d)
                d = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < d)
                d = before[j - 2] + 1;
            now[j] = d;
        }
        size_t *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[nb] <= limit ? last[nb] : limit + 1;
}

const char *xsg_nearest(const char *word, const char *const *names, size_t n)
{
    size_t len = strlen(word);
    size_t limit = (len + 2) / 3 > 3 ? 3 : (len + 2) / 3;
    size_t best = limit + 1;
    const char *nearest = NULL;
    for (size_t i = 0; i < n; i++) {
        size_t distance = xsg_edit_distance(word, names[i], limit);
        /* "thresh" means "threshold", however many letters are missing at the end. */
        if (distance > 1 && len >= 3 && strncmp(word, names[i], len) == 0)
            distance = 1;
        /* Two letters of a two-letter word in common with nothing is not a likeness. */
        if (distance < best && distance < strlen(names[i])) {
            best = distance;
            nearest = names[i];
        }
    }
    return nearest;
}

/* A plain decimal number, without the extras of strtod (hex, inf, nan, sign, exponent). */
static const char *parse_decimal(const char *text, double *value)
{
    size_t whole = strspn(text, "0123456789");
    const char *end = text + whole;
    size_t fraction = 0;
    if (*end == '.') {
        fraction = strspn(end + 1, "0123456789");
        end += 1 + fraction;
    }
    if (whole + fraction == 0 || whole > 15)
        return NULL;
    double sum = 0, scale = 1;
    for (const char *p = text; p < end; p++) {
        if (*p == '.')
            continue;
        if (p > text + whole && p - (text + whole) > 15)
            continue; /* digits beyond what a double holds */
        sum = sum * 10 + (*p - '0');
        if (p > text + whole)
            scale *= 10;
    }
    *value = sum / scale;
    return end;
}

static const char *skip_spaces(const char *text)
{
    return text + strspn(text, " \t");
}

int xsg_parse_ratio(const char *text, double *ratio)
{
    double value;
    const char *end = parse_decimal(text, &value);
    if (!end)
        return XSG_EINVAL;
    end = skip_spaces(end);
    if (*end == '%') {
        value /= 100;
        end++;
    }
    if (*skip_spaces(end))
        return XSG_EINVAL;
    *ratio = value;
    return XSG_OK;
}

int xsg_parse_seconds(const char *text, double *seconds)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"", 1},      {"s", 1},  {"sec", 1},  {"ms", 1e-3}, {"us", 1e-6},
                 {"ns", 1e-9}, {"m", 60}, {"min", 60}, {"h", 3600},  {"d", 86400}};
    double value;
    const char *end = parse_decimal(text, &value);
    if (!end)
        return XSG_EINVAL;
    end = skip_spaces(end);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].name) == 0) {
            *seconds = value * units[i].seconds;
            return XSG_OK;
        }
    }
    return XSG_EINVAL;
}

int xsg_parse_int(const char *text, int64_t low, int64_t high, int64_t *value)
{
    const char *digits = *text == '-' || *text == '+' ? text + 1 : text;
    if (*digits < '0' || *digits > '9')
        return XSG_EINVAL;
    char *end;
    errno = 0;
    long long parsed = strtoll(text, &end, 10);
    if (errno || *end || parsed < low || parsed > high)
        return XSG_EINVAL;
    *value = parsed;
    return XSG_OK;
}

uint64_t xsg_hash(const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ p[i]) * 0x100000001b3u;
    return hash;
}
