#include "cli/gate_looks.h"

void xsg_gate_looks_init(struct xsg_gate_looks *looks, struct xsg_arena *arena,
                         const struct xsg_run *base, const struct xsg_run *head,
                         const struct xsg_gate *gate, size_t n)
{
    *looks = (struct xsg_gate_looks){.base = base,
                                     .head = head,
                                     .gate = gate,
                                     .target_look = XSG_NEW_ARRAY(arena, size_t, n),
                                     .fresh_from = XSG_NEW_ARRAY(arena, size_t, n),
                                     .decided = XSG_NEW_ARRAY(arena, bool, n)};
    looks->compare.target_look = looks->target_look;
    looks->compare.fresh_from = looks->fresh_from;
}

/* The comparison of what is there; false when there is none, which the final one will explain. */
static bool compare(struct xsg_gate_looks *state, struct xsg_arena *arena,
                    struct xsg_comparison *comparison)
{
    struct xsg_err err = {0};

    *comparison = (struct xsg_comparison){0};
    return xsg_compare(arena, state->base, state->head, state->gate, &state->compare, comparison,
                       &err) == 0;
}

/* The levels of the looks depend on when they come; made once. */
static void take_schedule(struct xsg_gate_looks *state, size_t n_looks, size_t first,
                          size_t planned)
{
    double information[XSG_LOOKS_MAX];
    size_t n = n_looks < XSG_LOOKS_MAX ? n_looks : XSG_LOOKS_MAX;

    if (state->looks.n > 0)
        return;
    for (size_t k = 0; k < n; k++)
        information[k] = (double)(first << k);
    information[n - 1] = (double)planned;
    xsg_looks_init(&state->looks, information, n);
    state->compare.looks = &state->looks;
}

void xsg_gate_looks_keep(const struct xsg_gate_looks *looks, struct xsg_run *base,
                         struct xsg_run *head)
{
    for (size_t i = 0; i < base->n_targets && looks->looks.n > 0; i++) {
        base->targets[i].look = head->targets[i].look = (int)looks->target_look[i] + 1;
        base->targets[i].fresh_from = head->targets[i].fresh_from = looks->fresh_from[i];
    }
}

void xsg_gate_looks_restore(struct xsg_gate_looks *looks)
{
    size_t n = 1, rounds = XSG_PLAN_FIRST_LOOK;

    for (; rounds < XSG_PLAN_MOST_ROUNDS; rounds *= 2)
        n++;
    for (size_t i = 0; i < looks->base->n_targets; i++) {
        const struct xsg_target_run *target = &looks->base->targets[i];
        if (target->look == 0)
            continue;
        take_schedule(looks, n, XSG_PLAN_FIRST_LOOK, XSG_PLAN_MOST_ROUNDS);
        looks->target_look[i] = (size_t)target->look <= n ? (size_t)target->look - 1 : n - 1;
        looks->fresh_from[i] = target->fresh_from;
    }
}

/* A target whose every delta is decided is measured no more; one of which something seems to have
 * regressed is measured again before it is believed; the others have spent the error up to here. */
void xsg_gate_look(void *arg, const struct xsg_plan_look *look, enum xsg_plan_decision *decision)
{
    struct xsg_gate_looks *state = arg;
    struct xsg_arena scratch = XSG_ARENA_INIT;
    struct xsg_comparison comparison;
    const struct xsg_run *run = state->head;

    take_schedule(state, look->n_looks, look->first, look->planned);
    for (size_t i = 0; i < run->n_targets; i++) {
        if (state->decided[i])
            continue;
        state->target_look[i] = look->index;
        state->fresh_from[i] = 0;
    }
    if (compare(state, &scratch, &comparison)) {
        for (size_t i = 0; i < run->n_targets; i++) {
            const char *name = run->targets[i].name;
            if (state->decided[i] || run->targets[i].invalid)
                continue;
            if (xsg_compare_needs_confirmation(&comparison, name))
                decision[i] = XSG_PLAN_CONFIRM;
            else if (xsg_compare_decided(&comparison, name))
                decision[i] = XSG_PLAN_STOP;
            state->decided[i] = decision[i] == XSG_PLAN_STOP;
        }
    }
    xsg_arena_release(&scratch);
}

bool xsg_gate_confirmed(void *arg, size_t target, size_t from)
{
    struct xsg_gate_looks *state = arg;
    struct xsg_arena scratch = XSG_ARENA_INIT;
    struct xsg_comparison comparison;
    const char *name = state->head->targets[target].name;
    bool settled = true;

    state->fresh_from[target] = from;
    if (compare(state, &scratch, &comparison))
        settled = xsg_compare_needs_confirmation(&comparison, name) ||
                  xsg_compare_decided(&comparison, name);
    xsg_arena_release(&scratch);
    state->decided[target] = settled;
    return settled;
}
