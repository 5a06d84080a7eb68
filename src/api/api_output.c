/* api_output: the entry points of rag_factory.h for vectors in fewer bits. Arguments are checked, then one call down.
 */
#include "base/mem.h"
#include "embed/embed.h"

#include <math.h>

size_t rf_output_row_size(rf_output_type type, size_t dim)
{
    return (unsigned)type <= RF_OUTPUT_UBINARY ? rf__output_row_size(type, dim) : 0;
}

rf_status rf_quantize(const float *vectors, size_t n, size_t dim, rf_output_type type, const float *ranges, void *out,
                      size_t out_len, rf_error *err)
{
    size_t need;

    if ((unsigned)type > RF_OUTPUT_UBINARY)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_quantize: type is %d", (int)type);
    if (n > 0 && (vectors == NULL || out == NULL || dim == 0))
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_quantize: %s",
                        vectors == NULL ? "vectors is NULL"
                        : out == NULL   ? "out is NULL"
                                        : "dim is 0");
    if (!rf__mul(n, rf__output_row_size(type, dim), &need) || out_len < need)
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_quantize: out_len is %zu, needed are n * rf_output_row_size()",
                        out_len);
    if (rf__output_needs_ranges(type) && ranges == NULL && n > 0)
        return rf__fail(err, RF_INVALID_ARGUMENT,
                        "rf_quantize: int8 and uint8 need ranges; take them from representative vectors with "
                        "rf_calibrate()");
    for (size_t d = 0; rf__output_needs_ranges(type) && n > 0 && d < dim; d++)
        if (!isfinite(ranges[d]) || !isfinite(ranges[dim + d]) || ranges[d] > ranges[dim + d])
            return rf__fail(err, RF_INVALID_ARGUMENT, "rf_quantize: the range of dimension %zu is %g to %g", d,
                            (double)ranges[d], (double)ranges[dim + d]);
    rf__quantize(vectors, n, dim, type, ranges, out);
    return RF_OK;
}

rf_status rf_calibrate(const float *vectors, size_t n, size_t dim, bool first, float *ranges, rf_error *err)
{
    if (n > 0 && (vectors == NULL || ranges == NULL))
        return rf__fail(err, RF_INVALID_ARGUMENT, "rf_calibrate: %s is NULL", vectors == NULL ? "vectors" : "ranges");
    rf__calibrate(vectors, n, dim, first, ranges);
    return RF_OK;
}
