/* svg: see svg.h. */
#include "svg.h"

/* Text between tags and in attributes. */
static void escaped(struct output *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '<')
            rf__output_text(out, "&lt;");
        else if (*text == '>')
            rf__output_text(out, "&gt;");
        else if (*text == '&')
            rf__output_text(out, "&amp;");
        else if (*text == '"')
            rf__output_text(out, "&quot;");
        else
            rf__output_write(out, text, 1);
    }
}

void rf__svg_begin(struct output *out, int width, int height)
{
    rf__output_printf(out,
                      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
                      "font-family=\"system-ui, 'Segoe UI', Helvetica, Arial, sans-serif\" fill=\"none\">\n"
                      "<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n",
                      width, height, width, height, width, height);
}

void rf__svg_end(struct output *out)
{
    rf__output_text(out, "</svg>\n");
}

void rf__svg_label(struct output *out, double x, double y, int size, const char *color, const char *anchor,
                   const char *weight, const char *text)
{
    rf__output_printf(out,
                      "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%d\" fill=\"%s\" text-anchor=\"%s\" "
                      "font-weight=\"%s\">",
                      x, y, size, color, anchor, weight);
    escaped(out, text);
    rf__output_text(out, "</text>\n");
}
