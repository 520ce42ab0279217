/*
 * The 16550 serial port COM1 (I/O 0x3f8, IRQ 4): the console of "pc" machines.
 *
 * Output is polled and needs nothing but the port, so it works from the first instruction to the
 * last. It waits for as long as the other end does not read: nothing is dropped. No locks: callers
 * serialise output (printk and the tty have the console lock).
 */
#pragma once
#include <stddef.h>

/* Finds the port and switches its FIFOs on. Without a port output is discarded. */
void uart_init(void);
void uart_write(const char *s, size_t n);
/* Waits until everything written has left the chip, a short while at most. */
void uart_drain(void);
/* Bytes that arrive go to tty_input from now on; needs irq.h and the tty. */
void uart_start_input(void);
