/* mm/uaccess.h: range checks, and the table of instructions that may fault (uaccess_asm.S). */
#include "mm/uaccess.h"
#include <asm/errno.h>

size_t uaccess_copy(void *dst, const void *src, size_t n);
size_t uaccess_zero(void *dst, size_t n);
int uaccess_load32(uint32_t *value, const void *src);
int uaccess_store32(void *dst, uint32_t value);
int uaccess_cmpxchg32(void *addr, uint32_t *old, uint32_t desired);
long uaccess_strncpy(char *dst, const char *src, size_t size);

struct ex_entry {
	uintptr_t fault, fixup;
};

extern const struct ex_entry __ex_table_start[], __ex_table_end[];

bool uaccess_fixup(uintptr_t *rip)
{
	for (const struct ex_entry *e = __ex_table_start; e < __ex_table_end; e++)
		if (e->fault == *rip) {
			*rip = e->fixup;
			return true;
		}
	return false;
}

size_t copy_from_user_partial(void *dst, uintptr_t src, size_t n)
{
	size_t can = n;

	if (src < 4096 || src >= USER_END)
		return 0;
	if (can > USER_END - src)
		can = USER_END - src;
	return can - uaccess_copy(dst, (const void *)src, can);
}

size_t copy_to_user_partial(uintptr_t dst, const void *src, size_t n)
{
	size_t can = n;

	if (dst < 4096 || dst >= USER_END)
		return 0;
	if (can > USER_END - dst)
		can = USER_END - dst;
	return can - uaccess_copy((void *)dst, src, can);
}

size_t zero_user_partial(uintptr_t dst, size_t n)
{
	size_t can = n;

	if (dst < 4096 || dst >= USER_END)
		return 0;
	if (can > USER_END - dst)
		can = USER_END - dst;
	return can - uaccess_zero((void *)dst, can);
}

/* An empty transfer is right at any address, as on Linux. */
int copy_from_user(void *dst, uintptr_t src, size_t n)
{
	return copy_from_user_partial(dst, src, n) == n ? 0 : -EFAULT;
}

int copy_to_user(uintptr_t dst, const void *src, size_t n)
{
	return copy_to_user_partial(dst, src, n) == n ? 0 : -EFAULT;
}

int zero_user(uintptr_t dst, size_t n)
{
	return zero_user_partial(dst, n) == n ? 0 : -EFAULT;
}

long strncpy_from_user(char *dst, uintptr_t src, size_t size)
{
	size_t can = size;
	long len;

	if (src < 4096 || src >= USER_END)
		return -EFAULT;
	if (can > USER_END - src)
		can = USER_END - src;
	len = uaccess_strncpy(dst, (const char *)src, can);
	if (len < 0)
		return -EFAULT;
	if ((size_t)len == can)
		return can < size ? -EFAULT : -ENAMETOOLONG;
	return len;
}

int get_user_u32(uint32_t *value, uintptr_t src)
{
	if (!user_range_ok(src, 4) || uaccess_load32(value, (const void *)src))
		return -EFAULT;
	return 0;
}

int put_user_u32(uintptr_t dst, uint32_t value)
{
	return user_range_ok(dst, 4) && !uaccess_store32((void *)dst, value) ? 0 : -EFAULT;
}

int cmpxchg_user_u32(uintptr_t addr, uint32_t *old, uint32_t desired)
{
	return user_range_ok(addr, 4) && !uaccess_cmpxchg32((void *)addr, old, desired) ? 0
											: -EFAULT;
}
