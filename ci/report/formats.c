#include <string.h>

#include "ci/report/parts.h"
#include "ci/report/report.h"

const struct xsg_report_format xsg_report_formats[] = {
    {"text", "table for a terminal", xsg_report_text},
    {"markdown", "a pull-request comment", xsg_report_markdown},
    {"json", "the contract of docs/formats/report.schema.json", xsg_report_json},
    {"html", "a page with sortable tables and flame graphs", xsg_report_html},
    {"junit", "JUnit XML: a test case per function", xsg_report_junit},
    {"github", "annotations as GitHub Actions' workflow commands", xsg_report_github},
    {"codequality", "findings for GitLab's merge requests", xsg_report_codequality},
    {"metrics", "OpenMetrics text, for GitLab's metrics report", xsg_report_metrics},
};
const size_t xsg_n_report_formats = sizeof xsg_report_formats / sizeof xsg_report_formats[0];

const struct xsg_report_format *xsg_report_find(const char *name)
{
    for (size_t i = 0; i < xsg_n_report_formats; i++) {
        if (strcmp(xsg_report_formats[i].name, name) == 0)
            return &xsg_report_formats[i];
    }
    return NULL;
}
