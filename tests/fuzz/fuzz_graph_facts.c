/* Property: any bytes either read as a model, whose precision then has a name, or they are refused and tell nothing. */
#include "fuzz.h"

#include "engine/graph_facts.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct graph_facts facts;
    bool reads = rf__graph_facts(data, size, &facts);

    if (facts.precision == NULL || (facts.precision[0] != '\0') != reads || (!reads && facts.n_parameters != 0))
        abort();
    return 0;
}
