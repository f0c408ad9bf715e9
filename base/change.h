/* A ratio of two values as people say it: "+21 %", "-3.4 %", "3.2x". */
#ifndef XSG_BASE_CHANGE_H
#define XSG_BASE_CHANGE_H

#include <stddef.h>

#define XSG_CHANGE_SIZE 24 /* always enough */

/* Two significant digits, at most one decimal: 1.213 -> "+21 %", 0.966 -> "-3.4 %", 1 -> "0.0 %",
 * 3.2 -> "3.2x" (from 3 upward). NaN -> "-", infinity -> "inf". */
void xsg_format_change(char out[XSG_CHANGE_SIZE], double ratio);

/* The same without a sign, for "21 % more": 1.213 and 0.787 -> "21 %". */
void xsg_format_size(char out[XSG_CHANGE_SIZE], double ratio);

#endif
