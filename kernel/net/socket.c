/* The socket object: protocols, allocation, errors. Compiled for the host too. */
#include "net/socket.h"
#include <asm/errno.h>
#include <linux/eventpoll.h>
#include <linux/in.h>
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "net/init.h"
#include "net/net.h"
#include "net/socket_call.h"

#define MAX_PROTOS 32

/* In the order of registration, which is that of preference. Fixed once the program runs. */
static const struct proto *protos[MAX_PROTOS];
static unsigned proto_count;

struct list socket_list = LIST_INIT(socket_list);
uint64_t socket_count;
uint32_t net_rmem_default = 212992, net_rmem_max = 4194304;
uint32_t net_wmem_default = 212992, net_wmem_max = 4194304;
static uint64_t next_cookie = 1;

void socket_init(void)
{
}

void socket_register(const struct proto *p)
{
	if (proto_count < MAX_PROTOS)
		protos[proto_count++] = p;
}

/* socket(2): a family that nobody has, a type that the family does not have, a protocol that the
 * type does not have; protocol 0 means the first that has a number of its own. */
const struct proto *socket_find_proto(int family, int type, int protocol, int *err)
{
	bool inet = family == AF_INET || family == AF_INET6;
	*err = -EAFNOSUPPORT;
	if (family < 0 || family >= AF_MAX)
		return NULL;
	if (type < 0 || type >= SOCK_MAX) {
		*err = -EINVAL;
		return NULL;
	}
	for (unsigned i = 0; i < proto_count; i++)
		if (protos[i]->family == family)
			*err = inet && (protocol < 0 || protocol >= IPPROTO_MAX) ? -EINVAL
										 : -ESOCKTNOSUPPORT;
	if (*err != -ESOCKTNOSUPPORT)
		return NULL;
	for (unsigned i = 0; i < proto_count; i++) {
		const struct proto *p = protos[i];
		if (p->family != family || p->type != type)
			continue;
		/* A wildcard of an IP family takes every protocol but 0. */
		if (!p->protocol ? !inet || protocol : !protocol || p->protocol == protocol)
			return p;
		*err = -EPROTONOSUPPORT;
	}
	return NULL;
}

struct socket *socket_alloc(const struct proto *p, int family)
{
	struct socket *so = kzalloc(p->size);
	if (!so)
		return NULL;
	so->proto = p;
	so->family = family;
	so->type = p->type;
	so->protocol = p->protocol;
	waitqueue_init(&so->wait);
	so->rcvbuf = net_rmem_default;
	so->sndbuf = net_wmem_default;
	so->rcvlowat = 1;
	so->incoming_cpu = ~0u;
	so->max_pacing_rate = UINT64_MAX;
	so->peek_off = -1;
	so->cookie = next_cookie++;
	list_add_tail(&socket_list, &so->all_link);
	socket_count++;
	return so;
}

void socket_free(struct socket *so)
{
	if (so->timestamp || so->timestampns || so->timestamping)
		net_timestamps--;
	list_remove(&so->all_link);
	socket_count--;
	kfree(so);
}

struct socket *socket_create(int family, int type, int protocol, int *err)
{
	const struct proto *p = socket_find_proto(family, type, protocol, err);
	if (!p)
		return NULL;
	net_enter();
	struct socket *so = socket_alloc(p, family);
	*err = so ? 0 : -ENOMEM;
	if (so && protocol)
		so->protocol = protocol;
	if (so && p->create)
		*err = p->create(so, so->protocol);
	if (*err && so) {
		socket_free(so);
		so = NULL;
	}
	net_leave();
	return so;
}

int socket_error(struct socket *so)
{
	int error = so->error;
	so->error = 0;
	return -error;
}

void socket_set_error(struct socket *so, int error, uint32_t events)
{
	so->error = error;
	socket_wake(so, EPOLLERR | events);
}
