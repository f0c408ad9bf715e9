/* Does a slowdown persist when the programs are laid out otherwise? Pure numbers. */
#ifndef XSG_COMPARE_LAYOUT_H
#define XSG_COMPARE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include <xsgate/comparison.h>

/* Fewer layouts, the build's own among them, show nothing of how much layouts differ. */
#define XSG_LAYOUT_LEAST 3

struct xsg_layout_evidence {
    const double *worse; /* ln of how much worse head is, in each layout; the first is the build's
                            own, in which the slowdown was found */
    const bool *apart;   /* does its interval end below that of the first? */
    size_t n;
    double p; /* that the rounds of the others, all together, show no worsening */
};

/*
 * A layout shifts the speed of a program by an amount that is drawn once per build: more rounds in
 * one layout do not average it out, so that layouts are the units here, not rounds.
 *
 * GONE: in some layout less than half of the threshold is left (what a fresh batch has to show,
 * too), and less for certain: the few rounds of a layout would else take back what many rounds have
 * proven, of a function that spreads widely. PERSISTS: in none; the rounds outside the layout in
 * which it was found are evidence by themselves; and so are the layouts, by Student's t over their
 * estimates, which holds whatever part of their spread is layout and what is noise. It is asked
 * after each layout from the third on, up to twice: each of both tests has half of alpha. Else
 * OPEN.
 */
enum xsg_layout xsg_layout_decide(const struct xsg_layout_evidence *evidence, double threshold,
                                  double alpha);

#endif
