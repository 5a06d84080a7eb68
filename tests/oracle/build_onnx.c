/* build_onnx CONFIG.json WEIGHTS OUT.onnx: the ONNX builder alone, for onnx_build.py. Prints seconds and peak memory.
 */
#include "onnx/onnx.h"
#include "os/os.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    struct weights *weights = NULL;
    uint64_t start = rf__os_now_ns();
    rf_status status;
    rf_error err;

    if (argc != 4) {
        fprintf(stderr, "usage: build_onnx CONFIG.json WEIGHTS OUT.onnx\n");
        return 2;
    }
    status = rf__weights_open(argv[2], &weights, &err);
    if (status == RF_OK) {
        const struct onnx_build build = {
            .config_path = argv[1], .weights = weights, .out_path = argv[3], .source = argv[2]};
        status = rf__onnx_build(&build, &err);
    }
    rf__weights_free(weights);
    if (status != RF_OK) {
        fprintf(stderr, "%s: %s\n", rf_status_name(status), err.message);
        return 1;
    }
    printf("%.3f s, %.1f MB at most\n", (double)(rf__os_now_ns() - start) / 1e9, (double)rf__os_memory_peak() / 1e6);
    return 0;
}
