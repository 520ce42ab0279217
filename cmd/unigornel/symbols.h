/* The symbol table for backtraces that the kernel reads (docs/image.md). */
#pragma once
#include <stdbool.h>

/* Appends it to a fresh link's output and marks the file executable. strip: then removes the ELF
 * symbol table. Exits with a message on failure. */
void symbols_append(const char *path, bool strip);
