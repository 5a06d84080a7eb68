/*
 * peaks: what THREADS threads at once do at their best, in operations a second of the wall's clock: a line
 * "fp32 int16 int8". Operations are multiplications and additions.
 *
 *     build/release/bench/peaks THREADS
 */
#include "os/os.h"
#include "peak.h"

#define MAX_THREADS 256

struct measured {
    enum precision precision;
    double speeds[MAX_THREADS];
};

static void measure(void *arg, size_t thread)
{
    struct measured *measured = arg;

    measured->speeds[thread] = peak(measured->precision, CLOCK_MONOTONIC);
}

int main(int argc, char **argv)
{
    size_t threads = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;

    if (threads == 0 || threads > MAX_THREADS)
        die("usage: peaks THREADS");
    for (int precision = PRECISION_FP32; precision <= PRECISION_INT8; precision++) {
        struct measured measured = {.precision = (enum precision)precision};
        double sum = 0;
        rf__os_parallel(threads, measure, &measured);
        for (size_t i = 0; i < threads; i++)
            sum += measured.speeds[i];
        printf("%.0f%c", sum, precision < PRECISION_INT8 ? ' ' : '\n');
    }
    return 0;
}
