/* YAML and, on top of it, the suite: a configuration or a sentence with its place. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/yaml.h"
#include "harness/suite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_yaml_file file;
    struct xsg_suite suite;
    struct xsg_err err = {0};
    const char *text = (const char *)data;
    int rc = xsg_yaml_parse(&arena, "fuzz.yml", text, n, &file, &err);
    if (rc && strncmp(err.text, "fuzz.yml", 8) != 0)
        abort();
    err = (struct xsg_err){0};
    if (xsg_suite_parse(&arena, "fuzz.yml", text, n, &suite, &err) == 0) {
        if (rc || suite.n_targets == 0)
            abort();
    } else if (err.text[0] == '\0') {
        abort();
    }
    xsg_arena_release(&arena);
    return 0;
}
