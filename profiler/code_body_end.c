/* Where a piece of code ends without a jump or a return: what stands behind it is run next, unless
 * the last instruction calls what never comes back. */
#include <capstone/capstone.h>
#include <string.h>

#include "profiler/code_parts.h"

static const char yes, no; /* what is known of a function: may it return? */

static bool is_end(unsigned id)
{
    switch (id) {
    case X86_INS_RET:
    case X86_INS_RETF:
    case X86_INS_RETFQ:
    case X86_INS_IRET:
    case X86_INS_IRETD:
    case X86_INS_IRETQ:
    case X86_INS_JMP:
    case X86_INS_LJMP:
    case X86_INS_HLT:
    case X86_INS_INT3:
    case X86_INS_UD0:
    case X86_INS_UD2:
    case X86_INS_SYSRET:
    case X86_INS_SYSEXIT:
        return true;
    default:
        return false;
    }
}

/* Of the C and C++ libraries, also when they are linked in. */
static bool never_returns(const char *name)
{
    static const char *const names[] = {"abort",
                                        "exit",
                                        "_exit",
                                        "_Exit",
                                        "quick_exit",
                                        "longjmp",
                                        "_longjmp",
                                        "siglongjmp",
                                        "__longjmp_chk",
                                        "pthread_exit",
                                        "thrd_exit",
                                        "err",
                                        "errx",
                                        "verr",
                                        "verrx",
                                        "error",
                                        "error_at_line",
                                        "__chk_fail",
                                        "__fortify_fail",
                                        "__stack_chk_fail",
                                        "_Unwind_Resume",
                                        "__cxa_rethrow",
                                        "__cxa_throw",
                                        "__cxa_pure_virtual",
                                        "_ZSt9terminatev",
                                        "__cxa_deleted_virtual"};
    static const char *const parts[] = {"__throw_",   "assert",       "rethrow_exception",
                                        "__cxa_bad_", "__cxa_throw_", "__cxa_call_"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(name, parts[i]))
            return true;
    return false;
}

static bool stays(const struct xsg_code_file *file, const struct xsg_code_symbol *function,
                  uint64_t target)
{
    if (target - function->addr < function->size)
        return true;
    const struct xsg_code_symbol *other = xsg__code_symbol(&file->functions, target);
    return other && xsg__code_is_cold(other->name);
}

/* Is there a return in the piece, or a jump out of the function? */
static bool leaves(struct xsg_code_file *file, size_t disassembler, cs_insn *insn,
                   const struct xsg_code_symbol *function, const struct xsg_code_symbol *piece)
{
    const uint8_t *at = piece->size && piece->size <= XSG_CODE_MAX_BODY
                            ? xsg__code_bytes(file, piece->addr, piece->size)
                            : NULL;
    size_t left = piece->size;
    uint64_t addr = piece->addr;
    unsigned last = X86_INS_NOP;
    file->text_read += piece->size;
    if (!at || file->text_read > XSG_CODE_MAX_TEXT)
        return true;
    while (left) {
        if (!cs_disasm_iter(disassembler, &at, &left, &addr, insn))
            return true;
        if (insn->id == X86_INS_NOP)
            continue;
        last = insn->id;
        bool jump = last != X86_INS_CALL && cs_insn_group(disassembler, insn, CS_GRP_JUMP);
        const cs_x86 *x86 = &insn->detail->x86;
        if (jump && (x86->operands[0].type != X86_OP_IMM ||
                     !stays(file, function, (uint64_t)x86->operands[0].imm)))
            return true;
        if (is_end(last) && cs_insn_group(disassembler, insn, CS_GRP_RET))
            return true;
    }
    return last != X86_INS_CALL && !is_end(last);
}

static bool may_return(struct xsg_code_file *file, size_t disassembler, cs_insn *insn,
                       uint64_t addr)
{
    const struct xsg_code_symbol *function = xsg__code_symbol(&file->functions, addr);
    if (!function || function->addr != addr || never_returns(function->name))
        return false;
    bool is_new;
    void **place = xsg_map_put(&file->returning, &addr, sizeof addr, &is_new);
    if (is_new) {
        size_t i = 0;
        bool found = leaves(file, disassembler, insn, function, function);
        for (const struct xsg_code_symbol *cold;
             !found && (cold = xsg__code_next_cold(file, function, &i));)
            found = leaves(file, disassembler, insn, function, cold);
        *place = (void *)(uintptr_t)(found ? &yes : &no);
    }
    return *place == &yes;
}

/* Of a library that is not known, and through a pointer, nothing tells whether the call returns:
 * compilers end no function with one that does. */
bool xsg__code_runs_on(struct xsg_code_file *file, size_t disassembler, cs_insn *insn,
                       const struct xsg_code_last *last)
{
    if (last->id != X86_INS_CALL)
        return !is_end(last->id);
    const struct xsg_code_reloc *import =
        last->kind == XSG_CODE_TO_SLOT   ? xsg__code_reloc(file, last->to)
        : last->kind == XSG_CODE_TO_CODE ? xsg__code_stub(file, last->to)
                                         : NULL;
    if (import)
        return import->name && import->known_library && !never_returns(import->name);
    return last->kind == XSG_CODE_TO_CODE && may_return(file, disassembler, insn, last->to);
}

/* The function behind a piece that ends at end, with only padding between them; 0: there is none.
 */
uint64_t xsg__code_behind(const struct xsg_code_file *file, size_t disassembler, cs_insn *insn,
                          uint64_t end)
{
    size_t i = xsg__code_symbol_from(&file->functions, end);
    uint64_t next = i < file->functions.n ? file->functions.list[i].addr : 0;
    const struct xsg_code_section *s = xsg__code_section(file, end);
    if (!s || !next || next - end > 64 || next - s->addr >= s->size)
        return 0;
    const uint8_t *at = xsg__code_bytes(file, end, next - end);
    size_t left = next - end;
    uint64_t addr = end;
    while (at && left)
        if (!cs_disasm_iter(disassembler, &at, &left, &addr, insn) || insn->id != X86_INS_NOP)
            return 0;
    return at ? next : 0;
}
