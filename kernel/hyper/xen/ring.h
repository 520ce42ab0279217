/*
 * The console ring (io/console.h) as data structure: no hypercalls, so that it is tested on a host.
 *
 * The page is shared with a backend that is not trusted: its indices are read once each and
 * checked, and nothing that it writes makes us touch memory outside the ring. One user at a time
 * for each direction.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <xen/io/console.h>

/* Puts at most n bytes into the output ring; returns how many went in, 0 if it is full (or if the
 * backend's index is nonsense). The caller then notifies. */
size_t ring_write(struct xencons_interface *r, const char *s, size_t n);
/* Takes at most n bytes of input; returns how many. The caller then notifies. Nonsense in the
 * index drops what is there. */
size_t ring_read(struct xencons_interface *r, char *buf, size_t n);
/* Bytes of output that the backend has not taken yet. */
size_t ring_unsent(const struct xencons_interface *r);
