/* The instructions of a function, by Capstone: each as its bytes without addresses, and what the
 * addresses lead to. */
#include <capstone/capstone.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/code_parts.h"
#include "profiler/symbol_parts.h"

enum token_kind { PLAIN, BRANCH, PLACE };

struct token {
    uint64_t hash; /* of what does not depend on addresses */
    uint64_t target;
    enum token_kind kind;
    enum xsg_code_access access;
    uint32_t size;
};

struct start { /* of an instruction: where, and which token it is; padding is the next one */
    uint64_t addr;
    uint32_t token;
};

struct reader {
    struct xsg_code_file *file;
    struct xsg_code_body *body;
    struct xsg_arena scratch;
    struct token *tokens;
    size_t n_tokens, cap_tokens;
    struct start *starts;
    size_t n_starts, cap_starts;
    uint64_t ends[64]; /* of the pieces */
    size_t n_ends;
    size_t indirect_jumps, indirect_calls;
    csh disassembler;
};

/* ---- x86-64 ------------------------------------------------------------------------------------
 */

static struct token *add_token(struct reader *r, uint64_t hash, enum token_kind kind)
{
    r->tokens =
        xsg_grow(&r->scratch, r->tokens, &r->cap_tokens, r->n_tokens + 1, sizeof *r->tokens);
    r->tokens[r->n_tokens] = (struct token){.hash = hash, .kind = kind};
    return &r->tokens[r->n_tokens++];
}

static void add_place(struct reader *r, uint64_t addr, enum xsg_code_access access, uint32_t size)
{
    struct token *token = add_token(r, access, PLACE);
    token->target = addr;
    token->access = access;
    token->size = size;
}

static bool is_direct_branch(const cs_insn *insn)
{
    const cs_x86 *x86 = &insn->detail->x86;
    if (x86->op_count == 0 || x86->operands[0].type != X86_OP_IMM)
        return false;
    for (size_t i = 0; i < insn->detail->groups_count; i++)
        if (insn->detail->groups[i] == CS_GRP_JUMP || insn->detail->groups[i] == CS_GRP_CALL ||
            insn->detail->groups[i] == CS_GRP_BRANCH_RELATIVE)
            return true;
    return false;
}

/* Thread-local variables of the program itself stand at a distance below the thread's pointer that
 * depends on all of them. */
static bool put_thread_local(struct reader *r, int64_t distance, uint64_t *hash)
{
    struct xsg_code_file *file = r->file;
    if (distance >= 0)
        return distance < 0x1000; /* the C library's own: the stack protector's value */
    uint64_t offset = (uint64_t)distance + file->tls_size;
    const struct xsg_code_symbol *symbol =
        offset < file->tls_size ? xsg__code_symbol(&file->tls, offset) : NULL;
    if (!symbol)
        return false;
    *hash = xsg__code_mix(*hash, offset - symbol->addr);
    xsg__code_add_ref(file, r->body,
                      (struct xsg_code_ref){.place = XSG_CODE_THREAD, .addr = symbol->addr});
    return true;
}

/* The thread's pointer itself: what is subtracted from it stands in the code, whose variable that
 * is does not. */
static void put_thread_pointer(struct reader *r)
{
    if (r->file->tls_size)
        xsg__code_add_ref(
            r->file, r->body,
            (struct xsg_code_ref){.place = XSG_CODE_THREAD, .addr = XSG_CODE_WHOLE_BLOCK});
}

static void mask(unsigned char *bytes, const cs_insn *insn, size_t at, size_t n)
{
    if (at && at + n <= insn->size)
        memset(bytes + at, 0, n);
}

