/*
 * The ring and the messages of xenstore (io/xs_wire.h), below the calls of xenstore.h.
 *
 * The page is shared with a store that is not trusted: our own indices are private, the other's are
 * read once and checked, a message is copied out before it is looked at, and only xs_lock's holder
 * touches any of it. Events come in interrupt context.
 */
#pragma once
#include <asm/errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/list.h"
#include "lib/spinlock.h"
#include "sched/wait.h"
#include <xen/io/xs_wire.h>

#define XS_TIMEOUT_NS 20000000000ull

/* A piece of a message's body. */
struct xs_piece {
	const void *data;
	size_t len;
};

/* A call under way: the caller's memory, on a list until the answer is there. */
struct xs_call {
	struct list link;
	uint32_t type, id;
	bool done;
	int error;  /* 0 or -errno */
	char *body; /* of the answer, NUL-terminated; the caller's */
	size_t len;
};

/* Guards the connection and the list of calls. */
extern spinlock_t xs_lock;
/* Woken whenever the store has done something. */
extern struct waitqueue xs_wait;

/* Uses the ring at page (NULL: the one it has) from now on; what is in it is dropped. notify tells
 * the store. */
void xs_wire_connect(struct xenstore_domain_interface *page, void (*notify)(void));
/* The store's event: takes what has come. Interrupt context. */
void xs_wire_event(void);
/* Sends a request; when the ring is full, waits. 0, -E2BIG, -EIO. Then xs_wire_finish must follow.
 */
int xs_wire_start(struct xs_call *c, uint32_t type, uint32_t transaction,
		  const struct xs_piece *pieces, unsigned n);
/* Waits for the answer: 0 with body and len, or -errno. */
int xs_wire_finish(struct xs_call *c);
/* No call is under way. */
bool xs_wire_idle(void);

/* Of xenstore_watch.c: an event for the watch with this token; takes body, in which path is.
 * xs_lock is held. */
void xs_watch_event(char *body, const char *path, const char *token);
/* Sets all watches again, after a reconnection. */
void xs_watches_renew(void);
