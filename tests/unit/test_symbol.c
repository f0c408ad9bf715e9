/* Builds small programs with the machine's compilers and asks for the names of their addresses. */
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/rng.h"
#include "profiler/symbol.h"

struct fixture {
    struct xsg_arena arena;
    char *dir;
    struct xsg_symboliser *s;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct xsg_err err = {0};
    char *dir;
    assert_int_equal(xsg_temp_dir(&f->arena, "/tmp", &dir, &err), 0);
    f->dir = dir;
    assert_int_equal(xsg_symboliser_open(&f->s, &f->arena, dir, &err), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    xsg_symboliser_close(f->s);
    xsg_remove_tree(f->dir, NULL);
    xsg_arena_release(&f->arena);
    free(f);
    return 0;
}

static void put_file(struct fixture *f, const char *name, const char *text)
{
    const char *path = xsg_path_join(&f->arena, f->dir, name);
    assert_int_equal(xsg_mkdirs(xsg_path_dir(&f->arena, path), NULL), 0);
    assert_int_equal(xsg_write_file(path, text, strlen(text), NULL), 0);
}

static __attribute__((format(printf, 2, 3))) void shell(struct fixture *f, const char *format, ...)
{
    char command[2048];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(command, sizeof command, format, args);
    va_end(args);
    assert_true(n > 0 && (size_t)n < sizeof command);
    char *line = xsg_printf(&f->arena, "cd %s && %s", f->dir, command);
    if (system(line) != 0)
        fail_msg("failed: %s", line);
}

static struct xsg_module module_at(struct fixture *f, const char *name)
{
    return (struct xsg_module){.end = UINT64_MAX, .path = xsg_path_join(&f->arena, f->dir, name)};
}

/* vaddr of a symbol, or of a clone of it, by nm, which is not the code under test. */
static uint64_t address_of(struct fixture *f, const char *file, const char *symbol)
{
    char *line =
        xsg_printf(&f->arena, "nm %s/%s | awk '$3 == \"%s\" {print $1}'", f->dir, file, symbol);
    FILE *pipe = popen(line, "r");
    unsigned long long value = 0;
    assert_int_equal(fscanf(pipe, "%llx", &value), 1);
    pclose(pipe);
    return value;
}

/* The function whose code is at address, without what is inlined there. */
static const struct xsg_frame *one(struct fixture *f, const struct xsg_module *module,
                                   uint64_t address)
{
    const struct xsg_frame *frames;
    size_t n = xsg_symbolise(f->s, module, address, &frames);
    assert_true(n >= 1);
    return &frames[n - 1];
}

/* ---- names --------------------------------------------------------------------------------------
 */

static void test_demangle(void **state)
{
    struct fixture *f = *state;
    static const char *const pairs[][2] = {
        {"_ZN3foo3barEiPKc", "foo::bar(int, char const*)"},
        {"_ZSt4sortIPiEvT_S1_", "void std::sort<int*>(int*, int*)"},
        {"_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE", "core::fmt::Write::write_fmt"},
        {"_RNvCskwGfYPst2Cb_3foo3bar", "foo::bar"},
        {"main", "main"},
        {"_Z", "_Z"},
        {"", ""},
        {"_ZN", "_ZN"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_string_equal(xsg_demangle(&f->arena, pairs[i][0]), pairs[i][1]);
    assert_null(xsg_demangle(&f->arena, NULL));
}

/* Names whose work or text would explode come back as they are, and soon. */
static void test_hostile_names(void **state)
{
    struct fixture *f = *state;
    char *deep = xsg_alloc(&f->arena, 100001, 1);
    memset(deep, 'P', 100000);
    memcpy(deep, "_Z1f", 4);
    assert_ptr_equal(xsg_demangle(&f->arena, deep), deep);
    deep[4000] = '\0';
    assert_non_null(xsg_demangle(&f->arena, deep));

    char bomb[2048] = "_Z1fI1XE"; /* each template argument names the one before twice */
    strcpy(bomb, "_Z1fSt4pairIiiE");
    for (int i = 0; i < 60; i++)
        sprintf(bomb + strlen(bomb), "St4pairIS%c_S%c_E", "0123456789ABCDEFGHIJ"[i % 20],
                "0123456789ABCDEFGHIJ"[i % 20]);
    clock_t start = clock();
    const char *text = xsg_demangle(&f->arena, bomb);
    assert_true(strlen(text) < 16384);
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 5);

    struct xsg_rng rng;
    xsg_rng_init(&rng, 7);
    for (int i = 0; i < 20000; i++) {
        char name[64] = "_Z";
        if (i & 1)
            name[1] = 'R';
        size_t n = 3 + xsg_rng_below(&rng, 60);
        for (size_t j = 2; j < n; j++)
            name[j] = "_NSt0123456789EKPRIivCsTDLXZBMq.$"[xsg_rng_below(&rng, 33)];
        name[n] = '\0';
        assert_non_null(xsg_demangle(&f->arena, name));
    }
}

static const char program[] =
    "volatile int sink;\n"                                             /* 1 */
    "static inline __attribute__((always_inline)) void inner(int x)\n" /* 2 */
    "{\n"                                                              /* 3 */
    "    for (int i = 0; i < x; i++)\n"                                /* 4 */
    "        sink += i;\n"                                             /* 5 */
    "}\n"                                                              /* 6 */
    "static inline __attribute__((always_inline)) void middle(int x)\n"
    "{\n"                                                  /* 8 */
    "    sink = 3;\n"                                      /* 9 */
    "    inner(x + 1);\n"                                  /* 10 */
    "}\n"                                                  /* 11 */
    "__attribute__((noinline)) static int hidden(int x)\n" /* 12 */
    "{\n"                                                  /* 13 */
    "    sink = x;\n"                                      /* 14 */
    "    return sink * 3;\n"                               /* 15 */
    "}\n"                                                  /* 16 */
    "int outer(int x)\n"                                   /* 17 */
    "{\n"                                                  /* 18 */
    "    middle(x);\n"                                     /* 19 */
    "    return hidden(x) + 1;\n"                          /* 20 */
    "}\n";                                                 /* 21 */

/* Looks for an address of outer at which inner, inlined into middle, is executed. */
static const struct xsg_frame *find_inlined(struct fixture *f, const struct xsg_module *module,
                                            uint64_t start)
{
    for (uint64_t at = start; at < start + 256; at++) {
        const struct xsg_frame *frames;
        size_t n = xsg_symbolise(f->s, module, at, &frames);
        if (n == 3)
            return frames;
    }
    fail_msg("no address with two inlined frames");
    return NULL;
}

static void check_program(struct fixture *f, const char *compiler, const char *flags)
{
    put_file(f, "src/p.c", program);
    shell(f, "%s -O2 -g %s -shared -fPIC -o p.so src/p.c", compiler, flags);
    struct xsg_module module = module_at(f, "p.so");
    module.bias = 0x7f0000000000;
    uint64_t outer = module.bias + address_of(f, "p.so", "outer");
    const struct xsg_frame *frames = find_inlined(f, &module, outer);
    assert_string_equal(frames[0].function.name, "inner");
    assert_true(frames[0].at_line == 4 || frames[0].at_line == 5);
    assert_int_equal(frames[0].function.line, 2);
    assert_in_range(frames[0].function.end_line, 5, 6);
    assert_true(frames[0].inlined);
    assert_string_equal(frames[1].function.name, "middle");
    assert_int_equal(frames[1].at_line, 10);
    assert_in_range(frames[1].function.end_line, 9, 11);
    assert_true(frames[1].inlined);
    assert_string_equal(frames[2].function.name, "outer");
    assert_int_equal(frames[2].at_line, 19);
    assert_int_equal(frames[2].function.line, 17);
    assert_in_range(frames[2].function.end_line, 20, 21);
    assert_false(frames[2].inlined);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(frames[i].function.file, "src/p.c");
        assert_string_equal(frames[i].function.module, "p.so");
    }
    const struct xsg_frame *hidden = one(f, &module, module.bias + address_of(f, "p.so", "hidden"));
    assert_string_equal(hidden->function.name, "hidden");
    assert_int_equal(hidden->function.line, 12);
    assert_in_range(hidden->function.end_line, 15, 16);
}

static void test_inlined_gcc_dwarf5(void **state)
{
    check_program(*state, "gcc", "-gdwarf-5");
}

static void test_inlined_gcc_dwarf4(void **state)
{
    check_program(*state, "gcc", "-gdwarf-4");
}

static void test_inlined_gcc_compressed(void **state)
{
    check_program(*state, "gcc", "-gz=zlib");
}

static void test_inlined_clang(void **state)
{
    if (system("command -v clang >/dev/null")) {
        print_message("skipped: clang is not installed\n");
        skip();
    }
    check_program(*state, "clang", "");
}

static void test_inlined_lto(void **state)
{
    check_program(*state, "gcc", "-flto");
}

static void test_same_look_up_is_cached(void **state)
{
    struct fixture *f = *state;
    put_file(f, "p.c", program);
    shell(f, "cc -O2 -g -shared -fPIC -o p.so p.c");
    struct xsg_module module = module_at(f, "p.so");
    uint64_t outer = address_of(f, "p.so", "outer");
    const struct xsg_frame *first = one(f, &module, outer);
    assert_ptr_equal(first, one(f, &module, outer));
    struct xsg_module elsewhere = module; /* another process, another bias */
    elsewhere.bias = 0x5000;
    assert_ptr_equal(first, one(f, &elsewhere, outer + 0x5000));
}

static void test_cpp(void **state)
{
    struct fixture *f = *state;
    put_file(f, "c.cc",
             "volatile int sink;\n"
             "namespace shop {\n"
             "template <class T> struct Basket {\n"
             "    T sum = 0;\n"
             "    __attribute__((noipa)) void add(T x) { sum += x; sink = (int)sum; }\n"
             "};\n"
             "namespace {\n"
             "struct Thief {\n"
             "    int loot;\n"
             "    __attribute__((noipa)) int run(const char *where, double &&far)\n"
             "    { sink = (int)far + *where; return loot; }\n"
             "};\n"
             "__attribute__((noipa)) int secret(int x) { sink = x; return sink; }\n"
             "inline __attribute__((always_inline)) int secret(const Thief &t, unsigned long *y)\n"
             "{ sink = (int)*y; return t.loot; }\n"
             "}\n"
             "}\n"
             "static __attribute__((noipa)) void plain() { sink = 1; }\n"
             "extern \"C\" int entry(int x)\n"
             "{\n"
             "    shop::Basket<double> b;\n"
             "    b.add(x);\n"
             "    unsigned long y = (unsigned)x;\n"
             "    shop::Thief t{x};\n"
             "    plain();\n"
             "    return shop::secret(x) + shop::secret(t, &y) + t.run(\"x\", x + 0.5);\n"
             "}\n");
    shell(f, "c++ -O2 -g -shared -fPIC -o c.so c.cc");
    struct xsg_module module = module_at(f, "c.so");
    uint64_t add = address_of(f, "c.so", "_ZN4shop6BasketIdE3addEd");
    const struct xsg_frame *frame = one(f, &module, add);
    assert_string_equal(frame->function.name, "shop::Basket<double>::add(double)");
    assert_string_equal(frame->function.file, "c.cc");
    assert_int_equal(frame->function.line, 5);
    frame = one(f, &module, address_of(f, "c.so", "_ZN4shop12_GLOBAL__N_16secretEi"));
    assert_string_equal(frame->function.name, "shop::(anonymous namespace)::secret(int)");
    static const char *const others[][2] = {
        {"_ZL5plainv", "plain()"},
        {"_ZN4shop12_GLOBAL__N_15Thief3runEPKcOd",
         "shop::(anonymous namespace)::Thief::run(char const*, double&&)"},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_string_equal(one(f, &module, address_of(f, "c.so", others[i][0]))->function.name,
                            others[i][1]);
    bool inlined = false;
    uint64_t entry = address_of(f, "c.so", "entry");
    for (uint64_t at = entry; at < entry + 160 && !inlined; at++) {
        const struct xsg_frame *frames;
        inlined = xsg_symbolise(f->s, &module, at, &frames) == 2 &&
                  !strcmp(frames[0].function.name,
                          "shop::(anonymous namespace)::secret(shop::(anonymous namespace)::Thief "
                          "const&, unsigned long*)");
    }
    assert_true(inlined);
    shell(f, "objcopy --strip-debug c.so bare.so");
    struct xsg_module bare = module_at(f, "bare.so");
    assert_string_equal(one(f, &bare, add)->function.name, "shop::Basket<double>::add(double)");
}

/* ---- source files -------------------------------------------------------------------------------
 */

static const char *file_of_outer(struct fixture *f, const char *root, const char *so)
{
    struct xsg_symboliser *s;
    assert_int_equal(
        xsg_symboliser_open(&s, &f->arena, xsg_path_join(&f->arena, f->dir, root), NULL), 0);
    struct xsg_module module = module_at(f, so);
    const struct xsg_frame *frames;
    assert_true(xsg_symbolise(s, &module, address_of(f, so, "outer"), &frames) >= 1);
    const char *file = frames[0].function.file;
    xsg_symboliser_close(s);
    return file;
}

static void test_two_roots_agree(void **state)
{
    struct fixture *f = *state;
    put_file(f, "one/lib/p.c", program);
    put_file(f, "two/deep/lib/p.c", program);
    shell(f, "mkdir one/build two/deep/build && ln -s two/deep three");
    static const struct {
        const char *folder, *command;
    } how[] = {
        {".", "cc -g -O2 -shared -fPIC -o build/a.so lib/p.c"},
        {"build", "cc -g -O2 -shared -fPIC -o a.so ../lib/p.c"},
        {"build", "cc -g -O2 -shared -fPIC -o a.so $PWD/../lib/./p.c"},
        {"lib", "cc -g -O2 -gdwarf-4 -shared -fPIC -o ../build/a.so p.c"},
        {".", "cc -g -O2 -ffile-prefix-map=$PWD=. -shared -fPIC -o build/a.so lib/p.c"},
    };
    for (size_t i = 0; i < sizeof how / sizeof *how; i++) {
        shell(f, "cd one/%s && %s", how[i].folder, how[i].command);
        assert_string_equal(file_of_outer(f, "one", "one/build/a.so"), "lib/p.c");
        shell(f, "cd three/%s && %s", how[i].folder, how[i].command); /* by a symbolic link */
        assert_string_equal(file_of_outer(f, "two/deep", "two/deep/build/a.so"), "lib/p.c");
    }
    shell(f, "cd one && cc -g -O2 -shared -fPIC -o build/a.so lib/p.c");
    const char *outside = file_of_outer(f, "two", "one/build/a.so");
    assert_string_equal(outside, xsg_path_join(&f->arena, f->dir, "one/lib/p.c"));
}

/* ---- without debug information ------------------------------------------------------------------
 */

static void test_symbols_then_frames_then_address(void **state)
{
    struct fixture *f = *state;
    put_file(f, "p.c", program);
    shell(f,
          "cc -O2 -shared -fPIC -o p.so p.c && strip -o stripped.so p.so && "
          "objcopy --remove-section .eh_frame --remove-section .eh_frame_hdr stripped.so bare.so");
    uint64_t hidden = address_of(f, "p.so", "hidden"), outer = address_of(f, "p.so", "outer");
    struct xsg_module with = module_at(f, "p.so"), stripped = module_at(f, "stripped.so"),
                      bare = module_at(f, "bare.so");
    assert_string_equal(one(f, &with, hidden + 1)->function.name, "hidden");
    assert_null(one(f, &with, hidden + 1)->function.file);
    assert_string_equal(one(f, &stripped, outer + 1)->function.name, "outer");
    assert_string_equal(one(f, &stripped, hidden + 1)->function.name,
                        xsg_printf(&f->arena, "stripped.so+0x%llx", (unsigned long long)hidden));
    assert_string_equal(one(f, &bare, hidden + 1)->function.name,
                        xsg_printf(&f->arena, "bare.so+0x%llx", (unsigned long long)hidden + 1));
    assert_string_equal(one(f, NULL, 42)->function.name, "[unknown]");
    struct xsg_module missing = module_at(f, "missing.so");
    assert_string_equal(one(f, &missing, 42)->function.name, "missing.so+0x2a");
    const char *const *warnings;
    assert_int_equal(xsg_symboliser_warnings(f->s, &warnings), 1);
    assert_non_null(strstr(warnings[0], "missing.so cannot be opened"));
}

static void test_debug_link(void **state)
{
    struct fixture *f = *state;
    put_file(f, "p.c", program);
    static const char *const ids[] = {"none", "sha1"};
    for (int i = 0; i < 2; i++) {
        shell(
            f,
            "rm -rf .debug && mkdir .debug && cc -O2 -g -Wl,--build-id=%s -shared -fPIC -o full.so "
            "p.c && objcopy --only-keep-debug full.so .debug/%d.debug && strip -o %d.so full.so && "
            "objcopy --add-gnu-debuglink=.debug/%d.debug %d.so",
            ids[i], i, i, i, i);
        struct xsg_module module = module_at(f, i ? "1.so" : "0.so");
        const struct xsg_frame *frame = one(f, &module, address_of(f, "full.so", "hidden"));
        assert_string_equal(frame->function.name, "hidden");
        assert_string_equal(frame->function.file, "p.c");
    }
    /* A debug file of another build is not believed. */
    shell(f,
          "cp 0.so 2.so && echo >> .debug/0.debug; mkdir -p .debug && cp full.so .debug/0.debug");
    struct xsg_module other = module_at(f, "2.so");
    assert_null(one(f, &other, address_of(f, "full.so", "hidden"))->function.file);
}

static void test_build_id(void **state)
{
    struct fixture *f = *state;
    put_file(f, "p.c", program);
    shell(f, "cc -O2 -g -Wl,--build-id=0xaabbccdd -shared -fPIC -o p.so p.c");
    uint64_t outer = address_of(f, "p.so", "outer");
    struct xsg_module module = module_at(f, "p.so");
    static const uint8_t right[] = {0xaa, 0xbb, 0xcc, 0xdd}, wrong[] = {0xaa, 0xbb, 0xcc, 0xde};
    module.build_id = right;
    module.build_id_n = sizeof right;
    assert_string_equal(one(f, &module, outer)->function.name, "outer");
    const char *const *warnings;
    assert_int_equal(xsg_symboliser_warnings(f->s, &warnings), 0);
    module.build_id = wrong;
    assert_string_not_equal(one(f, &module, outer)->function.name, "outer");
    one(f, &module, outer + 1);
    assert_int_equal(xsg_symboliser_warnings(f->s, &warnings), 1);
    assert_non_null(strstr(warnings[0], "was rebuilt since (build-id differs)"));
}

static void test_clones_have_their_source_name(void **state)
{
    struct fixture *f = *state;
    put_file(f, "clones.s",
             ".text\n"
             ".macro fn name\n"
             ".type \\name,@function\n"
             "\\name: nop\n nop\n ret\n"
             ".size \\name,.-\\name\n"
             ".endm\n"
             "fn alpha.part.0\n"
             "fn beta.isra.12.constprop.3\n"
             "fn gamma.cold\n"
             "fn _ZN1x5deltaEi.lto_priv.0\n"
             "fn epsilon.v2\n"
             "fn zeta._omp_fn.0\n");
    shell(f, "cc -shared -o clones.so clones.s");
    static const char *const expected[][2] = {
        {"alpha.part.0", "alpha"},    {"beta.isra.12.constprop.3", "beta"},
        {"gamma.cold", "gamma"},      {"_ZN1x5deltaEi.lto_priv.0", "x::delta(int)"},
        {"epsilon.v2", "epsilon.v2"}, {"zeta._omp_fn.0", "zeta._omp_fn.0"},
    };
    struct xsg_module module = module_at(f, "clones.so");
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_string_equal(
            one(f, &module, address_of(f, "clones.so", expected[i][0]) + 1)->function.name,
            expected[i][1]);
}

static void test_plt(void **state)
{
    struct fixture *f = *state;
    put_file(f, "q.c", "int getpid(void); int q(void) { return getpid() + 1; }\n");
    static const char *const how[] = {"-Wl,-z,lazy", "-fcf-protection=full -Wl,-z,lazy",
                                      "-Wl,-z,now"};
    for (size_t i = 0; i < sizeof how / sizeof *how; i++) {
        shell(f, "cc -O1 -g -shared -fPIC %s -o q%zu.so q.c", how[i], i);
        struct xsg_module module = module_at(f, xsg_printf(&f->arena, "q%zu.so", i));
        bool found = false;
        for (uint64_t at = 0x1000; at < 0x1200 && !found; at++)
            found = !strcmp(one(f, &module, at)->function.name, "getpid@plt");
        assert_true(found);
    }
}

static int find_vdso(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    *(uint64_t *)arg = info->dlpi_addr;
    return info->dlpi_addr == getauxval(AT_SYSINFO_EHDR);
}

static void test_vdso(void **state)
{
    struct fixture *f = *state;
    uint64_t bias = 0;
    if (dl_iterate_phdr(find_vdso, &bias) != 1) {
        print_message("skipped: this kernel maps no vdso\n");
        skip();
    }
    struct xsg_module module = {.end = UINT64_MAX, .bias = bias, .path = "[vdso]"};
    /* Its build-id is not known: only the module is named. */
    assert_string_equal(one(f, &module, bias + 0x1000)->function.name, "[vdso]");
}

static void test_own_binary(void **state)
{
    const int line = __LINE__ - 2;
    struct fixture *f = *state;
    Dl_info info;
    assert_true(dladdr((void *)&test_own_binary, &info) != 0);
    struct xsg_module module = {
        .end = UINT64_MAX, .bias = (uintptr_t)info.dli_fbase, .path = "/proc/self/exe"};
    const struct xsg_frame *frame = one(f, &module, (uintptr_t)&test_own_binary);
    assert_string_equal(frame->function.name, "test_own_binary");
    assert_int_equal(frame->function.line, line);
    assert_in_range(frame->function.end_line, __LINE__, __LINE__ + 3);
    assert_non_null(strstr(frame->function.file, "tests/unit/test_symbol.c"));
}

/* ---- hostile files ------------------------------------------------------------------------------
 */

static void ask_all(struct fixture *f, const char *name)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_symboliser *s;
    assert_int_equal(xsg_symboliser_open(&s, &arena, f->dir, NULL), 0);
    struct xsg_module module = module_at(f, name);
    for (uint64_t at = 0; at < 0x2000; at += at >= 0x1000 && at < 0x1200 ? 8 : 0x200) {
        const struct xsg_frame *frames;
        assert_true(xsg_symbolise(s, &module, at, &frames) >= 1);
        assert_non_null(frames[0].function.name);
    }
    xsg_symboliser_close(s);
    xsg_arena_release(&arena);
}

static void read_small(struct fixture *f, char **data, size_t *n)
{
    put_file(f, "p.c", program);
    shell(f, "cc -O2 -g -shared -fPIC -nostdlib -Wl,-z,noseparate-code -Wl,-Ttext=0x1000 "
             "-o p.so p.c");
    assert_int_equal(
        xsg_read_file(&f->arena, xsg_path_join(&f->arena, f->dir, "p.so"), 1 << 20, data, n, NULL),
        0);
}

static void put_bytes(struct fixture *f, const char *data, size_t n)
{
    FILE *out = fopen(xsg_path_join(&f->arena, f->dir, "bad.so"), "wb");
    assert_int_equal(fwrite(data, 1, n, out), n);
    fclose(out);
}

static void test_truncated_files(void **state)
{
    struct fixture *f = *state;
    char *data;
    size_t n;
    read_small(f, &data, &n);
    ask_all(f, "p.so");
    for (size_t length = 0; length < n; length += length < 4096 || length > n - 2048 ? 7 : 61) {
        put_bytes(f, data, length);
        ask_all(f, "bad.so");
    }
}

static void test_garbled_files(void **state)
{
    struct fixture *f = *state;
    char *data;
    size_t n;
    read_small(f, &data, &n);
    char *bad = xsg_alloc(&f->arena, n, 1);
    struct xsg_rng rng;
    xsg_rng_init(&rng, 20240229);
    for (int round = 0; round < 3000; round++) {
        memcpy(bad, data, n);
        for (uint64_t k = 1 + xsg_rng_below(&rng, 8); k > 0; k--)
            bad[xsg_rng_below(&rng, n)] = (char)xsg_rng_below(&rng, 256);
        put_bytes(f, bad, n);
        ask_all(f, "bad.so");
    }
}

static void test_not_a_module(void **state)
{
    struct fixture *f = *state;
    shell(f, "mkfifo bad.so");
    ask_all(f, "bad.so");
    shell(f, "rm bad.so && mkdir bad.so");
    ask_all(f, "bad.so");
    put_file(f, "text.so", "not an ELF file\n");
    ask_all(f, "text.so");
    put_file(f, "archive.so", "!<arch>\n");
    ask_all(f, "archive.so");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_demangle),
        CASE(test_hostile_names),
        CASE(test_inlined_gcc_dwarf5),
        CASE(test_inlined_gcc_dwarf4),
        CASE(test_inlined_gcc_compressed),
        CASE(test_inlined_clang),
        CASE(test_inlined_lto),
        CASE(test_same_look_up_is_cached),
        CASE(test_cpp),
        CASE(test_two_roots_agree),
        CASE(test_symbols_then_frames_then_address),
        CASE(test_debug_link),
        CASE(test_build_id),
        CASE(test_clones_have_their_source_name),
        CASE(test_plt),
        CASE(test_vdso),
        CASE(test_own_binary),
        CASE(test_truncated_files),
        CASE(test_garbled_files),
        CASE(test_not_a_module),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
