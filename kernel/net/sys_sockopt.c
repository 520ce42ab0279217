/*
 * setsockopt(2), getsockopt(2): values on their way between program and kernel.
 *
 * An option reads as many bytes as its type has, however long the program says its value is, so a
 * value that ends in memory that is not there is taken as far as it goes.
 */
#include <asm/errno.h>
#include "mm/kmalloc.h"
#include "mm/uaccess.h"
#include "net/net.h"
#include "net/socket_call.h"
#include "net/sys_socket.h"
#include "vfs/fdtable.h"

#define SMALL_VALUE 256u
#define VALUE_LIMIT 16384u /* of source filters, the longest there are */

struct value {
	uint8_t *p;
	uint8_t small[SMALL_VALUE] __attribute__((aligned(8)));
};

static long value_room(struct value *v, unsigned n)
{
	v->p = n <= sizeof v->small ? v->small : kmalloc(n);
	return v->p ? 0 : -ENOMEM;
}

static void value_free(struct value *v)
{
	if (v->p != v->small)
		kfree(v->p);
}

long sys_setsockopt(int fd, int level, int name, uintptr_t val, int len)
{
	struct value v;
	struct file *f;
	long r;

	struct socket *so = socket_get(fd, &f, &r);
	if (!so)
		return r;
	if (len < 0) {
		file_put(f);
		return -EINVAL;
	}
	unsigned n = (unsigned)len < VALUE_LIMIT ? (unsigned)len : VALUE_LIMIT;
	r = value_room(&v, n);
	if (!r) {
		unsigned got = n ? (unsigned)copy_from_user_partial(v.p, val, n) : 0;
		if (got < n && got < sizeof(int)) {
			r = -EFAULT;
		} else {
			net_enter();
			if (level == SOL_SOCKET)
				r = socket_setsockopt(so, name, v.p, got);
			else if (so->proto->setsockopt)
				r = so->proto->setsockopt(so, level, name, v.p, got);
			else
				r = -EOPNOTSUPP;
			net_leave();
		}
		value_free(&v);
	}
	file_put(f);
	return r;
}

static long get_value(struct socket *so, int level, int name, uintptr_t val, uintptr_t lenp)
{
	struct value v;
	uint32_t room;

	if (get_user_u32(&room, lenp))
		return -EFAULT;
	if ((int)room < 0)
		return -EINVAL;
	unsigned n = room < VALUE_LIMIT ? room : VALUE_LIMIT;
	long r = value_room(&v, n);
	if (r)
		return r;
	/* Some options of IP ask with a value. */
	if ((level == SOL_IP || level == SOL_IPV6) && n)
		for (unsigned got = (unsigned)copy_from_user_partial(v.p, val, n); got < n; got++)
			v.p[got] = 0;
	unsigned len = n;
	net_enter();
	if (level == SOL_SOCKET)
		r = socket_getsockopt(so, name, v.p, &len);
	else if (so->proto->getsockopt)
		r = so->proto->getsockopt(so, level, name, v.p, &len);
	else
		r = -EOPNOTSUPP;
	net_leave();
	if (!r && ((len && copy_to_user(val, v.p, len < n ? len : n)) || put_user_u32(lenp, len)))
		r = -EFAULT;
	value_free(&v);
	return r;
}

long sys_getsockopt(int fd, int level, int name, uintptr_t val, uintptr_t len)
{
	struct file *f;
	long r;
	struct socket *so = socket_get(fd, &f, &r);
	if (!so)
		return r;
	r = get_value(so, level, name, val, len);
	file_put(f);
	return r;
}
