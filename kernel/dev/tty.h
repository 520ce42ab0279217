/* The console as a terminal: line discipline between hyper->console_* and fds 0, 1, 2. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct file;

void tty_init(void);
/* From the console driver: bytes typed. */
void tty_input(const char *s, size_t n);
/* An open file for /dev/console, /dev/tty and fds 0-2; a new reference for the caller. */
struct file *tty_open(int flags);
