/* hub_fault: an answer of the hub's that is no success, told with its remedy. */
#ifndef RF_HUB_HUB_FAULT_H
#define RF_HUB_HUB_FAULT_H

#include "hub/download.h"

/* Fills `err` with what an answer's status means for the model; `path` is the file that was asked for, or NULL;
 * `attempts` is how often it was tried. Returns RF_NOT_FOUND or RF_NETWORK. */
rf_status rf__hub_fault(const struct download *download, const char *path, const struct net_response *response,
                        int attempts, rf_error *err);

/* The answer is a page for people where a file or JSON was expected. */
rf_status rf__hub_fault_html(const struct net_response *response, rf_error *err);

#endif