static void put_memory(struct reader *r, const cs_insn *insn, const cs_x86_op *op,
                       unsigned char *bytes, uint64_t *hash)
{
    const struct xsg_code_file *file = r->file;
    const size_t at = insn->detail->x86.encoding.disp_offset;
    uint64_t disp = (uint64_t)op->mem.disp;
    bool address_only = insn->id == X86_INS_LEA;
    if (op->mem.base == X86_REG_RIP) {
        mask(bytes, insn, at, 4);
        add_place(r, insn->address + insn->size + disp,
                  address_only ? XSG_CODE_ACCESS_POINTER : XSG_CODE_ACCESS_EXACT, op->size);
    } else if (op->mem.segment == X86_REG_FS) {
        if (op->mem.disp < 0)
            mask(bytes, insn, at, 4);
        if (!op->mem.disp && !op->mem.base && !op->mem.index)
            put_thread_pointer(r);
        else if (op->mem.disp && !put_thread_local(r, op->mem.disp, hash))
            r->body->unknown = true;
    } else if (file->fixed && xsg__code_section(file, disp)) {
        bool exact = !op->mem.base && !op->mem.index && !address_only;
        mask(bytes, insn, at, 4);
        add_place(r, disp,
                  exact          ? XSG_CODE_ACCESS_EXACT
                  : op->mem.base ? XSG_CODE_ACCESS_GUESS
                                 : XSG_CODE_ACCESS_POINTER,
                  op->size);
    }
}

/* Only the dynamic linker writes there. A pointer elsewhere, whatever its first value is, may be
 * any function's when it is called. */
static bool is_through_slot(const struct xsg_code_file *file, const cs_insn *insn)
{
    const cs_x86 *x86 = &insn->detail->x86;
    const cs_x86_op *to = x86->op_count ? &x86->operands[0] : NULL;
    if (!to || to->type != X86_OP_MEM || to->mem.base != X86_REG_RIP || to->mem.index)
        return false;
    const struct xsg_code_section *s =
        xsg__code_section(file, insn->address + insn->size + (uint64_t)to->mem.disp);
    return s && s->got;
}

static void put_instruction(struct reader *r, const cs_insn *insn)
{
    const cs_x86 *x86 = &insn->detail->x86;
    if (is_direct_branch(insn)) {
        struct token *token = add_token(r, insn->id, BRANCH);
        token->target = (uint64_t)x86->operands[0].imm;
        return;
    }
    unsigned char bytes[sizeof insn->bytes];
    uint64_t hash = 7;
    size_t place = r->n_tokens;
    memcpy(bytes, insn->bytes, sizeof bytes);
    add_token(r, 0, PLAIN);
    for (size_t i = 0; i < x86->op_count; i++) {
        const cs_x86_op *op = &x86->operands[i];
        size_t imm_size = x86->encoding.imm_size;
        if (op->type == X86_OP_MEM) {
            put_memory(r, insn, op, bytes, &hash);
        } else if (op->type == X86_OP_IMM && r->file->fixed && imm_size >= 4 &&
                   xsg__code_section(r->file, (uint64_t)op->imm)) {
            mask(bytes, insn, x86->encoding.imm_offset, imm_size);
            add_place(r, (uint64_t)op->imm, XSG_CODE_ACCESS_GUESS, 0);
        }
    }
    const cs_x86_op *to = x86->op_count ? &x86->operands[0] : NULL;
    if ((insn->id == X86_INS_JMP || insn->id == X86_INS_CALL) && !is_through_slot(r->file, insn)) {
        bool from_table = to && !(to->type == X86_OP_MEM && to->mem.base == X86_REG_RIP);
        r->indirect_jumps += insn->id == X86_INS_JMP && from_table;
        r->indirect_calls += insn->id == X86_INS_CALL || !from_table;
    }
    if (insn->id == X86_INS_LCALL || insn->id == X86_INS_LJMP)
        r->body->unknown = true;
    r->tokens[place].hash = xsg__code_mix_bytes(hash, bytes, insn->size);
}

static void add_start(struct reader *r, uint64_t addr)
{
    r->starts =
        xsg_grow(&r->scratch, r->starts, &r->cap_starts, r->n_starts + 1, sizeof *r->starts);
    r->starts[r->n_starts++] = (struct start){addr, (uint32_t)r->n_tokens};
}

