/*
 * The console as a terminal: line discipline between hyper->console_* and fds 0, 1, 2, termios(3).
 * With console=pipe (docs/image.md, "Console input") it is two byte streams instead.
 *
 * Lock: one spin lock inside, held over copies from and to the program.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct file;
struct file_ops;

void tty_init(void);
/* From the console driver: bytes typed. What exceeds tty_room is lost. */
void tty_input(const char *s, size_t n);
/* How many bytes tty_input takes now. 0 is possible only where the program does not read; a driver
 * then keeps what it has, and calls tty_when_room to be told. */
size_t tty_room(void);
/* Has resume called once, from a read of the program, when there is room again. */
void tty_when_room(void (*resume)(void));
/* An open file for /dev/console, /dev/tty and fds 0-2; a new reference for the caller. NULL when
 * memory is out. */
struct file *tty_open(int flags);
/* For open(2) of the device nodes. */
extern const struct file_ops tty_ops;
