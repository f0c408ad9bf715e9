/*
 * badge. Geometry: height 20, corners of 3, 5 pixels beside each text, texts of odd width, so that
 * their middles fall on whole or half pixels. Text is drawn ten times as large and scaled down: the
 * length attributes are whole numbers then.
 */
#include "ci/report/badge.h"

#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "ci/report/parts.h"

#define HEIGHT 20
#define PAD 5
#define MOST_COLUMNS 60

static const struct {
    const char *name, *fill;
} colors[] = {
    [XSG_BADGE_BRIGHTGREEN] = {"brightgreen", "#4b0"},
    [XSG_BADGE_GREEN] = {"green", "#67ac09"},
    [XSG_BADGE_YELLOW] = {"yellow", "#d8b800"},
    [XSG_BADGE_ORANGE] = {"orange", "#ea7233"},
    [XSG_BADGE_RED] = {"red", "#dd4343"},
    [XSG_BADGE_BLUE] = {"blue", "#007ec6"},
    [XSG_BADGE_LIGHTGREY] = {"lightgrey", "#939393"},
};

/* Advance widths of U+0020 to U+007E in Verdana at 11 pixels, in hundredths of a pixel. */
static const short advances[] = {
    387,  433, 505, 900, 699, 1184, 799, 295,  500, 500, 699, 900, 400, 500,  400, 500,
    699,  699, 699, 699, 699, 699,  699, 699,  699, 699, 500, 500, 900, 900,  900, 600,
    1100, 752, 754, 768, 848, 696,  632, 853,  827, 463, 500, 762, 612, 927,  823, 866,
    663,  866, 765, 752, 678, 805,  752, 1088, 754, 677, 754, 500, 500, 500,  900, 699,
    699,  661, 685, 573, 685, 655,  387, 685,  696, 302, 379, 651, 302, 1070, 696, 668,
    685,  685, 469, 573, 433, 696,  651, 900,  651, 651, 578, 698, 500, 698,  900,
};
_Static_assert(sizeof advances / sizeof advances[0] == 0x7f - 0x20, "printable ASCII");

double xsg_badge_text_width(const char *text)
{
    size_t n = strlen(text);
    long sum = 0;

    for (size_t i = 0; i < n;) {
        char one[8] = "";
        uint32_t c = 0;
        size_t len = xsg_utf8_decode(text + i, n - i, &c);
        len = len ? len : 1;
        memcpy(one, text + i, len);
        i += len;
        if (c >= 0x20 && c < 0x7f)
            sum += advances[c - 0x20];
        else if (xsg_display_width(one) > 0)
            sum += xsg_display_width(one) > 1 ? 1100 : 700;
    }
    return (double)sum / 100;
}

/* Whole pixels, odd. */
static int text_pixels(const char *text)
{
    int width = (int)xsg_badge_text_width(text);

    return width % 2 == 0 ? width + 1 : width;
}

struct xsg_badge xsg_badge_of_verdict(const struct xsg_comparison *comparison)
{
    static const struct xsg_badge of[] = {
        [XSG_VERDICT_PASSED] = {NULL, "passed", XSG_BADGE_BRIGHTGREEN},
        [XSG_VERDICT_REGRESSED] = {NULL, "regressed", XSG_BADGE_RED},
        [XSG_VERDICT_UNDECIDED] = {NULL, "undecided", XSG_BADGE_YELLOW},
        [XSG_VERDICT_INVALID] = {NULL, "could not judge", XSG_BADGE_ORANGE},
    };
    static const struct xsg_badge unknown = {NULL, "unknown", XSG_BADGE_LIGHTGREY};

    return comparison ? of[comparison->verdict] : unknown;
}

/* One side's text, after its shadow. x: the middle in tenths of a pixel. */
static void put_side(struct xsg_buf *out, const char *escaped, int x, int width)
{
    xsg_buf_puts(out, "<g transform=\"scale(.1)\"><g fill=\"#010101\" aria-hidden=\"true\">");
    xsg_buf_printf(out,
                   "<text x=\"%d\" y=\"150\" textLength=\"%d\" fill-opacity=\".8\" "
                   "filter=\"url(#xsgate-blur)\">%s</text>",
                   x, width * 10, escaped);
    xsg_buf_printf(out, "<text x=\"%d\" y=\"150\" textLength=\"%d\" fill-opacity=\".3\">%s</text>",
                   x, width * 10, escaped);
    xsg_buf_printf(out, "</g><text x=\"%d\" y=\"140\" textLength=\"%d\">%s</text></g>\n", x,
                   width * 10, escaped);
}