static struct xsg_code_last last_of(const struct xsg_code_file *file, const cs_insn *insn)
{
    struct xsg_code_last last = {.id = insn->id};
    const cs_x86_op *to = &insn->detail->x86.operands[0];
    if (insn->id != X86_INS_CALL)
        return last;
    if (is_direct_branch(insn)) {
        last.kind = XSG_CODE_TO_CODE;
        last.to = (uint64_t)to->imm;
    } else if (is_through_slot(file, insn)) {
        last.kind = XSG_CODE_TO_SLOT;
        last.to = insn->address + insn->size + (uint64_t)to->mem.disp;
    }
    return last;
}

/* A function that runs on into the next, as assembly may, is as if it jumped there. */
static void run_on(struct reader *r, cs_insn *insn, uint64_t end, const struct xsg_code_last *last)
{
    if (r->body->unknown || !xsg__code_runs_on(r->file, r->disassembler, insn, last))
        return;
    uint64_t next = xsg__code_behind(r->file, r->disassembler, insn, end);
    add_token(r, 12, BRANCH)->target = next;
    r->body->unknown = !next;
}

static void read_piece(struct reader *r, cs_insn *insn, const struct xsg_code_symbol *symbol)
{
    const uint8_t *at = symbol->size && symbol->size <= XSG_CODE_MAX_BODY
                            ? xsg__code_bytes(r->file, symbol->addr, symbol->size)
                            : NULL;
    size_t left = symbol->size;
    uint64_t addr = symbol->addr;
    r->file->text_read += symbol->size;
    if (!at || r->n_ends == sizeof r->ends / sizeof *r->ends ||
        r->file->text_read > XSG_CODE_MAX_TEXT) {
        r->body->unknown = true;
        return;
    }
    struct xsg_code_last last = {.id = X86_INS_NOP};
    while (left && !r->body->unknown) {
        uint64_t start = addr;
        if (!cs_disasm_iter(r->disassembler, &at, &left, &addr, insn)) {
            r->body->unknown = true;
            return;
        }
        add_start(r, start);
        if (insn->id == X86_INS_NOP)
            continue;
        put_instruction(r, insn);
        last = last_of(r->file, insn);
    }
    run_on(r, insn, symbol->addr + symbol->size, &last);
    r->ends[r->n_ends++] = symbol->addr + symbol->size;
    add_token(r, 11, PLAIN); /* the pieces end somewhere else when code moves between them */
}

/* ---- addresses to what they mean ---------------------------------------------------------------
 */

static int compare_starts(const void *a, const void *b)
{
    const struct start *x = a, *y = b;
    return (x->addr > y->addr) - (x->addr < y->addr);
}

/* The place in the function; false: it is not in it. */
static bool find_start(const struct reader *r, uint64_t addr, uint64_t *token)
{
    size_t low = 0, high = r->n_starts;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (r->starts[mid].addr < addr)
            low = mid + 1;
        else
            high = mid;
    }
    if (low < r->n_starts && r->starts[low].addr == addr) {
        *token = r->starts[low].token;
        return true;
    }
    return false;
}

/* Where an entry of a jump table leads. What cannot be reached leads to the function's end, which
 * in a branch is the function behind it. */
static bool find_entry(const struct reader *r, uint64_t addr, uint64_t *token)
{
    if (find_start(r, addr, token))
        return true;
    for (size_t i = 0; i < r->n_ends; i++) {
        if (r->ends[i] == addr) {
            *token = UINT32_MAX + (uint64_t)i;
            return true;
        }
    }
    return false;
}

/* A jump table at addr: distances from it, or addresses. Mixes where its entries lead; false: it is
 * none. What follows it up to the next place must be padding. */
