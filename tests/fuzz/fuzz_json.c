/* JSON and, on top of it, the report that is read back. */
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "ci/report/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_comparison comparison;
    struct xsg_err err = {0};
    cJSON *root = NULL;
    const char *text = (const char *)data;
    int rc = xsg_json_parse(text, n, &root, &err);
    if (rc ? err.text[0] == '\0' : !root)
        abort();
    cJSON_Delete(root);
    err = (struct xsg_err){0};
    if (xsg_report_read_json(&arena, text, n, &comparison, &err)) {
        if (err.text[0] == '\0')
            abort();
    } else {
        struct xsg_buf out = XSG_BUF_INIT;
        const struct xsg_report_options options = {.columns = 80};
        for (size_t i = 0; i < xsg_n_report_formats; i++)
            xsg_report_formats[i].write(&out, &comparison, &options);
        xsg_buf_release(&out);
    }
    xsg_arena_release(&arena);
    return 0;
}
