/*
 * buckets: see buckets.h. Beyond max_distance all distances of one side share a bucket, so that a list of the buckets
 * of -max_distance … max_distance is all that is needed; the graph clips distances to it.
 */
#include "onnx/buckets.h"

#include "base/mem.h"
#include "onnx/packed.h"

#include <math.h>

/* In single precision, as torch does it. */
static int64_t bucket_of(int64_t distance, int64_t n_buckets, int64_t max_distance)
{
    int64_t half = n_buckets / 2, bucket = distance > 0 ? half : 0, exact = half / 2, far;

    distance = distance < 0 ? -distance : distance;
    if (distance < exact)
        return bucket + distance;
    far = exact + (int64_t)(logf((float)distance / (float)exact) / (float)log((double)max_distance / (double)exact) *
                            (float)(half - exact));
    return bucket + (far < half - 1 ? far : half - 1);
}

/* What a table by distance is made of, in the graph's memory. */
struct by_distance {
    const struct weights *weights;
    const struct tensor *table;
    size_t heads;
    int64_t n_buckets, max_distance;
};

static rf_status make_table(const void *arg, void *out, rf_error *err)
{
    const struct by_distance *source = arg;
    const size_t n = (size_t)source->table->n_elements, columns = 2 * (size_t)source->max_distance + 1;
    float *values = rf__alloc_array(n, sizeof *values), *to = out;
    rf_status status =
        values == NULL ? rf__fail_memory(err) : rf__packed_read(source->weights, source->table, 0, n, values, err);

    for (size_t head = 0; status == RF_OK && head < source->heads; head++)
        for (size_t i = 0; i < columns; i++) {
            const int64_t distance = (int64_t)i - source->max_distance;
            const int64_t bucket = bucket_of(distance, source->n_buckets, source->max_distance);
            to[head * columns + i] = values[(size_t)bucket * source->heads + head];
        }
    rf__free(values);
    return status;
}

value rf__bucket_table(struct arch *arch, const char *name, const struct arch_size *all, const struct arch_size *heads,
                       uint64_t n_buckets, uint64_t max_distance)
{
    struct by_distance *source = rf__graph_alloc(arch->graph, sizeof *source);
    const struct tensor *table = rf__arch_matrix_tensor(arch, name, all, heads);

    if (source == NULL || table == NULL)
        return NULL;
    *source = (struct by_distance){arch->weights, table, (size_t)heads->n, (int64_t)n_buckets, (int64_t)max_distance};
    return rf__graph_made(arch->graph, rf__graph_name(arch->graph, "%s.by_distance", name),
                          &(struct made_tensor){.type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
                                                .n = (size_t)heads->n * (2 * (size_t)max_distance + 1),
                                                .size = sizeof(float),
                                                .make = make_table,
                                                .arg = source});
}

/* Distances within the limit, from 0. */
static value add_distances(struct arch *arch, const struct encoder_inputs *in, int64_t limit)
{
    struct graph *g = arch->graph;
    value low = rf__graph_int(g, "distance.low", -limit), high = rf__graph_int(g, "distance.high", limit), all;

    all = rf__graph_binary(g, "distance.above", "Max", rf__block_distances(arch, in), low);
    all = rf__graph_binary(g, "distance.within", "Min", all, high);
    return rf__graph_binary(g, "distance.from_zero", "Add", all, high);
}

value rf__bucket_bias(struct arch *arch, const char *name, const struct encoder_inputs *in, value table,
                      uint64_t n_buckets, uint64_t max_distance)
{
    struct graph *g = arch->graph;
    int64_t limit = (int64_t)max_distance, *buckets = rf__graph_alloc(g, (2 * max_distance + 1) * sizeof *buckets);
    value list, bias;

    if (buckets == NULL)
        return NULL;
    for (int64_t d = -limit; d <= limit; d++)
        buckets[d + limit] = bucket_of(d, (int64_t)n_buckets, limit);
    list = rf__graph_ints(g, rf__graph_name(g, "%s.buckets", name), buckets, 2 * (size_t)max_distance + 1);
    bias = rf__graph_binary(g, rf__graph_name(g, "%s.by_distance", name), "Gather", table, list);
    bias = rf__graph_binary(g, rf__graph_name(g, "%s.rows", name), "Gather", bias, add_distances(arch, in, limit));
    bias = rf__graph_node(
        g, rf__graph_name(g, "%s.heads", name),
        &(struct node){.op = "Transpose",
                       .inputs = {bias},
                       .attributes = {{.name = "perm", .kind = ATTRIBUTE_INTS, .ints = {2, 0, 1}, .n_ints = 3}}});
    return rf__graph_binary(g, name, "Unsqueeze", bias,
                            rf__graph_ints(g, rf__graph_name(g, "%s.axis", name), &(int64_t){0}, 1));
}
