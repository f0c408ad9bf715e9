/* The machine code's identity, over ELF files that the test compiles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"
#include "profiler/code.h"

struct fixture {
    struct xsg_arena arena;
    struct xsg_code_cache *code;
    char *folder;
    int n;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    f->code = xsg_code_open();
    return xsg_temp_dir(&f->arena, "/tmp", &f->folder, NULL);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    xsg_code_close(f->code);
    xsg_remove_tree(f->folder, NULL);
    xsg_arena_release(&f->arena);
    free(f);
    return 0;
}

/* Compiles source in a folder of its own; the path of what came out. */
static const char *build(struct fixture *f, const char *flags, const char *source)
{
    char *folder = xsg_printf(&f->arena, "%s/%d", f->folder, f->n++);
    xsg_mkdirs(folder, NULL);
    const char *file = xsg_path_join(&f->arena, folder, "a.c");
    assert_int_equal(xsg_write_file(file, source, strlen(source), NULL), 0);
    const char *out = xsg_path_join(&f->arena, folder, "a.out");
    const char *command =
        xsg_printf(&f->arena, "cd %s && cc -O2 %s -o a.out a.c -lm", folder, flags);
    if (system(command) != 0)
        fail_msg("cannot run: %s", command);
    return out;
}

static uint64_t binary(struct fixture *f, const char *path, const char *root)
{
    return xsg_code_binary(xsg_code_program(f->code, &path, 1), root);
}

static const char *says(struct fixture *f, const char *what)
{
    return xsg_printf(&f->arena, "#include <stdio.h>\nint main(void) { return puts(\"%s\"); }\n",
                      what);
}

static void equal_programs_have_one_number(void **state)
{
    struct fixture *f = *state;
    const char *one = "int main(void) { return 1; }\n", *two = "int main(void) { return 2; }\n";
    uint64_t a = binary(f, build(f, "-Wl,-rpath,/a", one), NULL);
    assert_true(a != 0);
    assert_true(a == binary(f, build(f, "-g -Wl,-rpath,/bcd", one), NULL));
    assert_true(a != binary(f, build(f, "", two), NULL));
    const char *x = says(f, "x"), *y = says(f, "y");
    assert_true(binary(f, build(f, "", x), NULL) != binary(f, build(f, "", y), NULL));
    const char *named = "#include <stdio.h>\nint main(void) { return puts(__FILE__); }\n";
    const char *p = build(f, "-fmacro-prefix-map==/root1/", named);
    const char *q = build(f, "-fmacro-prefix-map==/root2/", named);
    assert_true(binary(f, p, NULL) != binary(f, q, NULL));
}

static void the_checkouts_own_path_is_left_out(void **state)
{
    struct fixture *f = *state;
    const char *p = build(f, "", says(f, "/root1/a.c"));
    const char *q = build(f, "", says(f, "/root2/a.c"));
    struct xsg_code_cache *other = xsg_code_open();
    uint64_t b = xsg_code_binary(xsg_code_program(other, &q, 1), "/root2");
    assert_true(binary(f, p, "/root1") == b);
    xsg_code_close(other);
}

static void what_cannot_be_read_is_unknown(void **state)
{
    struct fixture *f = *state;
    const char *paths[] = {build(f, "", "int main(void) { return 0; }\n"), "/nowhere/at/all"};
    assert_true(binary(f, paths[1], NULL) == 0);
    assert_true(xsg_code_binary(xsg_code_program(f->code, paths, 2), NULL) == 0);
    assert_true(xsg_code_binary(xsg_code_program(f->code, paths, 1), NULL) != 0);
    assert_true(xsg_code_binary(xsg_code_program(f->code, paths, 0), NULL) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(equal_programs_have_one_number),
        TEST(the_checkouts_own_path_is_left_out),
        TEST(what_cannot_be_read_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