static bool put_table(struct reader *r, uint64_t addr, uint64_t *hash)
{
    struct xsg_code_file *file = r->file;
    const size_t size = file->fixed ? 8 : 4;
    const struct xsg_code_section *s = xsg__code_section(file, addr);
    if (!s || s->write || s->exec || !s->data || xsg__code_symbol(&file->objects, addr))
        return false;
    uint64_t end = xsg__code_extent(file, addr), mixed = 13, at = addr, n = 0, token;
    for (; end - at >= size && n < XSG_CODE_MAX_TABLE; at += size, n++) {
        uint64_t target = 0;
        int32_t distance;
        memcpy(&target, xsg__code_bytes(file, at, size), size);
        memcpy(&distance, &target, sizeof distance);
        if (!find_entry(r, file->fixed ? target : addr + (uint64_t)(int64_t)distance, &token))
            break;
        mixed = xsg__code_mix(mixed, token);
    }
    const unsigned char *rest = at < end ? xsg__code_bytes(file, at, end - at) : NULL;
    for (uint64_t i = 0; i < end - at; i++)
        if (end - at > 64 || rest[i])
            return false;
    *hash = xsg__code_mix(mixed, n);
    return n >= 2;
}

/* The address that a word of data holds once the program is loaded. false: a symbol's, or none. */
static bool read_pointer(const struct xsg_code_file *file, uint64_t at, uint64_t *to)
{
    const struct xsg_code_reloc *reloc = xsg__code_reloc(file, at);
    const unsigned char *bytes = xsg__code_bytes(file, at, sizeof *to);
    if (reloc)
        *to = reloc->addend;
    else if (bytes && file->fixed)
        memcpy(to, bytes, sizeof *to);
    else
        return false;
    return !reloc || (!reloc->name && !reloc->opaque);
}

/* A named table of places in this function, as interpreters have ("goto *label[code]"). Mixes them
 * and its name; false: it is none. */
static bool put_labels(struct reader *r, uint64_t addr, uint64_t *hash)
{
    struct xsg_code_file *file = r->file;
    const struct xsg_code_symbol *symbol = xsg__code_symbol(&file->objects, addr);
    if (!symbol || symbol->addr != addr || symbol->size < 8 || symbol->size % 8 ||
        symbol->size / 8 > XSG_CODE_MAX_TABLE)
        return false;
    size_t n = xsg__code_name_length(symbol->name);
    uint64_t mixed = xsg__code_mix_bytes(19, symbol->name, n), token, target;
    for (uint64_t at = addr; at < addr + symbol->size; at += 8) {
        if (!read_pointer(file, at, &target) || !find_entry(r, target, &token))
            return false;
        mixed = xsg__code_mix(mixed, token);
    }
    *hash = xsg__code_mix(mixed, symbol->size);
    return true;
}

static void put_token(struct reader *r, const struct token *token)
{
    struct xsg_code_body *body = r->body;
    uint64_t index, table;
    body->hash = xsg__code_mix(body->hash, token->hash);
    if (token->kind == BRANCH) {
        if (find_start(r, token->target, &index))
            body->hash = xsg__code_mix(body->hash, index);
        else
            xsg__code_put_callee(r->file, body, token->target);
    } else if (token->kind == PLACE) {
        if (r->indirect_jumps && token->access != XSG_CODE_ACCESS_EXACT &&
            (put_table(r, token->target, &table) || put_labels(r, token->target, &table)))
            body->hash = xsg__code_mix(body->hash, table);
        else if (token->access == XSG_CODE_ACCESS_POINTER && find_start(r, token->target, &index))
            body->hash = xsg__code_mix(body->hash, index); /* its own address, or a label's */
        else
            xsg__code_put_place(r->file, body, token->target, token->access, token->size);
    }
}

