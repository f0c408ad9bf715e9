#include <xsgate/run.h>

const char *const xsg_pairing_names[XSG_N_PAIRINGS + 1] = {
    [XSG_PAIRING_AUTO] = "auto",
    [XSG_PAIRING_ALTERNATE] = "alternate",
    [XSG_PAIRING_SAME_CORE] = "same-core",
    [XSG_PAIRING_TWO_CORE] = "two-core",
};
