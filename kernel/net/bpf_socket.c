/* Filters of sockets: socket(7), SO_ATTACH_FILTER. */
#include <asm/errno.h>
#include <linux/filter.h>
#include "mm/kmalloc.h"
#include "mm/uaccess.h"
#include "net/bpf.h"
#include "net/packet.h"
#include "net/socket.h"

struct filter {
	unsigned n;
	struct sock_filter insn[];
};

/* struct sock_fprog as the program has it. */
struct user_fprog {
	uint16_t len;
	uintptr_t filter;
};

static int attach(struct socket *so, const void *val, unsigned len)
{
	struct user_fprog prog;

	if (len != sizeof prog)
		return -EINVAL;
	if (so->filter_locked)
		return -EPERM;
	memcpy(&prog, val, sizeof prog);
	if (!prog.filter || prog.len == 0 || prog.len > BPF_MAXINSNS)
		return -EINVAL;
	size_t size = prog.len * sizeof(struct sock_filter);
	struct filter *f = kmalloc(sizeof *f + size);
	if (!f)
		return -ENOMEM;
	f->n = prog.len;
	int err = copy_from_user(f->insn, prog.filter, size) ? -EFAULT : bpf_check(f->insn, f->n);
	if (err) {
		kfree(f);
		return err;
	}
	kfree(so->filter);
	so->filter = f;
	return 0;
}

static int detach(struct socket *so)
{
	if (so->filter_locked)
		return -EPERM;
	if (!so->filter)
		return -ENOENT;
	bpf_release(so);
	return 0;
}

static int lock(struct socket *so, const void *val, unsigned len)
{
	int v;

	if (len < sizeof v)
		return -EINVAL;
	memcpy(&v, val, sizeof v);
	if (so->filter_locked && !v)
		return -EPERM;
	so->filter_locked = v != 0;
	return 0;
}

int bpf_setsockopt(struct socket *so, int name, const void *val, unsigned len)
{
	switch (name) {
	case SO_ATTACH_FILTER:
		return attach(so, val, len);
	case SO_DETACH_FILTER:
		return detach(so);
	case SO_LOCK_FILTER:
		return lock(so, val, len);
	}
	return -ENOPROTOOPT;
}

int bpf_getsockopt(struct socket *so, int name, void *val, unsigned *len)
{
	int v = so->filter_locked;

	/* SO_GET_FILTER, which counts in instructions, is only for saving processes to disk. */
	if (name != SO_LOCK_FILTER)
		return -ENOPROTOOPT;
	if (*len < sizeof v)
		return -EINVAL;
	memcpy(val, &v, sizeof v);
	*len = sizeof v;
	return 0;
}

uint32_t bpf_filter(const struct socket *so, const struct bpf_context *c)
{
	const struct filter *f = so->filter;

	return f ? bpf_run(f->insn, c) : UINT32_MAX;
}

void bpf_release(struct socket *so)
{
	kfree(so->filter);
	so->filter = NULL;
}
