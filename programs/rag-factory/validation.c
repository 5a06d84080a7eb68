/* validation: see validation.h. */
#include "validation.h"

#include "base/mem.h"
#include "svg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int rf__validation_threshold(const struct command *command, const char *text, double *out)
{
    char *end = NULL;
    double value;

    if (text == NULL)
        return OPT_GO_ON;
    value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value > 0 && value <= 1))
        return rf__opt_wrong(command, "--threshold is '%.40s', expected a cosine above 0 and up to 1", text);
    *out = value;
    return OPT_GO_ON;
}

/* ---- Text ---------------------------------------------------------------------------------------------------- */

void rf__validation_text(const rf_validate_report *report, struct output *out)
{
    rf__output_printf(out, "Model          %s\n", report->model);
    rf__output_printf(out, "Reference      %s\n\n", report->reference[0] != '\0' ? report->reference : "none");
    for (size_t i = 0; i < report->n_checks; i++)
        rf__output_printf(out, "%-13s  %-6s  %s\n", report->checks[i].name, report->checks[i].passed ? "ok" : "FAILED",
                          report->checks[i].detail);
    if (report->n_texts > 0) {
        rf__output_printf(out, "%-13s  %-6s  cosine of %zu texts: lowest %.7f, 1st percentile %.7f, mean %.7f\n",
                          "likeness", report->min >= report->threshold ? "ok" : "FAILED", report->n_texts, report->min,
                          report->p1, report->mean);
        rf__output_printf(out, "%-13s  %-6s  greatest of two numbers: %.2g\n", "difference", "",
                          report->max_difference);
        rf__output_printf(out, "%-13s  %-6s  text %zu: \"%s\"\n", "lowest", "", report->worst + 1, report->worst_text);
    }
    rf__output_printf(out, "\n%s: ", report->passed ? "Passed" : "FAILED");
    if (report->n_texts == 0)
        rf__output_text(out, "the model was looked at by itself and compared with nothing\n");
    else
        rf__output_printf(out, "the threshold is a cosine of %g for every text\n", report->threshold);
}

/* ---- JSON ---------------------------------------------------------------------------------------------------- */

static void put_string(struct output *out, const char *key, const char *value)
{
    rf__output_printf(out, "\"%s\":", key);
    rf__output_json(out, value, strlen(value));
    rf__output_text(out, ",");
}

void rf__validation_json(const rf_validate_report *report, struct output *out)
{
    rf__output_printf(out, "{\"passed\":%s,", report->passed ? "true" : "false");
    put_string(out, "model", report->model);
    put_string(out, "reference", report->reference);
    rf__output_printf(out, "\n \"threshold\":%g,\"checks\":[", report->threshold);
    for (size_t i = 0; i < report->n_checks; i++) {
        rf__output_text(out, i > 0 ? ",\n  {" : "\n  {");
        put_string(out, "name", report->checks[i].name);
        put_string(out, "detail", report->checks[i].detail);
        rf__output_printf(out, "\"passed\":%s}", report->checks[i].passed ? "true" : "false");
    }
    rf__output_printf(out, "],\n \"n_texts\":%zu", report->n_texts);
    if (report->n_texts > 0) {
        rf__output_printf(out, ",\"min\":%.9f,\"p1\":%.9f,\"mean\":%.9f,\"max_difference\":%.3g,\"worst\":%zu,",
                          report->min, report->p1, report->mean, report->max_difference, report->worst);
        put_string(out, "worst_text", report->worst_text);
        rf__output_text(out, "\n \"cosines\":[");
        for (size_t i = 0; i < report->n_texts; i++)
            rf__output_printf(out, "%s%.9f", i > 0 ? "," : "", report->cosines[i]);
        rf__output_text(out, "]");
    }
    rf__output_text(out, "}");
}

/* ---- The picture --------------------------------------------------------------------------------------------- */

#define WIDTH  720
#define HEIGHT 360
#define LEFT   60.0
#define TOP    90.0
#define INNER  620.0 /* width of the plot */
#define TALL   200.0

/* Bars by how far cosines are from 1: under 1e-8, then ten times as far each, up to all that is left. */
enum { BARS = 9 };
static const char *const bar_names[BARS] = {"< 1e-8", "1e-8", "1e-7", "1e-6", "1e-5", "1e-4", "0.001", "0.01", "0.1 …"};

/* Where a distance from 1 lies, in bars. */
static double place_of(double distance)
{
    return distance <= 1e-9 ? 0 : fmin(BARS, fmax(0, log10(distance) + 9));
}

static size_t bar_of(double cosine)
{
    const double place = place_of(1 - cosine);

    return place >= BARS ? BARS - 1 : (size_t)place;
}