static void put_tokens(struct reader *r)
{
    if (r->n_starts)
        qsort(r->starts, r->n_starts, sizeof *r->starts, compare_starts);
    for (size_t i = 0; i < r->n_tokens && !r->body->unknown; i++)
        put_token(r, &r->tokens[i]);
    /* A jump through a register may be a call at the function's end. */
    if (r->indirect_calls || r->indirect_jumps)
        xsg__code_add_ref(r->file, r->body, (struct xsg_code_ref){.place = XSG_CODE_INDIRECT});
}

/* ---- bodies ------------------------------------------------------------------------------------
 */

bool xsg__code_is_cold(const char *name)
{
    const char *cold = strstr(name, ".cold");
    return cold && (cold[5] == '\0' || cold[5] == '.');
}

/* What the compiler moved away from the function: by name, for exceptions get there without a jump.
 */
const struct xsg_code_symbol *xsg__code_next_cold(const struct xsg_code_file *file,
                                                  const struct xsg_code_symbol *function,
                                                  size_t *next)
{
    const size_t n = strlen(function->name);
    const struct xsg_code_group *group =
        xsg_map_get(&file->groups, function->name, xsg__source_name_length(function->name));
    while (group && *next < group->n) {
        const struct xsg_code_symbol *member = &file->functions.list[group->members[(*next)++]];
        if (member->addr != function->addr && strncmp(member->name, function->name, n) == 0 &&
            strncmp(member->name + n, ".cold", 5) == 0 && xsg__code_is_cold(member->name))
            return member;
    }
    return NULL;
}

static void read_body(struct xsg_code_file *file, struct xsg_code_body *body,
                      const struct xsg_code_symbol *symbol)
{
    struct reader r = {.file = file, .body = body};
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &r.disassembler) != CS_ERR_OK) {
        body->unknown = true;
        return;
    }
    cs_option(r.disassembler, CS_OPT_DETAIL, CS_OPT_ON);
    cs_insn *insn = cs_malloc(r.disassembler);
    body->unknown = !insn;
    if (insn) {
        read_piece(&r, insn, symbol);
        size_t next = 0;
        for (const struct xsg_code_symbol *cold;
             !body->unknown && (cold = xsg__code_next_cold(file, symbol, &next));)
            read_piece(&r, insn, cold);
        cs_free(insn, 1);
    }
    if (!body->unknown)
        put_tokens(&r);
    cs_close(&r.disassembler);
    xsg_arena_release(&r.scratch);
}

const struct xsg_code_body *xsg__code_body(struct xsg_code_file *file, uint64_t addr)
{
    bool is_new;
    void **place = xsg_map_put(&file->bodies, &addr, sizeof addr, &is_new);
    if (!is_new)
        return *place;
    struct xsg_code_body *body = XSG_NEW(file->arena, struct xsg_code_body);
    *place = body;
    body->hash = 17;
    const struct xsg_code_symbol *symbol = xsg__code_symbol(&file->functions, addr);
    if (!symbol || symbol->addr != addr || file->machine != EM_X86_64)
        body->unknown = true;
    else
        read_body(file, body, symbol);
    return body;
}

const struct xsg_code_reloc *xsg__code_stub(const struct xsg_code_file *file, uint64_t addr)
{
    const struct xsg_code_section *s = xsg__code_section(file, addr);
    if (!s || !s->plt || !s->data)
        return NULL;
    const unsigned char *code = s->data + (addr - s->addr);
    size_t n = s->size - (addr - s->addr) < 16 ? (size_t)(s->size - (addr - s->addr)) : 16;
    for (size_t i = 0; i + 6 <= n; i++) {
        int32_t distance;
        if (code[i] != 0xff || code[i + 1] != 0x25) /* jmp *slot(%rip) */
            continue;
        memcpy(&distance, code + i + 2, sizeof distance);
        const struct xsg_code_reloc *reloc =
            xsg__code_reloc(file, addr + i + 6 + (uint64_t)(int64_t)distance);
        return reloc && reloc->name ? reloc : NULL;
    }
    return NULL;
}
