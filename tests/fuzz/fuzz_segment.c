/* Segment files (profiler/format.h): whatever is read folds into a sound profile. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "profiler/fold.h"
#include "profiler/source/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check(const struct xsg_profile *p)
{
    require(isfinite(p->total_ns) && p->total_ns >= 0);
    for (size_t i = 0; i < p->n_functions; i++) {
        const struct xsg_profile_function *f = &p->functions[i];
        require(f->function.name && isfinite(f->self) && f->self >= 0);
        require(isfinite(f->total) && f->total >= 0 && isfinite(f->self_se));
    }
    for (size_t i = 1; i < p->tree.n_nodes; i++)
        require(p->tree.nodes[i].parent < i && p->tree.nodes[i].function < p->tree.n_functions);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct xsg_arena arena = XSG_ARENA_INIT;
    struct xsg_fold *fold;
    struct xsg_profile profile;
    struct xsg_err err = {0};
    require(xsg_fold_open(&fold, &arena, &err) == 0);
    if (xsg_segment_read(&arena, data, n, NULL, fold, &err))
        require(err.text[0] != '\0');
    require(xsg_fold_finish(fold, &profile, NULL) == 0);
    check(&profile);
    xsg_arena_release(&arena);
    return 0;
}
