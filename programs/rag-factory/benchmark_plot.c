/*
 * benchmark_plot: the two tables as one SVG picture: on the left a bar for each length of text, its mean, with a
 * whisker from the median to the 95th percentile; on the right a line, texts a second by the size of the batch.
 */
#include "benchmark.h"
#include "progress.h"
#include "svg.h"

#include <math.h>
#include <string.h>

#define WIDTH  960
#define HEIGHT 470

struct panel {
    double left, top, width, height; /* of the plotting area */
    double max;                      /* value at its top */
};

static const char bar[] = "#5b8def", line[] = "#0f9d76";

/* A round step that divides 0 … max into four to eight. */
static double tick_step(double max)
{
    double power = pow(10, floor(log10(max / 4))), rest = max / 4 / power;

    return (rest >= 5 ? 5 : rest >= 2 ? 2 : 1) * power;
}

/* Numbers as short as they can be said: "0.85", "12.3", "1,234" without the comma. */
static void number(char out[32], double value)
{
    snprintf(out, 32, value < 10 ? "%.2f" : value < 100 ? "%.1f" : "%.0f", value);
}

static double y_of(const struct panel *panel, double value)
{
    return panel->top + panel->height * (1 - value / panel->max);
}

/* Title, horizontal grid and its numbers; rounds panel->max up to a tick. */
static void frame(struct output *out, struct panel *panel, const char *title, const char *unit)
{
    double step = tick_step(panel->max);
    int n_ticks = (int)ceil(panel->max / step - 1e-9);

    panel->max = step * n_ticks;
    rf__svg_label(out, panel->left - 44, panel->top - 34, 15, RF_SVG_INK, "start", "600", title);
    rf__svg_label(out, panel->left - 44, panel->top - 14, 12, RF_SVG_FAINT, "start", "400", unit);
    for (int i = 0; i <= n_ticks; i++) {
        char text[32];
        double y = y_of(panel, step * i);
        snprintf(text, sizeof text, "%g", step * i);
        rf__output_printf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", panel->left,
                          y, panel->left + panel->width, y, i == 0 ? RF_SVG_FAINT : RF_SVG_GRID);
        rf__svg_label(out, panel->left - 8, y + 4, 12, RF_SVG_FAINT, "end", "400", text);
    }
}

static void whisker(struct output *out, const struct panel *panel, double x, double low, double high)
{
    double y_low = y_of(panel, low), y_high = y_of(panel, high);

    rf__output_printf(out,
                      "<path d=\"M%.1f %.1fV%.1fM%.1f %.1fh14M%.1f %.1fh14\" stroke=\"%s\" stroke-width=\"1.5\"/>\n", x,
                      y_low, y_high, x - 7, y_low, x - 7, y_high, RF_SVG_INK);
}

static void draw_lengths(const struct benchmark *b, struct output *out)
{
    struct panel panel = {70, 140, 360, 250, 0};
    double slot = panel.width / N_LENGTHS;

    for (size_t i = 0; i < N_LENGTHS; i++)
        panel.max = fmax(panel.max, fmax(b->lengths[i].p95, b->lengths[i].mean) * 1.12);
    frame(out, &panel, "One text", "ms; bar: mean, whisker: p50 to p95");
    for (size_t i = 0; i < N_LENGTHS; i++) {
        const struct benchmark_length *l = &b->lengths[i];
        double x = panel.left + slot * ((double)i + 0.5), y = y_of(&panel, l->mean);
        char text[64], value[32];
        rf__output_printf(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"72\" height=\"%.1f\" rx=\"3\" fill=\"%s\"/>\n",
                          x - 36, y, panel.top + panel.height - y, bar);
        whisker(out, &panel, x, l->p50, l->p95);
        number(value, l->mean);
        snprintf(text, sizeof text, "%s ms", value);
        rf__svg_label(out, x, fmin(y_of(&panel, l->p95), y) - 8, 13, RF_SVG_INK, "middle", "600", text);
        rf__svg_label(out, x, panel.top + panel.height + 20, 13, RF_SVG_INK, "middle", "400", l->name);
        snprintf(text, sizeof text, "%u token%s", l->n_tokens, l->n_tokens == 1 ? "" : "s");
        rf__svg_label(out, x, panel.top + panel.height + 37, 12, RF_SVG_FAINT, "middle", "400", text);
    }
}

static void draw_batches(const struct benchmark *b, struct output *out)
{
    struct panel panel = {560, 140, 360, 250, 0};
    double slot = panel.width / N_BATCHES, rates[N_BATCHES];

    for (size_t i = 0; i < N_BATCHES; i++) {
        rates[i] = 1000 / b->batches[i].per_text_ms;
        panel.max = fmax(panel.max, rates[i] * 1.12);
    }
    frame(out, &panel, "Batches", "texts a second, by the number of texts in a batch");
    rf__output_text(out, "<polyline fill=\"none\" stroke-width=\"2.5\" stroke-linejoin=\"round\" points=\"");
    for (size_t i = 0; i < N_BATCHES; i++)
        rf__output_printf(out, "%.1f,%.1f ", panel.left + slot * ((double)i + 0.5), y_of(&panel, rates[i]));
    rf__output_printf(out, "\" stroke=\"%s\"/>\n", line);
    for (size_t i = 0; i < N_BATCHES; i++) {
        double x = panel.left + slot * ((double)i + 0.5), y = y_of(&panel, rates[i]);
        char text[32];
        rf__output_printf(out,
                          "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\" fill=\"#ffffff\" stroke=\"%s\" "
                          "stroke-width=\"2.5\"/>\n",
                          x, y, line);
        number(text, rates[i]);
        rf__svg_label(out, x, y - 12, 13, RF_SVG_INK, "middle", "600", text);
        snprintf(text, sizeof text, "%zu", b->batches[i].n_texts);
        rf__svg_label(out, x, panel.top + panel.height + 20, 13, RF_SVG_INK, "middle", "400", text);
    }
}

void rf__benchmark_plot(const struct benchmark *b, struct output *out)
{
    char foot[256], load[32], peak[RF_SIZE_TEXT], tokens[RF_SIZE_TEXT];

    rf__svg_begin(out, WIDTH, HEIGHT);
    rf__svg_label(out, 26, 34, 18, RF_SVG_INK, "start", "600", b->model);
    rf__svg_label(out, 26, 56, 12, RF_SVG_FAINT, "start", "400", b->machine);
    rf__svg_label(out, 26, 73, 12, RF_SVG_FAINT, "start", "400", b->versions);
    draw_lengths(b, out);
    draw_batches(b, out);
    number(load, b->load_ms);
    rf__size_text(b->memory_peak, peak);
    rf__count_text((uint64_t)(b->tokens_per_s + 0.5), tokens);
    snprintf(foot, sizeof foot, "Load %s ms   ·   peak memory %s   ·   %s tokens a second on texts of mixed length",
             load, peak, tokens);
    rf__svg_label(out, 26, HEIGHT - 14, 13, RF_SVG_INK, "start", "400", foot);
    rf__svg_end(out);
}
