#include "vfs/uio.h"
#include <asm/errno.h>
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/page.h"
#include "mm/uaccess.h"

void uio_init(struct uio *u, uintptr_t buf, size_t len)
{
	if (len > UIO_MAXBYTES)
		len = UIO_MAXBYTES;
	u->one = (struct uio_vec){buf, len};
	u->vec = &u->one;
	u->count = 1;
	u->skip = 0;
	u->left = len;
	u->kernel = false;
}

void uio_init_kernel(struct uio *u, void *buf, size_t len)
{
	uio_init(u, (uintptr_t)buf, len);
	u->kernel = true;
}

int uio_init_user_vec(struct uio *u, uintptr_t vec, size_t count, struct uio_vec **store)
{
	*store = NULL;
	if (count > UIO_MAXVEC)
		return -EINVAL;
	uio_init(u, 0, 0);
	if (!count)
		return 0;
	struct uio_vec *v = &u->one;
	if (count > 1) {
		v = kmalloc(count * sizeof *v);
		if (!v)
			return -ENOMEM;
		*store = v;
	}
	int err = copy_from_user(v, vec, count * sizeof *v);
	size_t total = 0;
	for (size_t i = 0; !err && i < count; i++) {
		if ((long)v[i].len < 0)
			err = -EINVAL;
		else if (v[i].len && (v[i].base >= USER_END || v[i].len > USER_END - v[i].base))
			err = -EFAULT;
		else if (v[i].len > UIO_MAXBYTES - total)
			v[i].len = UIO_MAXBYTES - total;
		total += v[i].len;
	}
	if (err) {
		kfree(*store);
		*store = NULL;
		return err;
	}
	u->vec = v;
	u->count = count;
	u->left = total;
	return 0;
}

enum direction { PUT, GET, ZERO };

static bool copy_once(bool kernel, enum direction dir, uintptr_t base, uint8_t *mem, size_t n)
{
	if (kernel) {
		if (dir == PUT)
			memcpy((void *)base, mem, n);
		else if (dir == GET)
			memcpy(mem, (const void *)base, n);
		else
			memset((void *)base, 0, n);
		return true;
	}
	if (dir == PUT)
		return copy_to_user(base, mem, n) == 0;
	if (dir == GET)
		return copy_from_user(mem, base, n) == 0;
	return zero_user(base, n) == 0;
}

/* Copies n bytes; where that faults, again by pages, to know how far it goes. */
static size_t copy_counted(bool kernel, enum direction dir, uintptr_t base, uint8_t *mem, size_t n)
{
	if (copy_once(kernel, dir, base, mem, n))
		return n;
	size_t done = 0;
	while (done < n) {
		size_t step = PAGE_SIZE - ((base + done) & (PAGE_SIZE - 1));
		if (step > n - done)
			step = n - done;
		if (!copy_once(kernel, dir, base + done, mem ? mem + done : NULL, step))
			break;
		done += step;
	}
	return done;
}

static size_t transfer(struct uio *u, enum direction dir, uint8_t *mem, size_t n)
{
	size_t done = 0;
	if (n > u->left)
		n = u->left;
	while (done < n) {
		size_t step = u->vec->len - u->skip;
		if (!step) {
			u->vec++;
			u->count--;
			u->skip = 0;
			continue;
		}
		if (step > n - done)
			step = n - done;
		size_t got = copy_counted(u->kernel, dir, u->vec->base + u->skip,
					  mem ? mem + done : NULL, step);
		u->skip += got;
		u->left -= got;
		done += got;
		if (got < step)
			break;
	}
	return done;
}

size_t uio_put(struct uio *u, const void *src, size_t n)
{
	return transfer(u, PUT, (uint8_t *)(uintptr_t)src, n);
}

size_t uio_get(struct uio *u, void *dst, size_t n)
{
	return transfer(u, GET, dst, n);
}

size_t uio_put_zero(struct uio *u, size_t n)
{
	return transfer(u, ZERO, NULL, n);
}

void uio_skip(struct uio *u, size_t n)
{
	if (n > u->left)
		n = u->left;
	u->left -= n;
	while (n) {
		size_t step = u->vec->len - u->skip;
		if (step > n)
			step = n;
		u->skip += step;
		n -= step;
		if (n) {
			u->vec++;
			u->count--;
			u->skip = 0;
		}
	}
}

void uio_back(struct uio *u, size_t n)
{
	u->left += n;
	while (n > u->skip) {
		n -= u->skip;
		u->vec--;
		u->count++;
		u->skip = u->vec->len;
	}
	u->skip -= n;
}