static void put_defs(struct xsg_buf *out, int width)
{
    xsg_buf_puts(out,
                 "<defs>\n<linearGradient id=\"xsgate-shade\" x2=\"0\" y2=\"100%\">"
                 "<stop offset=\"0\" stop-color=\"#bbb\" stop-opacity=\".1\"/>"
                 "<stop offset=\"1\" stop-opacity=\".1\"/></linearGradient>\n"
                 "<filter id=\"xsgate-blur\"><feGaussianBlur stdDeviation=\"16\"/></filter>\n");
    xsg_buf_printf(out,
                   "<clipPath id=\"xsgate-round\"><rect width=\"%d\" height=\"%d\" rx=\"3\"/>"
                   "</clipPath>\n</defs>\n",
                   width, HEIGHT);
}

static void put_boxes(struct xsg_buf *out, int left, int right, const char *fill)
{
    xsg_buf_puts(out, "<g clip-path=\"url(#xsgate-round)\">");
    if (left > 0)
        xsg_buf_printf(out, "<rect width=\"%d\" height=\"%d\" fill=\"#555\"/>", left, HEIGHT);
    xsg_buf_printf(out, "<rect x=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"/>", left, right,
                   HEIGHT, fill);
    xsg_buf_printf(out, "<rect width=\"%d\" height=\"%d\" fill=\"url(#xsgate-shade)\"/></g>\n",
                   left + right, HEIGHT);
}

/* A badge with its texts made printable and short. */
struct texts {
    struct xsg_buf label, message;         /* as text */
    struct xsg_buf xml_label, xml_message; /* escaped */
};

static void prepare(struct texts *t, const struct xsg_badge *badge)
{
    *t = (struct texts){0};
    xsg_report_put_cell(&t->label, badge->label, MOST_COLUMNS, false);
    xsg_report_put_cell(&t->message, badge->message, MOST_COLUMNS, false);
    xsg_report_put_xml(&t->xml_label, xsg_buf_str(&t->label));
    xsg_report_put_xml(&t->xml_message, xsg_buf_str(&t->message));
}

static void release(struct texts *t)
{
    xsg_buf_release(&t->label);
    xsg_buf_release(&t->message);
    xsg_buf_release(&t->xml_label);
    xsg_buf_release(&t->xml_message);
}

void xsg_badge_put_svg(struct xsg_buf *out, const struct xsg_badge *badge)
{
    struct texts t;

    prepare(&t, badge);
    const char *label = xsg_buf_str(&t.xml_label), *message = xsg_buf_str(&t.xml_message);
    int label_width = t.label.len ? text_pixels(t.label.data) : 0;
    int message_width = text_pixels(xsg_buf_str(&t.message));
    int left = label_width ? label_width + 2 * PAD : 0, right = message_width + 2 * PAD;
    const char *colon = left ? ": " : "";

    xsg_buf_printf(out,
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
                   "role=\"img\" aria-label=\"%s%s%s\">\n<title>%s%s%s</title>\n",
                   left + right, HEIGHT, label, colon, message, label, colon, message);
    put_defs(out, left + right);
    put_boxes(out, left, right, colors[badge->color].fill);
    xsg_buf_puts(out, "<g fill=\"#fff\" text-anchor=\"middle\" font-size=\"110\" "
                      "font-family=\"Verdana,Geneva,DejaVu Sans,sans-serif\" "
                      "text-rendering=\"geometricPrecision\">\n");
    /* The texts stand a pixel nearer to the line between the sides than to the edges. */
    if (left)
        put_side(out, label, left * 5 + 10, label_width);
    put_side(out, message, left * 10 + right * 5 - (left ? 10 : 0), message_width);
    xsg_buf_puts(out, "</g>\n</svg>\n");
    release(&t);
}

void xsg_badge_put_endpoint(struct xsg_buf *out, const struct xsg_badge *badge)
{
    struct xsg_json_writer w;
    struct texts t;

    prepare(&t, badge);
    xsg_json_writer_init(&w, out, 0);
    xsg_json_begin_object(&w);
    xsg_json_key(&w, "schemaVersion");
    xsg_json_int(&w, 1);
    xsg_json_key(&w, "label");
    xsg_json_string(&w, xsg_buf_str(&t.label));
    xsg_json_key(&w, "message");
    xsg_json_string(&w, xsg_buf_str(&t.message));
    xsg_json_key(&w, "color");
    xsg_json_string(&w, colors[badge->color].name);
    xsg_json_end_object(&w);
    xsg_buf_putc(out, '\n');
    release(&t);
}
