#include <stdbool.h>
#include <stdint.h>
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/io.h"
#include "dev/irq.h"
#include "dev/tty.h"
#include "dev/uart.h"
#include "lib/printk.h"

/* PC16550D data sheet, section 8. */
#define COM1	 0x3f8
#define COM1_IRQ 4
#define RBR	 (COM1 + 0) /* receive buffer; divisor low with LCR_DLAB */
#define THR	 (COM1 + 0)
#define IER	 (COM1 + 1) /* interrupt enable; divisor high with LCR_DLAB */
#define IIR	 (COM1 + 2)
#define FCR	 (COM1 + 2)
#define LCR	 (COM1 + 3)
#define MCR	 (COM1 + 4)
#define LSR	 (COM1 + 5)

#define IER_RDA	 0x01 /* received data available */
#define IIR_FIFO 0xc0 /* FIFOs exist and are on */
/* FIFOs on and emptied; interrupt at 14 bytes, or a moment after fewer. QEMU sends no more at a
 * time than the trigger level. */
#define FCR_ON	 0xc7
#define LCR_8N1	 0x03
#define LCR_DLAB 0x80
#define MCR_ON	 0x0b /* DTR, RTS, OUT2 (on a PC, OUT2 gates the interrupt line) */
#define LSR_DR	 0x01
#define LSR_THRE 0x20
#define LSR_TEMT 0x40

#define FIFO_SIZE 16

static bool present;
static size_t burst = 1; /* bytes that fit once THRE says that the transmitter is empty */
/* A byte typed before uart_init; switching the FIFOs on would lose it. */
static bool have_early_byte;
static char early_byte;

void uart_init(void)
{
	if (inb(LSR) == 0xff)
		return;
	present = true;
	outb(IER, 0);
	outb(LCR, LCR_DLAB);
	outb(RBR, 1); /* 115200 baud */
	outb(IER, 0);
	outb(LCR, LCR_8N1);
	outb(MCR, MCR_ON);
	if (inb(LSR) & LSR_DR) {
		early_byte = (char)inb(RBR);
		have_early_byte = true;
	}
	outb(FCR, FCR_ON);
	if ((inb(IIR) & IIR_FIFO) == IIR_FIFO)
		burst = FIFO_SIZE;
}

void uart_write(const char *s, size_t n)
{
	if (!present)
		return;
	while (n) {
		size_t chunk = n < burst ? n : burst;

		while (!(inb(LSR) & LSR_THRE))
			cpu_relax();
		outsb(THR, s, chunk);
		s += chunk;
		n -= chunk;
	}
}

void uart_drain(void)
{
	for (unsigned i = 0; present && i < 2000000 && !(inb(LSR) & LSR_TEMT); i++)
		cpu_relax();
}

static void uart_interrupt(void *arg);

/* The tty has room again. */
static void uart_resume(void)
{
	outb(IER, IER_RDA);
	uart_interrupt(NULL);
}

/* The line is edge triggered: it must have been seen inactive, so everything is read; or, where the
 * program does not read, the chip is told to be silent, and the sender has to wait. */
static void uart_interrupt(void *arg)
{
	char buf[64];
	size_t n, room;

	(void)arg;
	do {
		room = tty_room();
		if (room > sizeof buf)
			room = sizeof buf;
		for (n = 0; n < room && (inb(LSR) & LSR_DR); n++)
			buf[n] = (char)inb(RBR);
		if (n)
			tty_input(buf, n);
		if (!room) {
			outb(IER, 0);
			tty_when_room(uart_resume);
		}
	} while (n && n == room);
}

void uart_start_input(void)
{
	int err;

	if (!present)
		return;
	err = irq_request_gsi(COM1_IRQ, 0, uart_interrupt, NULL);
	if (err) {
		printk("unigornel: no console input: no interrupt for the serial port (%d)\n", err);
		return;
	}
	if (have_early_byte)
		tty_input(&early_byte, 1);
	have_early_byte = false;
	outb(IER, IER_RDA);
	/* What arrived in the meantime sits in the FIFO; its edge may have gone by. */
	uart_interrupt(NULL);
}
