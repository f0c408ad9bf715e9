/* The machine code's identity, over ELF files that the test compiles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/rng.h"
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
    return xsg_code_binary(xsg_code_program(f->code, root, &path, 1));
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
    assert_true(binary(f, p, "/root1") == binary(f, q, "/root2"));
    assert_true(binary(f, p, "/root1") != binary(f, q, "/root"));
}

static void what_cannot_be_read_is_unknown(void **state)
{
    struct fixture *f = *state;
    const char *paths[] = {build(f, "", "int main(void) { return 0; }\n"), "/nowhere/at/all"};
    assert_true(binary(f, paths[1], NULL) == 0);
    assert_true(xsg_code_binary(xsg_code_program(f->code, NULL, paths, 2)) == 0);
    assert_true(xsg_code_binary(xsg_code_program(f->code, NULL, paths, 1)) != 0);
    assert_true(xsg_code_binary(xsg_code_program(f->code, NULL, paths, 0)) == 0);
}

static const char hostile_source[] =
    "#include <stdio.h>\n#include <stdlib.h>\n"
    "static const char *const names[] = {\"one\", \"two\", \"three\"};\n"
    "__attribute__((noinline)) int f(int n) { switch (n) { case 0: return puts(names[1]); case 1:"
    " return rand(); case 2: return 9; case 3: return n * 3; case 4: return puts(\"x\"); case 5:"
    " return 77; case 6: return f(n - 1); } return (int)(n * 1.25); }\n"
    "int main(int c, char **v) { return f(c) + (v[0] != names[c]); }\n";

/* All that looks like a function's start in the undamaged file; each is asked for in damaged ones.
 */
static void ask_everywhere(struct fixture *f, const char *path, uint64_t size)
{
    struct xsg_code_cache *cache = xsg_code_open();
    struct xsg_code_program *program = xsg_code_program(cache, f->folder, &path, 1);
    uint64_t code, deep;
    for (uint64_t at = 0; at < size; at += 16)
        xsg_code_function(program, path, at, &code, &deep);
    xsg_code_binary(program);
    xsg_code_close(cache);
}

static void damaged_files_do_no_harm(void **state)
{
    struct fixture *f = *state;
    static const char *const flags[] = {"", "-no-pie -fno-pie"};
    struct xsg_rng rng;
    xsg_rng_init(&rng, 7);
    for (size_t k = 0; k < 2; k++) {
        const char *path = build(f, flags[k], hostile_source);
        char *data;
        size_t n;
        assert_int_equal(xsg_read_file(&f->arena, path, 1 << 24, &data, &n, NULL), 0);
        const char *damaged = xsg_printf(&f->arena, "%s.damaged", path);
        for (int round = 0; round < 300; round++) {
            char *copy = xsg_alloc(&f->arena, n, 1);
            memcpy(copy, data, n);
            size_t from = round % 3 == 0 ? 0 : round % 3 == 1 ? n - 4096 : n / 2;
            size_t range = round % 3 == 2 ? n / 2 : 4096;
            for (int i = 0; i < 1 + round % 20; i++)
                copy[from + xsg_rng_below(&rng, range)] = (char)xsg_rng_next(&rng);
            size_t cut = round % 10 == 9 ? (size_t)xsg_rng_below(&rng, n) : n;
            assert_int_equal(xsg_write_file(damaged, copy, cut, NULL), 0);
            ask_everywhere(f, damaged, 0x6000);
        }
    }
}

static uint64_t address_of(struct fixture *f, const char *path, const char *function)
{
    const char *out = xsg_printf(&f->arena, "%s.address", path);
    const char *command =
        xsg_printf(&f->arena, "nm %s | awk '$3 == \"%s\" {print $1}' > %s", path, function, out);
    char *text;
    size_t n;
    assert_int_equal(system(command), 0);
    assert_int_equal(xsg_read_file(&f->arena, out, 100, &text, &n, NULL), 0);
    assert_true(n > 0);
    return strtoull(text, NULL, 16);
}

static void a_function_has_a_number(void **state)
{
    struct fixture *f = *state;
    const char *paths[] = {build(f, "-pie -fPIE", hostile_source),
                           build(f, "-g -pie -fPIE -Wl,-z,separate-code", hostile_source)};
    uint64_t code[2], deep[2], none;
    for (int i = 0; i < 2; i++) {
        struct xsg_code_program *program = xsg_code_program(f->code, NULL, &paths[i], 1);
        uint64_t at = address_of(f, paths[i], "f");
        xsg_code_function(program, paths[i], at, &code[i], &deep[i]);
        assert_true(code[i] != 0 && deep[i] != 0);
        xsg_code_function(program, paths[i], at + 9, &none, &deep[i]);
        assert_true(none == code[i]);
        xsg_code_function(program, "/elsewhere", at, &none, &none);
        assert_true(none == 0);
    }
    assert_true(code[0] == code[1] && deep[0] == deep[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(equal_programs_have_one_number), TEST(the_checkouts_own_path_is_left_out),
        TEST(what_cannot_be_read_is_unknown), TEST(a_function_has_a_number),
        TEST(damaged_files_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
