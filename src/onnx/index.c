/* index: see index.h. */
#include "onnx/index.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct place *)a)->name, ((const struct place *)b)->name);
}

static struct place *find(const struct index *index, const char *name)
{
    const struct place key = {.name = name};

    return *name == '\0' ? NULL : bsearch(&key, index->places, index->n, sizeof key, by_name);
}

const struct place *rf__index_find(const struct index *index, const char *name)
{
    return find(index, name);
}

static void add(struct index *index, const char *name, Onnx__NodeProto *producer, size_t initializer)
{
    if (*name != '\0')
        index->places[index->n++] = (struct place){.name = name, .producer = producer, .initializer = initializer};
}

/* One use more of a value, or one less. */
static void count_use(const struct index *index, const char *name, bool is_gone)
{
    struct place *place = find(index, name);

    if (place == NULL)
        return;
    if (!is_gone)
        place->n_uses++;
    else if (place->n_uses > 0)
        place->n_uses--;
}

static void count_node(const struct index *index, const Onnx__NodeProto *node, bool is_gone);

/* No deeper than onnx_read.h says. */
static void count_inside(const struct index *index, const Onnx__GraphProto *graph, bool is_gone)
{
    for (size_t i = 0; i < graph->n_node; i++)
        count_node(index, graph->node[i], is_gone);
    for (size_t i = 0; i < graph->n_output; i++)
        count_use(index, graph->output[i]->name, is_gone);
}

/* What a node uses, itself and by the graphs inside it. */
static void count_node(const struct index *index, const Onnx__NodeProto *node, bool is_gone)
{
    for (size_t k = 0; k < node->n_input; k++)
        count_use(index, node->input[k], is_gone);
    for (size_t k = 0; k < node->n_attribute; k++) {
        if (node->attribute[k]->g != NULL)
            count_inside(index, node->attribute[k]->g, is_gone);
    }
}

static void count_uses(const struct index *index, const Onnx__GraphProto *graph)
{
    for (size_t i = 0; i < graph->n_node; i++)
        count_node(index, graph->node[i], false);
    for (size_t i = 0; i < graph->n_output; i++) {
        struct place *place = find(index, graph->output[i]->name);
        if (place != NULL)
            place->is_output = true;
    }
}

rf_status rf__index_build(struct graph *graph, const char *path, struct index *out, rf_error *err)
{
    const Onnx__GraphProto *proto = rf__graph_parts(graph).proto;
    size_t n = proto->n_input + proto->n_initializer;

    for (size_t i = 0; i < proto->n_node; i++)
        n += proto->node[i]->n_output; /* all of them are in memory */
    *out = (struct index){.places = rf__alloc_array(n + 1, sizeof *out->places)};
    if (out->places == NULL)
        return rf__fail_memory(err);
    for (size_t i = 0; i < proto->n_input; i++)
        add(out, proto->input[i]->name, NULL, SIZE_MAX);
    for (size_t i = 0; i < proto->n_initializer; i++)
        add(out, proto->initializer[i]->name, NULL, i);
    for (size_t i = 0; i < proto->n_node; i++) {
        for (size_t k = 0; k < proto->node[i]->n_output; k++)
            add(out, proto->node[i]->output[k], proto->node[i], SIZE_MAX);
    }
    qsort(out->places, out->n, sizeof *out->places, by_name);
    for (size_t i = 1; i < out->n; i++) {
        if (strcmp(out->places[i - 1].name, out->places[i].name) == 0)
            return rf__fail(err, RF_BAD_FORMAT, "%s: the value '%.128s' is made twice", path, out->places[i].name);
    }
    count_uses(out, proto);
    return RF_OK;
}

void rf__index_release(struct index *index)
{
    rf__free(index->places);
    *index = (struct index){0};
}

/* ---- What nobody uses ---------------------------------------------------------------------------------------- */

static bool is_used(const struct index *index, const Onnx__NodeProto *node)
{
    for (size_t k = 0; k < node->n_output; k++) {
        const struct place *place = find(index, node->output[k]);
        if (place != NULL && (place->n_uses > 0 || place->is_output))
            return true;
    }
    return false;
}

rf_status rf__graph_drop_unused(struct graph *graph, const char *path, rf_error *err)
{
    Onnx__GraphProto *proto = rf__graph_parts(graph).proto;
    struct index index = {0};
    rf_status status = rf__index_build(graph, path, &index, err);
    size_t kept = 0;

    /* From the end, so that what a dropped node used is seen to be free. */
    for (size_t i = proto->n_node; status == RF_OK && i-- > 0;) {
        Onnx__NodeProto *node = proto->node[i];
        if (is_used(&index, node))
            continue;
        count_node(&index, node, true);
        proto->node[i] = NULL;
    }
    for (size_t i = 0; status == RF_OK && i < proto->n_node; i++) {
        if (proto->node[i] != NULL)
            proto->node[kept++] = proto->node[i];
    }
    if (status == RF_OK) {
        proto->n_node = kept;
        for (size_t i = 0; i < index.n; i++) {
            const struct place *place = &index.places[i];
            if (place->initializer != SIZE_MAX && place->n_uses == 0 && !place->is_output)
                proto->initializer[place->initializer] = NULL;
        }
        rf__graph_close_gaps(graph);
    }
    rf__index_release(&index);
    return status;
}
