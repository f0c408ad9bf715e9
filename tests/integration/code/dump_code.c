/* dump_code ROOT FILE...: a program of these ELF files, built in ROOT. Reads "FILE-NUMBER ADDRESS"
 * lines (hex) and answers each with the codes of the function there: "CODE CODE_DEEP". */
#include <inttypes.h>
#include <stdio.h>

#include "profiler/code.h"

int main(int argc, char **argv)
{
    struct xsg_code_cache *cache = xsg_code_open();
    if (argc < 3)
        return 2;
    const char *const *paths = (const char *const *)argv + 2;
    struct xsg_code_program *program = xsg_code_program(cache, argv[1], paths, (size_t)argc - 2);
    unsigned file;
    uint64_t vaddr, code, deep;
    while (scanf("%u %" SCNx64, &file, &vaddr) == 2 && file < (unsigned)argc - 2) {
        xsg_code_function(program, paths[file], vaddr, &code, &deep);
        printf("%016" PRIx64 " %016" PRIx64 "\n", code, deep);
    }
    xsg_code_close(cache);
    return 0;
}