static void draw_bars(const rf_validate_report *report, struct output *out)
{
    const double slot = INNER / BARS;
    size_t counts[BARS] = {0}, most = 1;

    for (size_t i = 0; i < report->n_texts; i++)
        counts[bar_of(report->cosines[i])]++;
    for (size_t i = 0; i < BARS; i++)
        most = counts[i] > most ? counts[i] : most;
    for (size_t i = 0; i < BARS; i++) {
        const double height = TALL * (double)counts[i] / (double)most, x = LEFT + slot * (double)i;
        char number[32];
        rf__output_printf(out,
                          "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"2\" fill=\"#5b8def\"/>\n",
                          x + 4, TOP + TALL - height, slot - 8, height);
        snprintf(number, sizeof number, "%zu", counts[i]);
        if (counts[i] > 0)
            rf__svg_label(out, x + slot / 2, TOP + TALL - height - 6, 12, RF_SVG_INK, "middle", "600", number);
        rf__svg_label(out, x + slot / 2, TOP + TALL + 18, 12, RF_SVG_FAINT, "middle", "400", bar_names[i]);
    }
}

void rf__validation_svg(const rf_validate_report *report, struct output *out)
{
    const double x = LEFT + INNER / BARS * place_of(1 - report->threshold);
    char text[160];

    rf__svg_begin(out, WIDTH, HEIGHT);
    rf__svg_label(out, 26, 34, 17, RF_SVG_INK, "start", "600", "How alike the vectors are");
    snprintf(text, sizeof text, "%zu texts; cosine: lowest %.7f, 1st percentile %.7f, mean %.7f", report->n_texts,
             report->min, report->p1, report->mean);
    rf__svg_label(out, 26, 56, 12, RF_SVG_FAINT, "start", "400", text);
    draw_bars(report, out);
    rf__output_printf(out,
                      "<path d=\"M%.1f %.1fH%.1f\" stroke=\"%s\"/>\n<path d=\"M%.1f %.1fV%.1f\" stroke=\"#d1495b\" "
                      "stroke-width=\"1.5\" stroke-dasharray=\"5 4\"/>\n",
                      LEFT, TOP + TALL, LEFT + INNER, RF_SVG_FAINT, x, TOP - 14, TOP + TALL);
    snprintf(text, sizeof text, "threshold %g", report->threshold);
    rf__svg_label(out, x - 6, TOP - 6, 12, "#d1495b", "end", "400", text);
    rf__svg_label(out, LEFT + INNER / 2, TOP + TALL + 44, 12, RF_SVG_INK, "middle", "400",
                  "1 - cosine, from here to ten times as much; to the left is better");
    rf__svg_end(out);
}

/* ---- Files --------------------------------------------------------------------------------------------------- */

static void print_markdown(const rf_validate_report *report, const char *picture, struct output *out)
{
    rf__output_printf(out, "# Validation: %s\n\n- Model: `%s`\n- Reference: %s%s%s\n\n",
                      report->passed ? "passed" : "failed", report->model, report->reference[0] != '\0' ? "`" : "",
                      report->reference[0] != '\0' ? report->reference : "none",
                      report->reference[0] != '\0' ? "`" : "");
    rf__output_text(out, "| check | result | found |\n|---|---|---|\n");
    for (size_t i = 0; i < report->n_checks; i++)
        rf__output_printf(out, "| %s | %s | %s |\n", report->checks[i].name,
                          report->checks[i].passed ? "ok" : "**failed**", report->checks[i].detail);
    if (report->n_texts == 0)
        return;
    rf__output_printf(out, "| likeness | %s | threshold %g |\n\n",
                      report->min >= report->threshold ? "ok" : "**failed**", report->threshold);
    rf__output_text(out, "| texts | lowest cosine | 1st percentile | mean | greatest difference |\n"
                         "|---|---|---|---|---|\n");
    rf__output_printf(out, "| %zu | %.7f | %.7f | %.7f | %.2g |\n\n![Histogram of the cosines](%s)\n", report->n_texts,
                      report->min, report->p1, report->mean, report->max_difference, picture);
}

bool rf__validation_knows(const char *path)
{
    return rf__ends_with(path, ".md") || rf__ends_with(path, ".json") || rf__ends_with(path, ".svg");
}

static rf_status write_svg(const rf_validate_report *report, const char *path, rf_error *err)
{
    struct output out;
    rf_status status = rf__output_open(&out, path, err);

    if (status != RF_OK)
        return status;
    rf__validation_svg(report, &out);
    return rf__output_close(&out, RF_OK, err);
}

rf_status rf__validation_write(const rf_validate_report *report, const char *path, rf_error *err)
{
    const char *slash;
    char *picture;
    struct output out;
    rf_status status;

    if (rf__ends_with(path, ".svg"))
        return write_svg(report, path, err);
    picture = rf__format("%.*s.svg", (int)(strrchr(path, '.') - path), path);
    status = picture == NULL ? rf__fail_memory(err) : rf__output_open(&out, path, err);
    if (status == RF_OK && rf__ends_with(path, ".json")) {
        rf__validation_json(report, &out);
        rf__output_text(&out, "\n");
        status = rf__output_close(&out, RF_OK, err);
    } else if (status == RF_OK) {
        slash = strrchr(picture, '/');
        print_markdown(report, slash != NULL ? slash + 1 : picture, &out);
        status = report->n_texts > 0 ? write_svg(report, picture, err) : RF_OK;
        status = rf__output_close(&out, status, err);
    }
    rf__free(picture);
    return status;
}
