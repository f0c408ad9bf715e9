/*
 * The grammar of RFC 8259, to the letter. cJSON accepts more (control characters, 01, "1.", text
 * after the end of a length) and says less about where it stopped; so it only sees what passed
 * here.
 */
#include "base/json_check.h"

#include <string.h>

#include "base/str.h"

enum { DEEPEST = 512 };

struct scanner {
    const char *p, *end;
    const char *problem; /* what is wrong at p */
};

static bool fail(struct scanner *s, const char *problem)
{
    if (!s->problem)
        s->problem = problem;
    return false;
}

static void skip_spaces(struct scanner *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

static bool is_digit(const struct scanner *s)
{
    return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

static bool scan_digits(struct scanner *s)
{
    if (!is_digit(s))
        return fail(s, "expected a digit");
    while (is_digit(s))
        s->p++;
    return true;
}

static bool scan_number(struct scanner *s)
{
    if (*s->p == '-')
        s->p++;
    if (s->p < s->end && *s->p == '0') {
        s->p++;
        if (is_digit(s))
            return fail(s, "a number must not begin with 0");
    } else if (!scan_digits(s)) {
        return false;
    }
    if (s->p < s->end && *s->p == '.') {
        s->p++;
        if (!scan_digits(s))
            return false;
    }
    if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
        s->p++;
        if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
            s->p++;
        return scan_digits(s);
    }
    return true;
}

/* Four hexadecimal digits after \u; -1 when they are none. */
static long scan_hex4(struct scanner *s)
{
    long value = 0;
    for (int i = 0; i < 4; i++, s->p++) {
        char c = s->p < s->end ? *s->p : '\0';
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* At the character after the backslash. */
static bool scan_escape(struct scanner *s)
{
    if (s->p < s->end && *s->p && strchr("\"\\/bfnrt", *s->p)) {
        s->p++;
        return true;
    }
    if (s->p >= s->end || *s->p != 'u')
        return fail(s, "unknown escape in a string");
    s->p++;
    long code = scan_hex4(s);
    if (code < 0)
        return fail(s, "expected four hexadecimal digits after \\u");
    if (code == 0)
        return fail(s, "a string must not contain the NUL character");
    if (code >= 0xdc00 && code <= 0xdfff)
        return fail(s, "half of a surrogate pair in a string");
    if (code >= 0xd800 && code <= 0xdbff) {
        bool follows = s->end - s->p > 2 && s->p[0] == '\\' && s->p[1] == 'u';
        if (follows)
            s->p += 2;
        long low = follows ? scan_hex4(s) : -1;
        if (low < 0xdc00 || low > 0xdfff)
            return fail(s, "half of a surrogate pair in a string");
    }
    return true;
}

static bool scan_string(struct scanner *s)
{
    const char *start = s->p++;
    while (s->p < s->end && *s->p != '"') {
        uint32_t c;
        size_t len = xsg_utf8_decode(s->p, (size_t)(s->end - s->p), &c);
        if (len == 0)
            return fail(s, "this is not valid UTF-8");
        if (c < 0x20)
            return fail(s, "a control character in a string must be escaped");
        s->p += len;
        if (c == '\\' && !scan_escape(s))
            return false;
    }
    if (s->p >= s->end) {
        s->p = start; /* where it began says more than the end of the text */
        return fail(s, "this string has no end");
    }
    s->p++;
    return true;
}

static bool scan_scalar(struct scanner *s)
{
    static const char *const words[] = {"true", "false", "null"};
    if (s->p >= s->end)
        return fail(s, "the text ends where a value is expected");
    if (*s->p == '"')
        return scan_string(s);
    if (*s->p == '-' || is_digit(s))
        return scan_number(s);
    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(s->end - s->p) >= n && memcmp(s->p, words[i], n) == 0) {
            s->p += n;
            return true;
        }
    }
    return fail(s, "expected a value");
}

static bool scan_key(struct scanner *s)
{
    skip_spaces(s);
    if (s->p >= s->end || *s->p != '"')
        return fail(s, "expected a key in double quotes");
    if (!scan_string(s))
        return false;
    skip_spaces(s);
    if (s->p >= s->end || *s->p != ':')
        return fail(s, "expected ':' after the key");
    s->p++;
    return true;
}

/* After a value: closes levels and steps over a comma. Leaves *depth 0 when the text is complete.
 */
static bool scan_after_value(struct scanner *s, const char *stack, int *depth)
{
    while (*depth > 0) {
        char closing = stack[*depth - 1];
        skip_spaces(s);
        if (s->p < s->end && *s->p == ',') {
            s->p++;
            return closing == '}' ? scan_key(s) : true;
        }
        if (s->p >= s->end || *s->p != closing)
            return fail(s, closing == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
        s->p++;
        --*depth;
    }
    return true;
}

static bool scan_document(struct scanner *s)
{
    char stack[DEEPEST];
    int depth = 0;
    do {
        skip_spaces(s);
        char open = s->p < s->end ? *s->p : '\0';
        if (open == '{' || open == '[') {
            if (depth == DEEPEST)
                return fail(s, "nested too deeply");
            char closing = open == '{' ? '}' : ']';
            stack[depth++] = closing;
            s->p++;
            skip_spaces(s);
            if (s->p >= s->end || *s->p != closing) {
                if (open == '{' && !scan_key(s))
                    return false;
                continue; /* its first value */
            }
            s->p++;
            depth--;
        } else if (!scan_scalar(s)) {
            return false;
        }
        if (!scan_after_value(s, stack, &depth))
            return false;
    } while (depth > 0);
    skip_spaces(s);
    return s->p == s->end || fail(s, "unexpected text after the end");
}

const char *xsg_json_check(const char *text, size_t n, size_t *offset)
{
    struct scanner s = {.p = text, .end = text + n};
    scan_document(&s);
    *offset = (size_t)(s.p - text);
    return s.problem;
}
