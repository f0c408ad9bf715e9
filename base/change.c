#include "base/change.h"

#include <math.h>
#include <stdio.h>

/* sign: written in front of a change that does not round to 0; "" for none. */
static void format(char *out, double ratio, const char *plus, const char *minus)
{
    double percent = fabs(ratio - 1) * 100;
    int decimals = percent < 9.95 ? 1 : 0;
    const char *sign = percent < 0.05 ? "" : ratio > 1 ? plus : minus;
    if (isnan(ratio))
        snprintf(out, XSG_CHANGE_SIZE, "-");
    else if (isinf(ratio))
        snprintf(out, XSG_CHANGE_SIZE, "inf");
    else if (ratio >= 9999.5)
        snprintf(out, XSG_CHANGE_SIZE, "%.2gx", ratio);
    else if (ratio >= 3)
        snprintf(out, XSG_CHANGE_SIZE, "%.*fx", ratio < 9.95 ? 1 : 0, ratio);
    else
        snprintf(out, XSG_CHANGE_SIZE, "%s%.*f %%", sign, decimals, percent);
}

void xsg_format_change(char out[XSG_CHANGE_SIZE], double ratio)
{
    format(out, ratio, "+", "-");
}

void xsg_format_size(char out[XSG_CHANGE_SIZE], double ratio)
{
    format(out, ratio, "", "");
}
