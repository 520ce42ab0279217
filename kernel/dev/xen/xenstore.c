/* The calls of xenstore: paths and values to messages, answers to values. */
#include "dev/xen/xenstore.h"
#include "dev/xen/xenstore_wire.h"
#include "hyper/xen/evtchn.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "mm/vmap.h"

static uint64_t store_pfn;
static evtchn_port_t port;

/* dir, or dir/node. 0, -ENAMETOOLONG. */
static int make_path(char path[XS_PATH_MAX], const char *dir, const char *node)
{
	int n = node && *node ? ksnprintf(path, XS_PATH_MAX, "%s/%s", dir, node)
			      : ksnprintf(path, XS_PATH_MAX, "%s", dir);

	return (size_t)n < XS_PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* A call whose request is a path and, perhaps, a value. The answer's body is in c->body. */
static int call(struct xs_call *c, uint32_t type, xs_transaction t, const char *dir,
		const char *node, const char *value)
{
	char path[XS_PATH_MAX];
	struct xs_piece pieces[2] = {{path, 0}, {value, value ? strlen(value) : 0}};
	int err = make_path(path, dir, node);

	if (err)
		return err;
	pieces[0].len = strlen(path) + 1;
	err = xs_wire_start(c, type, t, pieces, 2);
	return err ? err : xs_wire_finish(c);
}

/* A call that has no answer but "OK". */
static int command(uint32_t type, xs_transaction t, const char *dir, const char *node,
		   const char *value)
{
	struct xs_call c;
	int err = call(&c, type, t, dir, node, value);

	if (!err)
		kfree(c.body);
	return err;
}

int xs_read(xs_transaction t, const char *dir, const char *node, char **value, size_t *len)
{
	struct xs_call c;
	int err = call(&c, XS_READ, t, dir, node, NULL);

	if (err)
		return err;
	*value = c.body;
	if (len)
		*len = c.len;
	return 0;
}

int xs_write(xs_transaction t, const char *dir, const char *node, const char *value)
{
	return command(XS_WRITE, t, dir, node, value);
}

int xs_printf(xs_transaction t, const char *dir, const char *node, const char *format, ...)
{
	char value[XS_PATH_MAX];
	va_list ap;
	int n;

	va_start(ap, format);
	n = kvsnprintf(value, sizeof value, format, ap);
	va_end(ap);
	return (size_t)n < sizeof value ? xs_write(t, dir, node, value) : -E2BIG;
}

int xs_mkdir(xs_transaction t, const char *dir, const char *node)
{
	return command(XS_MKDIR, t, dir, node, NULL);
}

int xs_rm(xs_transaction t, const char *dir, const char *node)
{
	return command(XS_RM, t, dir, node, NULL);
}

/* The block: the pointers, then the text that the store sent. */
static int split_names(const char *text, size_t len, char ***names, unsigned *n)
{
	size_t count = 0;
	char **block, *copy;

	for (size_t i = 0; i < len; i += strlen(text + i) + 1)
		count++;
	block = kmalloc(count * sizeof *block + len + 1);
	if (!block)
		return -ENOMEM;
	copy = (char *)(block + count);
	memcpy(copy, text, len + 1);
	count = 0;
	for (size_t i = 0; i < len; i += strlen(copy + i) + 1)
		block[count++] = copy + i;
	*names = block;
	*n = (unsigned)count;
	return 0;
}

int xs_directory(xs_transaction t, const char *dir, const char *node, char ***names, unsigned *n)
{
	struct xs_call c;
	int err = call(&c, XS_DIRECTORY, t, dir, node, NULL);

	if (err)
		return err;
	err = split_names(c.body, c.len, names, n);
	kfree(c.body);
	return err;
}

/* Decimal digits, nothing else: 0, -ERANGE. */
static int parse_number(const char *s, size_t len, uint64_t max, uint64_t *value)
{
	uint64_t v = 0;

	if (!len)
		return -ERANGE;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned)(s[i] - '0');

		if (digit > 9 || v > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		v = v * 10 + digit;
	}
	if (v > max)
		return -ERANGE;
	*value = v;
	return 0;
}

int xs_read_number(xs_transaction t, const char *dir, const char *node, uint64_t max,
		   uint64_t *value)
{
	char *text;
	size_t len;
	int err = xs_read(t, dir, node, &text, &len);

	if (err)
		return err;
	err = parse_number(text, len, max, value);
	kfree(text);
	return err;
}

uint64_t xs_read_default(const char *dir, const char *node, uint64_t max, uint64_t fallback)
{
	uint64_t value = fallback;

	if (xs_read_number(XS_NONE, dir, node, max, &value) == -ERANGE)
		printk("unigornel: xenstore: %s/%s is no number up to %llu: not used\n", dir, node,
		       (unsigned long long)max);
	return value;
}

int xs_transaction_start(xs_transaction *t)
{
	struct xs_piece empty = {"", 1};
	struct xs_call c;
	uint64_t id;
	size_t len;
	int err = xs_wire_start(&c, XS_TRANSACTION_START, XS_NONE, &empty, 1);

	if (!err)
		err = xs_wire_finish(&c);
	if (err)
		return err;
	len = c.len && !c.body[c.len - 1] ? c.len - 1 : c.len;
	err = parse_number(c.body, len, UINT32_MAX, &id);
	kfree(c.body);
	if (err || id == XS_NONE)
		return -EIO;
	*t = (xs_transaction)id;
	return 0;
}

int xs_transaction_end(xs_transaction t, bool abort)
{
	struct xs_piece how = {abort ? "F" : "T", 2};
	struct xs_call c;
	int err = xs_wire_start(&c, XS_TRANSACTION_END, t, &how, 1);

	if (!err)
		err = xs_wire_finish(&c);
	if (!err)
		kfree(c.body);
	return err;
}

static void notify(void)
{
	evtchn_notify(port);
}

static void event(void *arg)
{
	(void)arg;
	xs_wire_event();
}

/* Finds out where the store's ring and channel are (hvm/params.h). 0, -ENODEV. */
static int find(void)
{
	uint64_t pfn, channel;

	if (xen_hvm_param(HVM_PARAM_STORE_PFN, &pfn) ||
	    xen_hvm_param(HVM_PARAM_STORE_EVTCHN, &channel) || !pfn || pfn >= 1ull << 40 ||
	    !channel || channel > UINT32_MAX)
		return -ENODEV;
	store_pfn = pfn;
	port = (evtchn_port_t)channel;
	return 0;
}

int xs_init(void)
{
	struct xenstore_domain_interface *page;
	int err = find();

	if (err)
		return err;
	page = vmap_rw(store_pfn * PAGE_SIZE, PAGE_SIZE);
	if (!page)
		return -ENOMEM;
	xs_wire_connect(page, notify);
	return evtchn_attach(port, event, NULL);
}

void xs_suspend(void)
{
	wait_event(&xs_wait, xs_wire_idle(), WAIT_FOREVER);
}

void xs_resume(void)
{
	uint64_t old_pfn = store_pfn;
	int err = find();

	/* The page stays where it is: it is at an address that the toolstack took from our own
	 * memory map. */
	if (!err && store_pfn != old_pfn)
		err = -ENODEV;
	if (!err) {
		xs_wire_connect(NULL, notify);
		err = evtchn_attach(port, event, NULL);
	}
	if (err)
		printk("unigornel: xenstore is gone after the resume (%d)\n", err);
	else
		xs_watches_renew();
}
