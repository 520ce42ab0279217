/* unit: kernel/net/inet_table.c */
/* Ports and four-tuples: conflicts, choice, lookup, growth, and that what has ended hides nobody.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <asm/errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include "net/inet.h"
#include "net/netif.h"

/* What the table asks of the rest of the stack: every address is ours but 8.8.8.8. */
struct list netif_list = LIST_INIT(netif_list);
static struct ifaddr ours;

struct netif *netif_by_index(int index)
{
	(void)index;
	return NULL;
}

struct ifaddr *ifaddr_find(const struct netif *n, const struct ip_addr *addr)
{
	(void)n;
	return ip_is_v4(addr) && ip_v4(addr) == IP4(8, 8, 8, 8) ? NULL : &ours;
}

void random_bytes(void *p, size_t n)
{
	assert_int_equal(getrandom(p, n, 0), n);
}

static struct inet_table table;
static const struct ip_addr any6;

static struct ip_addr v4(unsigned last)
{
	return ip_from_v4(IP4(10, 0, (last >> 8) & 255, last & 255));
}

static struct inet_sock *sock(int family)
{
	struct inet_sock *s = calloc(1, sizeof *s);
	s->v6 = family == AF_INET6;
	s->local = s->remote = s->v6 ? any6 : ip_from_v4(0);
	list_init(&s->bind_link);
	list_init(&s->hash_link);
	return s;
}

static void end(struct inet_sock *s)
{
	inet_hash_remove(&table, s);
	inet_unbind(&table, s);
	free(s);
}

static struct inet_sock *listener(uint16_t port)
{
	struct inet_sock *l = sock(AF_INET6);
	assert_int_equal(inet_bind(&table, l, &any6, port), 0);
	l->so.acceptconn = true;
	assert_int_equal(inet_listen_check(&table, l), 0);
	return l;
}

static struct inet_sock *child(struct inet_sock *l, unsigned peer, uint16_t port)
{
	struct inet_sock *c = sock(AF_INET6);
	c->local = v4(1);
	c->remote = v4(peer);
	c->remote_port = port;
	c->local_port = l->local_port;
	assert_int_equal(inet_hash_insert(&table, c), 0);
	inet_bind_inherit(&table, c, l);
	return c;
}

static bool listens(const struct inet_sock *s)
{
	return s->so.acceptconn;
}

static int start_stream(void **state)
{
	(void)state;
	return inet_table_init(&table, true);
}

static int start_datagram(void **state)
{
	(void)state;
	return inet_table_init(&table, false);
}

static int finish(void **state)
{
	(void)state;
	assert_int_equal(table.count, 0);
	for (unsigned i = 0; i < INET_BIND_BUCKETS; i++)
		assert_true(list_empty(&table.bind[i]));
	free(table.hash);
	return 0;
}

static struct inet_sock *find_listener(uint16_t port)
{
	struct ip_addr here = v4(1), there = v4(77);
	return inet_lookup_bound(&table, &here, port, &there, 5, 1, listens);
}

/* Ten thousand connections of one listener: all are found, and the listener too, whatever ends. */
static void growth(void **state)
{
	enum { N = 10000 };
	struct inet_sock *l = listener(8080), **c = calloc(N, sizeof *c);
	struct ip_addr here = v4(1);

	(void)state;
	for (unsigned i = 0; i < N; i++)
		c[i] = child(l, i & 255, (uint16_t)(1000 + i / 256));
	assert_true(table.hash_mask >= N / 2);
	for (unsigned i = 0; i < N; i++) {
		struct ip_addr there = v4(i & 255);
		assert_ptr_equal(inet_lookup_connected(&table, &here, 8080, &there,
						       (uint16_t)(1000 + i / 256), 1),
				 c[i]);
	}
	assert_ptr_equal(find_listener(8080), l);
	/* Reset by the peer, and not yet closed by the program. */
	for (unsigned i = 0; i < N; i += 2)
		inet_hash_remove(&table, c[i]);
	assert_ptr_equal(find_listener(8080), l);
	struct ip_addr there = v4(0);
	assert_null(inet_lookup_connected(&table, &here, 8080, &there, 1000, 1));
	for (unsigned i = 0; i < N; i++)
		end(c[i]);
	assert_ptr_equal(find_listener(8080), l);
	end(l);
	free(c);
}

static void same_four_tuple(void **state)
{
	struct inet_sock *l = listener(80), *c = child(l, 5, 6), *d = sock(AF_INET);
	(void)state;
	d->local = v4(1);
	d->local_port = 80;
	d->remote = v4(5);
	d->remote_port = 6;
	assert_int_equal(inet_hash_insert(&table, d), -EADDRINUSE);
	free(d);
	end(c);
	end(l);
}

/* SO_REUSEADDR lets two be bound, but one listen. */
static void listeners_conflict(void **state)
{
	struct inet_sock *a = sock(AF_INET), *b = sock(AF_INET);
	struct ip_addr any = ip_from_v4(0);
	(void)state;
	a->so.reuseaddr = b->so.reuseaddr = true;
	assert_int_equal(inet_bind(&table, a, &any, 90), 0);
	assert_int_equal(inet_bind(&table, b, &any, 90), 0);
	a->so.acceptconn = true;
	assert_int_equal(inet_listen_check(&table, a), 0);
	b->so.acceptconn = true;
	assert_int_equal(inet_listen_check(&table, b), -EADDRINUSE);
	b->so.acceptconn = false;
	assert_ptr_equal(find_listener(90), a);
	end(a);
	assert_null(find_listener(90));
	end(b);
}

