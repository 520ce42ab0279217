#include "hyper/xen/ring.h"

static uint32_t load(const XENCONS_RING_IDX *index)
{
	return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

size_t ring_write(struct xencons_interface *r, const char *s, size_t n)
{
	/* Ours, but in a page that the other side can write: a wrong value harms only the output.
	 */
	uint32_t prod = load(&r->out_prod);
	uint32_t used = prod - load(&r->out_cons);
	size_t done = 0;

	if (used > sizeof r->out)
		return 0;
	for (; done < n && used < sizeof r->out; used++)
		r->out[MASK_XENCONS_IDX(prod++, r->out)] = s[done++];
	__atomic_store_n(&r->out_prod, prod, __ATOMIC_SEQ_CST);
	return done;
}

size_t ring_read(struct xencons_interface *r, char *buf, size_t n)
{
	uint32_t cons = load(&r->in_cons), prod = load(&r->in_prod);
	size_t done = 0;

	if (prod - cons > sizeof r->in)
		cons = prod;
	while (done < n && cons != prod)
		buf[done++] = r->in[MASK_XENCONS_IDX(cons++, r->in)];
	__atomic_store_n(&r->in_cons, cons, __ATOMIC_SEQ_CST);
	return done;
}

size_t ring_unsent(const struct xencons_interface *r)
{
	uint32_t used = load(&r->out_prod) - load(&r->out_cons);

	return used <= sizeof r->out ? used : 0;
}
