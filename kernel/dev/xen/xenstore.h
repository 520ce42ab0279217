/*
 * The client of xenstore (io/xs_wire.h; docs/misc/xenstore.txt of Xen): the tree of strings by
 * which toolstack and drivers agree.
 *
 * Calls block (at boot, and on the worker thread: sched/worker.h), several may be under way.
 * Replies are not trusted: lengths, ids and types are checked, strings bounded and NUL-terminated.
 * If the store breaks the protocol, or does not answer within 20 s, every call fails with -EIO.
 *
 * Errors of the store come back as -errno (-ENOENT, -EACCES, -EAGAIN of a transaction, ...).
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/list.h"

#define XS_PATH_MAX  256u  /* of paths that we build */
#define XS_VALUE_MAX 4096u /* XENSTORE_PAYLOAD_MAX */

typedef uint32_t xs_transaction; /* 0: none */
#define XS_NONE 0u

/* Finds the store. 0, -ENODEV. */
int xs_init(void);
/* The value of dir/node, NUL-terminated, in *value; owned by the caller (kfree). *len (may be NULL)
 * is its length, which may hide NULs. 0, -errno. */
int xs_read(xs_transaction t, const char *dir, const char *node, char **value, size_t *len);
int xs_write(xs_transaction t, const char *dir, const char *node, const char *value);
int xs_printf(xs_transaction t, const char *dir, const char *node, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
int xs_mkdir(xs_transaction t, const char *dir, const char *node);
int xs_rm(xs_transaction t, const char *dir, const char *node);
/* The names in dir/node: an array of strings in one block (kfree names), *n of them. */
int xs_directory(xs_transaction t, const char *dir, const char *node, char ***names, unsigned *n);
/* A number in decimal, the whole value: 0, -ENOENT, -ERANGE (malformed or over max). */
int xs_read_number(xs_transaction t, const char *dir, const char *node, uint64_t max,
		   uint64_t *value);
/* As above, fallback where the node is missing; a malformed one is said and treated as missing. */
uint64_t xs_read_default(const char *dir, const char *node, uint64_t max, uint64_t fallback);
int xs_transaction_start(xs_transaction *t);
/* 0, or -EAGAIN: somebody else changed what was read; do it all again. */
int xs_transaction_end(xs_transaction t, bool abort);

/* Calls func on the worker thread after a change at path or below it, and once at the start.
 * Changes that come quickly may be reported as one; changed is then path itself. */
struct xs_watch {
	struct list link;
	const char *path; /* stays the caller's, as long as the watch lives */
	void (*func)(struct xs_watch *w, const char *changed);
	/* Whether a change matters; in interrupt context. May be NULL: all do. */
	bool (*wanted)(const struct xs_watch *w, const char *changed);
	/* Of xenstore_watch.c. */
	unsigned token;
	bool fired;
	char *changed;
};
int xs_watch_add(struct xs_watch *w);
/* Afterwards func is not running and will not run. Worker thread only. */
void xs_watch_remove(struct xs_watch *w);

/* Suspend (worker thread): no call is under way between the two. Watches are set again. */
void xs_suspend(void);
void xs_resume(void);
