/*
 * x86-64: how a scope's fast half reaches its slow half. A call would cost every function with a
 * scope the moves and saves around calls, on the fast path as well. So it jumps here with a return
 * address in rax, and every general register but rax, rdx and r11 is kept; the vector registers are
 * declared lost by <xsgate/profile.h>. The frame information lets unwinders see a call from there.
 */
#include "profiler/runtime/runtime.h"

#ifdef XSG__THUNKS

/* The 128 bytes below the stack pointer may be the caller's (red zone). */
#define XSG__THUNK(name, prepare, function)                                                        \
    __asm__(".pushsection .text\n"                                                                 \
            ".type " name ", @function\n"                                                          \
            ".hidden " name "\n"                                                                   \
            ".globl " name "\n"                                                                    \
            ".balign 16\n" name ":\n"                                                              \
            "    .cfi_startproc\n"                                                                 \
            "    .cfi_def_cfa rsp, 0\n"                                                            \
            "    .cfi_register rip, rax\n"                                                         \
            "    endbr64\n"                                                                        \
            "    leaq -128(%rsp), %rsp\n"                                                          \
            "    .cfi_def_cfa_offset 128\n"                                                        \
            "    pushq %rax\n"                                                                     \
            "    .cfi_def_cfa_offset 136\n"                                                        \
            "    .cfi_offset rip, -136\n"                                                          \
            "    pushq %rbp\n"                                                                     \
            "    .cfi_def_cfa_offset 144\n"                                                        \
            "    .cfi_offset rbp, -144\n"                                                          \
            "    movq %rsp, %rbp\n"                                                                \
            "    .cfi_def_cfa_register rbp\n"                                                      \
            "    pushq %rcx\n"                                                                     \
            "    pushq %rsi\n"                                                                     \
            "    pushq %rdi\n"                                                                     \
            "    pushq %r8\n"                                                                      \
            "    pushq %r9\n"                                                                      \
            "    pushq %r10\n"                                                                     \
            "    andq $-16, %rsp\n"                                                                \
            "    cld\n" prepare "    call " function "\n"                                          \
            "    leaq -48(%rbp), %rsp\n"                                                           \
            "    popq %r10\n"                                                                      \
            "    popq %r9\n"                                                                       \
            "    popq %r8\n"                                                                       \
            "    popq %rdi\n"                                                                      \
            "    popq %rsi\n"                                                                      \
            "    popq %rcx\n"                                                                      \
            "    popq %rbp\n"                                                                      \
            "    .cfi_def_cfa rsp, 136\n"                                                          \
            "    .cfi_restore rbp\n"                                                               \
            "    popq %r11\n"                                                                      \
            "    .cfi_def_cfa_offset 128\n"                                                        \
            "    .cfi_register rip, r11\n"                                                         \
            "    leaq 128(%rsp), %rsp\n"                                                           \
            "    .cfi_def_cfa_offset 0\n"                                                          \
            "    notrack jmp *%r11\n"                                                              \
            "    .cfi_endproc\n"                                                                   \
            ".size " name ", . - " name "\n"                                                       \
            ".popsection\n")

/* rdi: site, rsi: the module's thread pointer; rdx: the caller's stack pointer */
XSG__THUNK("xsg__thunk_enter", "    leaq 144(%rbp), %rdx\n", "xsg__enter_slowly");
/* rdi: node, rsi: start, rdx: now */
XSG__THUNK("xsg__thunk_leave", "", "xsg__leave_slowly");

#endif
