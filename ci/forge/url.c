#include "ci/forge/url.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

enum { LONGEST = 8192 };

static size_t scheme_length(const char *url)
{
    return strncasecmp(url, "https://", 8) == 0 ? 8 : strncasecmp(url, "http://", 7) == 0 ? 7 : 0;
}

static bool is_clean(const char *url)
{
    size_t n = 0;

    for (; url[n]; n++) {
        if ((unsigned char)url[n] <= ' ' || (unsigned char)url[n] >= 0x7f ||
            strchr("\\\"<>^`{|}", url[n]) || n >= LONGEST)
            return false;
    }
    return n > 0;
}

/* The host's end within "host[:port]" of n bytes; 0 when it is none. */
static size_t host_length(const char *text, size_t n)
{
    size_t host = 0;

    if (n > 0 && text[0] == '[') {
        host = strspn(text + 1, "0123456789abcdefABCDEF:.") + 1;
        return host > 1 && host < n && text[host] == ']' ? host + 1 : 0;
    }
    while (host < n && (isalnum((unsigned char)text[host]) || strchr("-._", text[host])))
        host++;
    return host;
}

const char *xsg_url_origin(struct xsg_arena *arena, const char *url)
{
    size_t scheme = url && is_clean(url) ? scheme_length(url) : 0;
    const char *authority = url + scheme;
    size_t n, host;
    int64_t port = scheme == 8 ? 443 : 80;
    char *origin;

    if (scheme == 0)
        return NULL;
    n = strcspn(authority, "/?#");
    host = host_length(authority, n);
    if (host == 0)
        return NULL;
    if (host < n && (authority[host] != ':' ||
                     xsg_parse_int(xsg_strndup(arena, authority + host + 1, n - host - 1), 1, 65535,
                                   &port) != 0))
        return NULL;
    origin = xsg_printf(arena, "%s://%.*s:%d", scheme == 8 ? "https" : "http", (int)host, authority,
                        (int)port);
    for (char *c = origin; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return origin;
}

bool xsg_url_same_origin(const char *a, const char *b)
{
    struct xsg_arena scratch = XSG_ARENA_INIT;
    const char *first = xsg_url_origin(&scratch, a), *second = xsg_url_origin(&scratch, b);
    bool same = first && second && strcmp(first, second) == 0;

    xsg_arena_release(&scratch);
    return same;
}

bool xsg_url_is_private(const char *url)
{
    static const char *const own[] = {"http://127.0.0.1:", "http://localhost:", "http://[::1]:"};
    struct xsg_arena scratch = XSG_ARENA_INIT;
    const char *origin = xsg_url_origin(&scratch, url);
    bool is_private = origin && strncmp(origin, "https://", 8) == 0;

    for (size_t i = 0; origin && i < sizeof own / sizeof own[0]; i++)
        is_private |= strncmp(origin, own[i], strlen(own[i])) == 0;
    xsg_arena_release(&scratch);
    return is_private;
}

const char *xsg_url_resolve(struct xsg_arena *arena, const char *base, const char *reference)
{
    if (!is_clean(reference))
        return NULL;
    if (xsg_url_origin(arena, reference))
        return xsg_strdup(arena, reference);
    if (reference[0] != '/' || reference[1] == '/' || !xsg_url_origin(arena, base))
        return NULL;
    return xsg_printf(arena, "%s%s", xsg_url_origin(arena, base), reference);
}

/* ---- Link: <target>; rel="next"; title="a, b", <target> ... ---------------------------------- */

static const char *skip_blanks(const char *s)
{
    return s + strspn(s, " \t");
}

/* Behind a parameter's value; *value and *n are set to it, without its quotes. */
static const char *read_value(const char *s, const char **value, size_t *n)
{
    if (*s != '"') {
        *value = s;
        *n = strcspn(s, " \t;,");
        return s + *n;
    }
    *value = ++s;
    while (*s && *s != '"')
        s += s[0] == '\\' && s[1] ? 2 : 1;
    *n = (size_t)(s - *value);
    return *s ? s + 1 : s;
}

/* rel is a list of words: is one of them "next"? */
static bool has_next(const char *value, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t start = i;
        while (i < n && value[i] != ' ' && value[i] != '\t')
            i++;
        if (i - start == 4 && strncasecmp(value + start, "next", 4) == 0)
            return true;
        i++;
    }
    return false;
}

/* The parameters of one link, up to the comma behind it. */
static const char *read_parameters(const char *s, bool *is_next)
{
    const char *value;
    size_t n;

    for (s = skip_blanks(s); *s == ';'; s = skip_blanks(s)) {
        const char *name = skip_blanks(s + 1);
        size_t name_n = strcspn(name, " \t=;,");
        s = skip_blanks(name + name_n);
        if (*s != '=')
            continue;
        s = read_value(skip_blanks(s + 1), &value, &n);
        if (name_n == 3 && strncasecmp(name, "rel", 3) == 0)
            *is_next |= has_next(value, n);
    }
    return s;
}

const char *xsg_link_next(struct xsg_arena *arena, const char *header)
{
    for (const char *s = skip_blanks(header); *s == '<';) {
        size_t n = strcspn(s + 1, ">");
        const char *target = s + 1;
        bool is_next = false;
        if (target[n] != '>')
            return NULL;
        s = read_parameters(target + n + 1, &is_next);
        if (is_next)
            return xsg_strndup(arena, target, n);
        s += *s == ',';
        s = skip_blanks(s);
    }
    return NULL;
}

void xsg_url_put_segment(struct xsg_buf *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (isalnum(c) || strchr("-._~", c))
            xsg_buf_putc(out, (char)c);
        else
            xsg_buf_printf(out, "%%%02X", c);
    }
}
