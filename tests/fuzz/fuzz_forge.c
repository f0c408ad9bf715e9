/* What a forge or a proxy says: event payloads, Link headers, URLs. The first byte chooses. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ci/forge/event.h"
#include "ci/forge/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_event(struct xsg_arena *arena, const char *text, size_t n, unsigned event)
{
    struct xsg_forge_context context = {.kind = XSG_FORGE_GITHUB,
                                        .event = (enum xsg_forge_event)(event % 6),
                                        .event_name = "event",
                                        .foreign = true};
    struct xsg_err err = {0};
    int rc = xsg_forge_read_event(arena, text, n, &context, &err);

    if (rc ? err.text[0] == '\0' : context.pull_request < 0)
        abort();
    /* Whatever goes on into a path is what it says it is. */
    if ((context.base_sha && !xsg_forge_is_sha(context.base_sha)) ||
        (context.head_sha && !xsg_forge_is_sha(context.head_sha)) ||
        (context.head_repository && !xsg_forge_is_repository(context.head_repository)))
        abort();
    /* A stranger is trusted only by name. */
    if (!context.foreign && !context.head_repository)
        abort();
}

static void check_url(struct xsg_arena *arena, const char *text)
{
    static const char base[] = "https://api.example/x";
    const char *next = xsg_link_next(arena, text);
    const char *url = xsg_url_resolve(arena, base, next ? next : text);
    struct xsg_buf segment = XSG_BUF_INIT;

    if (url && !xsg_url_origin(arena, url))
        abort();
    if (url && xsg_url_same_origin(url, base) &&
        strncasecmp(url, "https://api.example", strlen("https://api.example")) != 0)
        abort();
    xsg_url_put_segment(&segment, text);
    if (strpbrk(xsg_buf_str(&segment), "/?#&= \r\n"))
        abort();
    xsg_buf_release(&segment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct xsg_arena arena = XSG_ARENA_INIT;

    if (n > 0 && data[0] < '6')
        check_event(&arena, (const char *)data + 1, n - 1, data[0]);
    else if (n > 0)
        check_url(&arena, xsg_strndup(&arena, (const char *)data + 1, n - 1));
    xsg_arena_release(&arena);
    return 0;
}
