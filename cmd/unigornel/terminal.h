/* The person's terminal, while a machine uses it. */
#pragma once
#include <stdbool.h>

/* True if a person sits at both ends: stdin and stdout are terminals, and stdin is ours to read. */
bool terminal_interactive(void);
/* Every key goes to the machine at once, without echo: the machine is the terminal. Ctrl-C and
 * Ctrl-Z still make signals. Undone at exit, and while the tool is stopped by Ctrl-Z. */
void terminal_raw(void);
/* Before messages are printed, or at the end. Harmless if not raw. */
void terminal_restore(void);
