/* Long steps say so on stderr when it is a terminal: one line, shown after half a second, erased at
 * the end. A timer signal does it, so that the steps need not know. */
#pragma once
#include <stdbool.h>

void progress_begin(const char *step, bool off);
void progress_step(const char *step);
void progress_end(void);
/* Before anything else is written to stderr; the line comes back with the next tick. */
void progress_clear(void);
