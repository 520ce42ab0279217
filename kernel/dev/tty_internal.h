/* What the files of the terminal share: dev/tty.c (output, reading), tty_input.c (the line
 * discipline's input side), tty_ioctl.c (settings). */
#pragma once
#include <asm/termbits.h>
#include <asm/termios.h>
#include <stdbool.h>
#include <stdint.h>
#include "lib/spinlock.h"
#include "sched/wait.h"

struct file;

#define TTY_RING_SIZE 4096u /* N_TTY_BUF_SIZE of Linux */
#define TTY_EOT	      0x04

/* Rings: what was typed, and a bit for each byte that is no data but an end of file (VEOF). */
extern uint8_t tty_ring[TTY_RING_SIZE], tty_ring_marks[TTY_RING_SIZE / 8];

/* The one terminal. lock guards all but the queue. */
struct tty {
	spinlock_t lock;
	struct waitqueue wait;
	struct termios termios;
	struct winsize winsize;
	int foreground; /* process group; there is only one */
	/* Of the rings. */
	unsigned start, length;
	unsigned ready;	 /* of length: complete lines (canonical mode); all in raw mode */
	unsigned column; /* of the cursor, for erasing tabs */
	bool stopped;	 /* Ctrl-S */
	bool literal;	 /* Ctrl-V: the next byte is taken as it is */
	/* console=pipe */
	bool pipe, escaped, ended;
	void (*resume)(void);
};

extern struct tty tty;

static inline bool iflag(tcflag_t f)
{
	return tty.termios.c_iflag & f;
}

static inline bool lflag(tcflag_t f)
{
	return tty.termios.c_lflag & f;
}

static inline bool is_cc(uint8_t c, unsigned which)
{
	return c && tty.termios.c_cc[which] == c;
}

/* The byte at ring position at is a VEOF. */
static inline bool tty_is_mark(unsigned at)
{
	return tty_ring_marks[at / 8] >> (at % 8) & 1;
}

/* Writes to the console as the output flags say. The lock is held. */
void tty_put(const char *s, size_t n);
/* ioctl_tty(2). */
long tty_ioctl(struct file *f, unsigned cmd, uintptr_t arg);
