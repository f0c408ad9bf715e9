#!/bin/sh
# code_seeds.sh FOLDER: makes the inputs of corpus/code again. On x86-64, with gcc.
set -eu
out=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/a.c" <<'SOURCE'
typedef int callback(const void *, const void *);
extern void qsort(void *, unsigned long, unsigned long, callback *);
extern int puts(const char *);
static const char *const names[] = {"one", "two", "three"};
static __thread int counter;
static int numbers[4] = {3, 1, 2};
static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
__attribute__((noinline)) double pick(int n)
{
    switch (n) {
    case 0: return puts(names[1]);
    case 1: return counter++;
    case 2: return 9;
    case 3: return n * 1.25;
    case 4: return puts("a longer text");
    case 5: qsort(numbers, 4, sizeof *numbers, compare); return numbers[2];
    case 6: return pick(n - 1) + 2;
    }
    return 77;
}
__attribute__((noinline)) int odd(unsigned n);
__attribute__((noinline)) int even(unsigned n) { return n ? odd(n - 1) + (n & 4) : 1; }
__attribute__((noinline)) int odd(unsigned n) { return n ? even(n - 1) * 3 : 0; }
__attribute__((cold, noinline)) int fail(const char *s) { return puts(s); }
int through(int (*f)(const char *), int n) { if (n > 9) return fail(names[n & 1]); return f("x"); }
int _start(int n) { return (int)pick(n) + even((unsigned)n) + through(fail, n); }
SOURCE

link() { # NAME FLAGS...: without start files, as small as they get
    name=$1
    shift
    gcc -O2 -nostdlib -Wl,-z,noseparate-code,--build-id=none,-z,max-page-size=16 \
        -Wl,--unresolved-symbols=ignore-all -fno-asynchronous-unwind-tables -fcf-protection=none \
        -Wno-builtin-declaration-mismatch -o "$out/$name" "$@"
}
link shared "$work/a.c" -shared -fPIC
link pie "$work/a.c" -pie -fPIE
link fixed "$work/a.c" -no-pie -fno-pie -static
gcc -O2 -c -fPIC -o "$out/object" "$work/a.c"
link high "$work/a.c" -no-pie -fPIE -static -Wl,-Ttext-segment=0xffffffffffffe000

# A jump table whose section ends at the last address that there is.
cat >"$work/edge.s" <<'SOURCE'
        .globl pick
        .type pick, @function
pick:   lea table(%rip), %rdx
        movslq (%rdx,%rdi,4), %rax
        add %rdx, %rax
        jmp *%rax
1:      ret
        .size pick, . - pick
        .section .rodata
table:  .long 1b - table, 1b - table, 1b - table
        .byte 0, 0, 0
SOURCE
link edge "$work/edge.s" -no-pie -static -Wl,--entry=pick \
    -Wl,-Ttext=0xffffffffffffe000,--section-start=.rodata=0xfffffffffffffff0
printf '\003' | dd of="$out/edge" bs=1 seek=16 conv=notrunc status=none # ET_DYN: distances

# Initial values of the thread, of a library and behind distances; a function that runs on.
cat >"$work/values.s" <<'SOURCE'
        .globl enter
        .type enter, @function
enter:  lea (%rdi,%rdi,2), %rax
        .size enter, . - enter
        .p2align 4
        .type inner, @function
inner:  lea reltable.inner(%rip), %rdx
        movslq (%rdx,%rdi,4), %rcx
        mov %fs:0, %rsi
        add %fs:budget@tpoff, %rax
        add %fs:named@tpoff, %rax
        add shared(%rip), %rax
        call *hook(%rip)
        call stop
        .size inner, . - inner
        .p2align 4
        .type stop, @function
stop:   hlt
        .size stop, . - stop
        .data
        .type hook, @object
hook:   .quad stop
        .size hook, . - hook
        .section .rodata
1:      .string "a first text"
2:      .string "a second text"
        .p2align 2
        .type reltable.inner, @object
reltable.inner:
        .long 1b - reltable.inner, 2b - reltable.inner
        .size reltable.inner, . - reltable.inner
        .section .tdata, "awT", @progbits
        .type budget, @object
budget: .quad 1000
        .size budget, . - budget
        .type named, @object
named:  .quad 1b
        .size named, . - named
SOURCE
echo 'long shared = 5;' >"$work/b.c"
gcc -shared -nostdlib -fPIC -o "$work/libb.so" "$work/b.c"
link values "$work/values.s" "$work/libb.so" -no-pie -Wl,--entry=enter
chmod -x "$out"/*
