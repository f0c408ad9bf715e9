/* Writes the page of a made-up comparison to standard output; "hostile": with hostile names. */
#include <stdio.h>
#include <string.h>

#include "ci/report/report.h"
#include "tests/unit/sample_page.h"

int main(int argc, char **argv)
{
    static const char *const calm[] = {"parse", "main", "parse_value", "skip_space"};
    static const char *const bad[] = {"</script><script>document.title='owned'</script>",
                                      "<img src=x onerror=\"document.title='owned'\">",
                                      "<!--<script>", "\xe2\x80\xa8&lt;\xe2\x80\xae"};
    bool hostile = argc > 1 && strcmp(argv[1], "hostile") == 0;
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_buf out = XSG_BUF_INIT;
    struct xsg_report_options options = {0};
    struct xsg_comparison c = sample_page(&arena, hostile ? bad : calm, hostile);

    xsg_report_find("html")->write(&out, &c, &options);
    fwrite(out.data, 1, out.len, stdout);
    xsg_buf_release(&out);
    xsg_arena_release(&arena);
    return 0;
}
