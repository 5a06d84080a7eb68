/*
 * bring: files of a repository into the snapshot of its commit, several at once.
 */
#ifndef RF_HUB_BRING_H
#define RF_HUB_BRING_H

#include "hub/download.h"

#define BRING_AT_ONCE 4 /* files */

/* Brings the files at the places `files` of repo->files; those that are there cost nothing. What size and name the
 * listing did not have is asked for and written into the repo, and nothing begins unless the disk has room for all.
 * The first failure ends the others, whose bytes are kept. The tally counts from 0 to the bytes of all files. */
rf_status rf__bring(struct download *download, struct repo *repo, const size_t *files, size_t n, rf_error *err);

#endif
