/* encoder_node: see encoder_node.h. */
#include "onnx/encoder_node.h"

#include "pack/pack.h"

#include <math.h>

#define FLOAT ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT
#define INT32 ONNX__TENSOR_PROTO__DATA_TYPE__INT32

void rf__encoder_node_steps(struct packed *packed, const struct encoder_node_step *steps, size_t n)
{
    enum { COLUMNS = 4 };
    struct graph *g = packed->arch->graph;
    int64_t *numbers = rf__graph_alloc(g, n * COLUMNS * sizeof *numbers);

    for (size_t i = 0; i < n && numbers != NULL; i++) {
        const int64_t row[COLUMNS] = {steps[i].layer, steps[i].rotation, steps[i].before, steps[i].after};
        for (size_t k = 0; k < COLUMNS; k++)
            numbers[i * COLUMNS + k] = row[k];
    }
    if (numbers != NULL)
        rf__packed_constant(packed, rf__graph_ints(g, "steps", numbers, n * COLUMNS));
}

static struct attribute text(const char *name, const char *s)
{
    return (struct attribute){.name = name, .kind = ATTRIBUTE_STRING, .s = s};
}

static struct attribute number(const char *name, double f)
{
    return (struct attribute){.name = name, .kind = ATTRIBUTE_FLOAT, .f = (float)f};
}

static struct attribute whole(const char *name, uint64_t i)
{
    return (struct attribute){.name = name, .i = (int64_t)i};
}

void rf__encoder_node_add(struct arch *arch, const struct encoder_node *node, const struct packed *packed)
{
    static const struct dimension rows[] = {{0, "rows"}}, texts_and_end[] = {{0, "texts_and_end"}}, one[] = {{1, NULL}};
    const struct dimension vectors[] = {{1, NULL}, {0, "rows"}, {node->hidden.n, NULL}};
    struct graph *g = arch->graph;
    const char *activation;
    value ids, type_ids, begins, threads;

    if (rf__graph_status(g) != RF_OK)
        return;
    activation = rf__activation_kernel(node->activation);
    if (activation == NULL) {
        rf__arch_refuse(arch, RF_UNSUPPORTED, "this activation: not for the kernels");
        return;
    }
    ids = rf__graph_input(g, "input_ids", INT32, rows, 1);
    type_ids = rf__graph_input(g, "token_type_ids", INT32, rows, 1);
    begins = rf__graph_input(g, "text_begins", INT32, texts_and_end, 1);
    threads = rf__graph_input(g, "threads", INT32, one, 1);
    rf__graph_node(
        g, "last_hidden_state",
        &(struct node){.op = "Encoder",
                       .domain = GRAPH_OURS,
                       .inputs = {ids, type_ids, begins, threads},
                       .more = packed->items,
                       .n_more = packed->n,
                       .attributes = {text("precision", rf__precision_name(arch->precision)),
                                      text("activation", activation),
                                      text("norms", node->norms),
                                      text("norm", node->norm),
                                      text("bias", node->bias),
                                      whole("layers", node->n_layers),
                                      whole("heads", node->heads.n),
                                      whole("key_heads", node->key_heads.n),
                                      whole("head", node->head.n),
                                      whole("hidden", node->hidden.n),
                                      whole("embedding", node->embedding.n),
                                      whole("inner", node->inner.n),
                                      whole("rotations", node->n_rotations),
                                      whole("gated", node->is_gated),
                                      whole("positions", node->has_positions),
                                      whole("embedding_norm", node->has_embedding_norm),
                                      whole("projection", node->has_projection),
                                      whole("first_norm", node->has_first_norm),
                                      whole("final_norm", node->has_final_norm),
                                      whole("head_norms", node->has_head_norms),
                                      {.name = "padding", .i = node->padding},
                                      number("epsilon", node->epsilon),
                                      number("embedding_scale", node->embedding_scale),
                                      number("score_scale", node->score_scale > 0 ? node->score_scale
                                                                                  : 1 / sqrt((double)node->head.n)),
                                      whole("layout", PACK_LAYOUT)}});
    rf__graph_output(g, "last_hidden_state", FLOAT, vectors, 3);
}
