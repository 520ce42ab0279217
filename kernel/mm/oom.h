/* Out of memory: explains who holds what and ends the machine with EXIT_OUT_OF_MEMORY. */
#pragma once
#include <stddef.h>

void oom_end(const char *what, size_t bytes) __attribute__((noreturn));
