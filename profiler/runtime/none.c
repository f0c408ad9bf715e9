/* The sampler's entry points for builds without one (static programs): the linker prefers sample.c.
 */
#include "profiler/runtime/runtime.h"

#define XSG__WEAK __attribute__((weak))

XSG__WEAK void xsg__sample_process_start(void)
{
}
XSG__WEAK void xsg__sample_process_end(void)
{
}
XSG__WEAK void xsg__sample_thread_start(struct xsg__block *block)
{
    (void)block;
}
XSG__WEAK void xsg__sample_thread_end(struct xsg__block *block)
{
    (void)block;
}
XSG__WEAK void xsg__sample_fork_prepare(void)
{
}
XSG__WEAK void xsg__sample_fork_parent(void)
{
}
XSG__WEAK void xsg__sample_fork_child(void)
{
}
