/* Which stored run is comparable with what is measured now. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "baseline/select.h"

static void add_difference(struct xsg_buf *out, const char *what, const char *there,
                           const char *here)
{
    there = there ? there : "unknown";
    here = here ? here : "unknown";
    if (strcmp(there, here) != 0)
        xsg_buf_printf(out, "%s%s: '%.80s' there, '%.80s' here", out->len ? "; " : "", what, there,
                       here);
}

static const char *environments_differ(struct xsg_arena *arena, const struct xsg_environment *a,
                                       const struct xsg_environment *b)
{
    struct xsg_buf text = XSG_BUF_INIT;
    char there[32], here[32];
    add_difference(&text, "CPU", a->cpu_model, b->cpu_model);
    if (a->cores != b->cores) {
        snprintf(there, sizeof there, "%d", a->cores);
        snprintf(here, sizeof here, "%d", b->cores);
        add_difference(&text, "cores", there, here);
    }
    add_difference(&text, "kernel", a->kernel, b->kernel);
    add_difference(&text, "system", a->os, b->os);
    add_difference(&text, "libc", a->libc, b->libc);
    add_difference(&text, "compiler", a->compiler, b->compiler);
    add_difference(&text, "virtualization", a->virtualization, b->virtualization);
    add_difference(&text, "governor", a->governor, b->governor);
    add_difference(&text, "GPU", a->gpu ? a->gpu : "none", b->gpu ? b->gpu : "none");
    add_difference(&text, "xsgate", a->xsgate, b->xsgate);
    const char *sentence = xsg_printf(arena, "it was measured in another environment (%s)",
                                      text.len ? text.data : "its fingerprint differs");
    xsg_buf_release(&text);
    return sentence;
}

const char *xsg_select_differs(struct xsg_arena *arena, const struct xsg_run *stored,
                               const struct xsg_environment *now, const char *suite_hash)
{
    if (suite_hash && (!stored->suite_hash || strcmp(stored->suite_hash, suite_hash) != 0))
        return "it measured something else: commands, profiles or the build line have changed";
    if (!now)
        return NULL;
    const char *there = stored->environment.fingerprint;
    if (!there || !now->fingerprint)
        return "the environment that it was measured in is not known";
    if (strcmp(there, now->fingerprint) == 0)
        return NULL;
    return environments_differ(arena, &stored->environment, now);
}
