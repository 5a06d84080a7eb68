/*
 * fail: the message of a call to the operating system that failed on a path. Private to os/.
 */
#ifndef RF_OS_FAIL_H
#define RF_OS_FAIL_H

#include "base/error.h"

/* "PATH: cannot be WHAT: REASON: REMEDY", where `what` is "read", "written" … and `code` is errno on Unix and
 * GetLastError() on Windows. RF_IO, or RF_NO_MEMORY where that is the reason. */
rf_status rf__os_fail(rf_error *err, const char *path, const char *what, unsigned long code);

/* The same with RF_NOT_FOUND where nothing lies at the path. */
rf_status rf__os_fail_reading(rf_error *err, const char *path, const char *what, unsigned long code);

#endif
