/* progress: see progress.h. */
#include "progress.h"

#include "os/os.h"
#include "say.h"

#include <string.h>

#define REDRAW_NS 100000000u
#define BAR_CELLS 24

static void erase(void *bar)
{
    struct progress *progress = bar;

    if (!progress->is_drawn)
        return;
    fputs("\r\033[K", stderr);
    progress->is_drawn = false;
}

void rf__progress_start(struct progress *progress, const char *label, enum progress_unit unit)
{
    *progress = (struct progress){.label = label, .unit = unit};
    progress->shown = !rf__say_is_quiet() && rf__os_is_terminal(stderr);
    progress->start_ns = progress->drawn_ns = rf__os_now_ns(); /* work shorter than that needs no bar */
    if (progress->shown)
        rf__say_set_bar(erase, progress);
}

const char *rf__size_text(uint64_t bytes, char out[RF_SIZE_TEXT])
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    double value = (double)bytes / 1000;
    size_t unit = 0;

    if (bytes < 1000) {
        snprintf(out, RF_SIZE_TEXT, "%u B", (unsigned)bytes);
        return out;
    }
    while (value >= 999.95 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1000;
        unit++;
    }
    snprintf(out, RF_SIZE_TEXT, "%.1f %s", value, units[unit]);
    return out;
}

const char *rf__count_text(uint64_t count, char out[RF_SIZE_TEXT])
{
    char digits[RF_SIZE_TEXT];
    size_t len = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)count), n = 0;

    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[n++] = ',';
        out[n++] = digits[i];
    }
    out[n] = '\0';
    return out;
}

/* "0:07", "12:34", "3:02:10". */
static const char *time_text(double seconds, char out[RF_SIZE_TEXT])
{
    unsigned s = seconds < 360000 ? (unsigned)(seconds + 0.5) : 360000;

    if (s >= 3600)
        snprintf(out, RF_SIZE_TEXT, "%u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, RF_SIZE_TEXT, "%u:%02u", s / 60, s % 60);
    return out;
}

static void draw(struct progress *progress, double fraction, uint64_t count, double elapsed)
{
    char line[256], done[RF_SIZE_TEXT], rate[RF_SIZE_TEXT], left[RF_SIZE_TEXT], bar[BAR_CELLS + 1];
    uint64_t per_second = elapsed > 0 ? (uint64_t)((double)(count - progress->count_before) / elapsed) : 0;
    double done_now = fraction - progress->fraction_before;
    int width = rf__os_terminal_width(stderr), filled = (int)(fraction * BAR_CELLS);

    if (progress->unit == PROGRESS_BYTES) {
        rf__size_text(count, done);
        rf__size_text(per_second, rate);
    } else {
        rf__count_text(count, done);
        rf__count_text(per_second, rate);
    }
    if (fraction >= 0) {
        memset(bar, ' ', BAR_CELLS);
        memset(bar, '=', (size_t)filled);
        bar[BAR_CELLS] = '\0';
        time_text(done_now > 0.001 ? elapsed * (1 - fraction) / done_now : 360000, left);
        snprintf(line, sizeof line, "%s [%s] %3d%%  %s%s  %s/s  ETA %s", progress->label, bar, (int)(fraction * 100),
                 done, progress->unit == PROGRESS_TEXTS ? " texts" : "", rate, done_now > 0.001 ? left : "-");
    } else {
        snprintf(line, sizeof line, "%s  %s%s  %s/s  %s", progress->label, done,
                 progress->unit == PROGRESS_TEXTS ? " texts" : "", rate, time_text(elapsed, left));
    }
    fprintf(stderr, "\r%.*s\033[K", width > 1 ? width - 1 : 1, line);
    fflush(stderr);
}

void rf__progress_show(struct progress *progress, double fraction, uint64_t count)
{
    uint64_t now = rf__os_now_ns();

    if (!progress->shown || now - progress->drawn_ns < REDRAW_NS)
        return;
    draw(progress, fraction > 1 ? 1 : fraction, count, (double)(now - progress->start_ns) / 1e9);
    progress->is_drawn = true;
    progress->drawn_ns = now;
}

bool rf__progress_step(void *progress, uint64_t done, uint64_t total)
{
    rf__progress_show(progress, total > 0 ? (double)done / (double)total : -1, done);
    return !rf__say_interrupted();
}

void rf__progress_end(struct progress *progress)
{
    if (!progress->shown)
        return;
    erase(progress);
    rf__say_set_bar(NULL, NULL);
}