/* Every ephemeral port once, then none is left. */
static void all_ports(void **state)
{
	enum { N = 60999 - 32768 + 1 };
	struct inet_sock **s = calloc(N, sizeof *s);
	uint8_t *seen = calloc(65536, 1);
	struct ip_addr here = v4(1);
	(void)state;
	for (unsigned i = 0; i < N; i++) {
		s[i] = sock(AF_INET);
		assert_int_equal(inet_bind(&table, s[i], &here, 0), 0);
		assert_in_range(s[i]->local_port, 32768, 60999);
		assert_false(seen[s[i]->local_port]++);
	}
	struct inet_sock *more = sock(AF_INET);
	assert_int_equal(inet_bind(&table, more, &here, 0), -EADDRINUSE);
	here = v4(2);
	assert_int_equal(inet_bind(&table, more, &here, 0), 0);
	end(more);
	for (unsigned i = 0; i < N; i++)
		end(s[i]);
	free(s);
	free(seen);
}

static bool odd_in_use(const struct inet_sock *s, uint16_t port)
{
	(void)s;
	return port & 1;
}

/* Connections share ports between different peers, not with what is bound. */
static void connecting(void **state)
{
	struct inet_sock *s[200], *reserved = sock(AF_INET);
	struct ip_addr here = v4(1);
	(void)state;
	assert_int_equal(inet_bind(&table, reserved, &here, 40000), 0);
	for (unsigned i = 0; i < 200; i++) {
		s[i] = sock(AF_INET);
		s[i]->local = here;
		s[i]->remote = v4(9);
		s[i]->remote_port = 80;
		assert_int_equal(inet_autobind(&table, s[i], odd_in_use), 0);
		assert_int_equal(s[i]->local_port & 1, 0);
		assert_int_not_equal(s[i]->local_port, 40000);
		assert_int_equal(inet_hash_insert(&table, s[i]), 0);
	}
	/* What is bound explicitly afterwards does not get a connection's port. */
	struct inet_sock *b = sock(AF_INET);
	assert_int_equal(inet_bind(&table, b, &here, s[0]->local_port), -EADDRINUSE);
	free(b);
	for (unsigned i = 0; i < 200; i++)
		end(s[i]);
	end(reserved);
}

static void strangers(void **state)
{
	struct inet_sock *s = sock(AF_INET);
	struct ip_addr other = ip_from_v4(IP4(8, 8, 8, 8));
	(void)state;
	assert_int_equal(inet_bind(&table, s, &other, 0), -EADDRNOTAVAIL);
	s->freebind = true;
	assert_int_equal(inet_bind(&table, s, &other, 0), 0);
	end(s);
}

static struct inet_sock *bound(int family, struct ip_addr addr, uint16_t port, int ifindex)
{
	struct inet_sock *s = sock(family);
	s->so.reuseaddr = true;
	s->so.bound_ifindex = ifindex;
	assert_int_equal(inet_bind(&table, s, &addr, port), 0);
	return s;
}

/* The address counts most, then the interface, then the family. */
static void best_match(void **state)
{
	struct ip_addr here = v4(1), there = v4(2), any = ip_from_v4(0);
	struct inet_sock *dual = bound(AF_INET6, any6, 53, 0);
	(void)state;
#define FOUND(ifindex) inet_lookup_bound(&table, &here, 53, &there, 9, ifindex, NULL)
	assert_ptr_equal(FOUND(1), dual);
	struct inet_sock *four = bound(AF_INET, any, 53, 0);
	assert_ptr_equal(FOUND(1), four);
	struct inet_sock *device = bound(AF_INET6, any6, 53, 7);
	assert_ptr_equal(FOUND(1), four);
	assert_ptr_equal(FOUND(7), device);
	struct inet_sock *exact = bound(AF_INET, here, 53, 0);
	assert_ptr_equal(FOUND(7), exact);
	/* A connected one is out of the way, and back when it is disconnected. */
	exact->remote = there;
	exact->remote_port = 10;
	assert_int_equal(inet_hash_insert(&table, exact), 0);
	assert_ptr_equal(FOUND(1), four);
	inet_hash_remove(&table, exact);
	exact->remote_port = 0;
	assert_ptr_equal(FOUND(1), exact);
	four->v6only = dual->v6only = true;
	end(exact);
	end(four);
	assert_null(FOUND(1));
	end(device);
	end(dual);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(growth, start_stream, finish),
	    cmocka_unit_test_setup_teardown(same_four_tuple, start_stream, finish),
	    cmocka_unit_test_setup_teardown(listeners_conflict, start_stream, finish),
	    cmocka_unit_test_setup_teardown(all_ports, start_datagram, finish),
	    cmocka_unit_test_setup_teardown(connecting, start_stream, finish),
	    cmocka_unit_test_setup_teardown(strangers, start_stream, finish),
	    cmocka_unit_test_setup_teardown(best_match, start_datagram, finish),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
