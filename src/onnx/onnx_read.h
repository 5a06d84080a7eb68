/*
 * onnx_read: an ONNX file -> a graph, to be changed and written again. What a stranger's file says is checked here, so
 * that passes can rely on it:
 *  - every initializer has a type, a shape, as many bytes as these need, in this order: rf__graph_constant();
 *  - none of them is an input of the graph too, and constants that were nodes are initializers;
 *  - texts of nodes are never NULL, graphs in graphs are at most ONNX_MAX_DEPTH deep.
 */
#ifndef RF_ONNX_ONNX_READ_H
#define RF_ONNX_ONNX_READ_H

#include "onnx/graph.h"
#include "onnx/onnx.h"
#include "onnx/onnx_file.h"

#define ONNX_MAX_DEPTH    32
#define ONNX_MAX_OPSETS   16
#define ONNX_MAX_METADATA 64

struct onnx_file {
    struct graph *graph;
    int64_t ir_version;
    int64_t opset; /* of ONNX's own operators */
    struct onnx_opset opsets[ONNX_MAX_OPSETS + 1];
    size_t n_opsets;
    struct onnx_entry metadata[ONNX_MAX_METADATA];
    size_t n_metadata;
    struct os_map *maps; /* of the files that tensors lie in, this one among them */
    char **map_paths;
    size_t n_maps;
};

/* The tensors of the file stay mapped until rf__onnx_file_free(). RF_BAD_FORMAT names what is wrong in a damaged file,
 * RF_UNSUPPORTED what is sound and not known here. `err` must outlive *out. */
rf_status rf__onnx_file_read(const char *path, struct onnx_file **out, rf_error *err);
void rf__onnx_file_free(struct onnx_file *file); /* NULL is fine */

/* Has it import a domain of operators, unless it does. */
void rf__onnx_file_import(struct onnx_file *file, const char *domain, int64_t version);
/* Sets a line of the metadata. `key` and `text` must live as long as the file. */
void rf__onnx_file_note(struct onnx_file *file, const char *key, const char *text);

/* Writes it. */
rf_status rf__onnx_file_rewrite(struct onnx_file *file, const struct onnx_rewrite *rewrite, rf_error *err);

/* rf__onnx_file_read() of bytes, which are not needed after the call; tensors beside `path` are found as ever. */
rf_status rf__onnx_bytes_read(const uint8_t *bytes, size_t len, const char *path, struct onnx_file **out,
                              rf_error *err);

#endif
