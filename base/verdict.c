#include <xsgate/comparison.h>

const char *xsg_verdict_name(enum xsg_verdict verdict)
{
    switch (verdict) {
    case XSG_VERDICT_PASSED:
        return "passed";
    case XSG_VERDICT_REGRESSED:
        return "regressed";
    case XSG_VERDICT_UNDECIDED:
        return "undecided";
    case XSG_VERDICT_INVALID:
        break;
    }
    return "invalid";
}

const char *xsg_delta_verdict_name(enum xsg_delta_verdict verdict)
{
    switch (verdict) {
    case XSG_DELTA_REGRESSED:
        return "regressed";
    case XSG_DELTA_IMPROVED:
        return "improved";
    case XSG_DELTA_UNCHANGED:
        return "unchanged";
    case XSG_DELTA_UNDECIDED:
        return "undecided";
    case XSG_DELTA_ADDED:
        return "added";
    case XSG_DELTA_REMOVED:
        return "removed";
    case XSG_DELTA_INVALID:
        break;
    }
    return "invalid";
}
