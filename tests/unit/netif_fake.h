/* The network stack as its drivers see it: one interface, and what it has handed up. */
#pragma once
#include <string.h>
#include "net/net.h"
#include "net/packet.h"
#include "timer_fake.h"
#include "vfs/epoll.h"
#include "vfs/uio.h"

bool epoll_busy;

static unsigned entered;
static bool want_flush;
static struct netif *interface;

uint64_t net_now(void)
{
	return 0;
}

void net_enter(void)
{
	assert_int_equal(entered++, 0);
}

void net_leave(void)
{
	if (want_flush)
		interface->ops->flush(interface);
	want_flush = false;
	assert_int_equal(--entered, 0);
}

void netif_register(struct netif *n, const char *pattern)
{
	assert_string_equal(pattern, "eth%d");
	list_init(&n->link_mcast);
	strcpy(n->name, "eth0");
	interface = n;
}

void netif_set_link(struct netif *n, bool running)
{
	assert_int_equal(entered, 1);
	n->flags = running ? n->flags | IFF_RUNNING : n->flags & ~(unsigned)IFF_RUNNING;
}

void netif_want_flush(struct netif *n)
{
	assert_ptr_equal(n, interface);
	assert_int_equal(entered, 1);
	want_flush = true;
}

#define GOT_MAX 512
static struct packet *got[GOT_MAX];
static unsigned ngot, batches;

void netif_input(struct netif *n, struct packet *p)
{
	assert_int_equal(entered, 1);
	assert_ptr_equal(n, interface);
	assert_in_range(ngot, 0, GOT_MAX - 1);
	got[ngot++] = p;
}

void netif_input_end(void)
{
	batches++;
}

size_t uio_put(struct uio *u, const void *p, size_t n)
{
	(void)u, (void)p;
	return n;
}

void random_bytes(void *p, size_t n)
{
	memset(p, 0x41, n);
}

static void free_got(void)
{
	net_enter();
	while (ngot)
		packet_free(got[--ngot]);
	net_leave();
}

/* A stack without interfaces or packets. */
static void netif_fake_reset(void)
{
	epoll_busy = false;
	ngot = batches = 0;
	interface = NULL;
	packet_stats = (struct packet_stats){.bytes_limit = 64u << 20};
}
