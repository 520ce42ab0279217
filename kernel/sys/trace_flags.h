/* Names of the constants in arguments, for the tracer. All write into buf as ksnprintf does. */
#pragma once
#include <stddef.h>

enum trace_names {
	NAMES_OPEN,
	NAMES_PROT,
	NAMES_MAP,
	NAMES_CLONE,
	NAMES_ADVICE,
	NAMES_CLOCK,
	NAMES_EPOLL_OP,
	NAMES_EPOLL_EVENT,
	NAMES_FUTEX,
	NAMES_WHENCE,
	NAMES_FCNTL,
	NAMES_HOW,
	NAMES_SA,
	NAMES_RLIMIT,
};

/* "A|B|0x40": what has no name is in hex. */
int trace_format_names(char *buf, size_t size, enum trace_names which, unsigned long value);
