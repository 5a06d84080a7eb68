/* cpu_has: one name of the list that rf__os_cpu_features() gives. */
#include "os/os.h"

#include <string.h>

bool rf__os_cpu_has(const char *feature)
{
    char list[256];
    size_t len = strlen(feature);

    rf__os_cpu_features(list, sizeof list);
    for (const char *at = list; at != NULL; at = strstr(at, ", ")) {
        at += *at == ',' ? 2 : 0;
        if (strncmp(at, feature, len) == 0 && (at[len] == '\0' || at[len] == ','))
            return true;
    }
    return false;
}
