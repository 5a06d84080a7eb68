/* writer: a use of os_writer that os/ itself has. Private to os/. */
#ifndef RF_OS_WRITER_H
#define RF_OS_WRITER_H

#include "base/error.h"

/* Copies a file; `to` appears whole or not at all. */
rf_status rf__writer_copy(const char *from, const char *to, rf_error *err);

#endif
