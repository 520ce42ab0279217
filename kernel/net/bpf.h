/*
 * Classic BPF (McCanne, Jacobson, "The BSD Packet Filter", 1993; Linux's
 * Documentation/networking/filter.rst): programs that choose packets for a socket. Checked when
 * they are attached, so that running one always ends and touches nothing but the packet.
 * Lock: net_lock.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct packet;
struct socket;
struct sock_filter;

/* What a program looks at. */
struct bpf_context {
	const struct packet *p;
	uint32_t data;	 /* offset from p->data of what the program's offset 0 means */
	bool frame;	 /* p->data is at a link header of 14 bytes */
	uint8_t pkttype; /* PACKET_HOST ... */
};

/* 0, -EINVAL. */
int bpf_check(const struct sock_filter *insns, unsigned n);
/* Bytes of the packet to keep; 0: none of it. */
uint32_t bpf_run(const struct sock_filter *insns, const struct bpf_context *c);

/*
 * SO_ATTACH_FILTER, SO_DETACH_FILTER, SO_LOCK_FILTER on so->filter; for proto->setsockopt
 * and getsockopt of protocols that run filters. -ENOPROTOOPT: none of them.
 */
int bpf_setsockopt(struct socket *so, int name, const void *val, unsigned len);
int bpf_getsockopt(struct socket *so, int name, void *val, unsigned *len);
/* What so's filter says of a packet; all of it if there is none. */
uint32_t bpf_filter(const struct socket *so, const struct bpf_context *c);
/* Frees the filter; before socket_free. */
void bpf_release(struct socket *so);
