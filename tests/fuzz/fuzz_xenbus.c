/*
 * The client of xenstore and xenbus against a store and a backend that do what the input says:
 * nodes with any value, states in any order, directories that come and go, answers and watch events
 * changed or invented, the ring's indices overwritten, suspend and resume at any time. What was
 * taken must be given back, and calls of a driver must come in their order.
 */
#include <asm/errno.h>
#include "driver.h"
#include "../unit/xenbus_fake.h"
#include "engine.h"

const char fuzz_name[] = "xenbus";

#define BACKEND "/local/domain/0/backend/vif/1/0"
#define FRONT	"device/vif/0"

/* ---- drivers that check the order in which they are called ---- */

struct front {
	struct xenbus_device *d;
	struct xenbus_ring ring;
	int port;
	bool connected, ready;
};
static unsigned fronts;
static uint8_t moods; /* what the drivers answer */
static struct xenbus_device *some_device;

static int probe(struct xenbus_device *d)
{
	struct front *f;

	assert_true(strlen(d->backend) < XS_PATH_MAX - 64);
	if (moods & 1)
		return -ENODEV;
	f = calloc(1, sizeof *f);
	f->d = d;
	d->driver = f;
	some_device = d;
	fronts++;
	return 0;
}

static int connect(struct xenbus_device *d)
{
	struct front *f = d->driver;

	assert_true(f->d == d && !f->connected);
	f->connected = true;
	assert_int_equal(xenbus_ring_alloc(d, &f->ring), 0);
	f->port = xenbus_channel(d, (irq_handler_t)0, NULL);
	assert_true(f->port > 0);
	xs_read_default(d->backend, "feature-sg", 1, 0);
	xs_printf(XS_NONE, d->dir, "ring-ref", "%u", f->ring.ref);
	if (moods & 2)
		xenbus_fail(d, "a lie while connecting");
	return moods & 4 ? -EIO : 0;
}

static int ready(struct xenbus_device *d)
{
	struct front *f = d->driver;

	assert_true(f->connected && !f->ready);
	f->ready = true;
	return moods & 8 ? -EIO : 0;
}

static void disconnect(struct xenbus_device *d)
{
	struct front *f = d->driver;

	assert_true(f->connected);
	f->connected = f->ready = false;
	xenbus_ring_free(&f->ring);
	evtchn_close((evtchn_port_t)f->port);
}

static void removed(struct xenbus_device *d)
{
	struct front *f = d->driver;

	assert_false(f->connected);
	free(f);
	fronts--;
	if (some_device == d)
		some_device = NULL;
}

static void changed(struct xenbus_device *d)
{
	struct front *f = d->driver;

	assert_true(f->ready);
}

const struct xenbus_driver xen_netfront = {"vif",      probe,	connect, ready,
					   disconnect, removed, changed};
const struct xenbus_driver xen_blkfront = {"vbd", probe, connect, ready, disconnect, removed, NULL};

/* ---- the input ---- */

static const uint8_t *input;
static size_t left;
static bool broken; /* the ring was overwritten: the fake must not read it */

static uint8_t byte(void)
{
	if (!left)
		return 0;
	left--;
	return *input++;
}

static const char *path(void)
{
	static const char *const paths[] = {FRONT,
					    FRONT "/backend",
					    FRONT "/backend-id",
					    FRONT "/state",
					    BACKEND,
					    BACKEND "/state",
					    BACKEND "/online",
					    "device",
					    "device/vbd/51712/state",
					    "device/vbd/51712/backend",
					    "device/vbd/51712/backend-id",
					    "device/vif/1/state",
					    "device/vif/999999999/state",
					    BACKEND "/feature-sg"};

	return paths[byte() % (sizeof paths / sizeof *paths)];
}

static void set_value(void)
{
	static const char *const values[] = {"0", "1",	   "2", "3",  "4",     "5", "6", "7",  "8",
					     "9", BACKEND, "",	"-1", "99999", "x", "/", FRONT};
	const char *p = path();
	uint8_t how = byte();
	char text[64], full[128];
	unsigned n = how % 64u;
	struct fake_node *node;

	if (how < 200) {
		fake_store(p, values[how % (sizeof values / sizeof *values)]);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		text[i] = (char)byte(); /* NULs as well */
	text[n ? n - 1 : 0] = '\0';
	fake_store(p, text);
	fake_full(full, p);
	node = fake_find(fake.tree, full, false);
	if (node) {
		memcpy(node->value, text, n);
		node->len = n;
	}
}

static void add_device(uint8_t state)
{
	char text[2] = {(char)('0' + state % 9), 0};

	fake_store(BACKEND "/online", "1");
	fake_store(BACKEND "/state", text);
	fake_store(FRONT "/backend", BACKEND);
	fake_store(FRONT "/backend-id", "0");
	fake_store(FRONT "/state", "1");
}

/* One byte in eight of the input changes an answer. */
static bool lie(struct xsd_sockmsg *h, char *body)
{
	uint8_t how = left ? byte() : 0xff;

	switch (how) {
	case 0:
		h->type = byte();
		break;
	case 1:
		h->req_id += byte();
		break;
	case 2:
		h->len = byte();
		break;
	case 3:
		h->len = (uint32_t)byte() << 24 | byte();
		break;
	case 4:
		if (h->len)
			body[byte() % (h->len < 4096 ? h->len : 4096)] = (char)byte();
		break;
	case 5:
		return false;
	case 6:
		h->tx_id = byte();
		break;
	case 7: /* longer than it was */
		memset(body + h->len % 4096, byte(), 64);
		h->len = h->len % 4096 + byte() % 64u;
		break;
	default:
		break;
	}
	return true;
}

static void invent(void)
{
	char body[64];
	unsigned n = byte() % sizeof body;
	uint8_t type = byte();

	if (broken)
		return;
	for (unsigned i = 0; i < n; i++)
		body[i] = (char)byte();
	fake_send(type & 1 ? XS_WATCH_EVENT : type, byte(), 0, body, n);
}

static void scribble(void)
{
	uint32_t *const fields[] = {
	    &fake.ring->req_cons, &fake.ring->req_prod,	       &fake.ring->rsp_cons,
	    &fake.ring->rsp_prod, &fake.ring->server_features, &fake.ring->connection,
	    &fake.ring->error};
	uint8_t which = byte();

	if (which & 0x80)
		fake.ring->rsp[byte() % XENSTORE_RING_SIZE] = (char)byte();
	else
		*fields[which % 7] += (uint32_t)(which & 8 ? byte() : byte() << 8);
	/* The fake keeps the rules with what it reads; from now on it only has written. */
	fake.silent = broken = true;
	fake.nin = fake.nout = fake.out_at = 0;
	if (fake.handler)
		fake.handler(NULL);
}

/* A store that works, and no device: the machine is as after boot. */
static void renew(void)
{
	fake.lie = NULL;
	fake.script = NULL;
	fake.silent = broken = false;
	fake.nin = fake.nout = fake.out_at = 0;
	memset(fake.watches, 0, sizeof fake.watches);
	memset(fake.ring, 0, sizeof *fake.ring);
}

static void resume(void)
{
	xenbus_suspend();
	xs_suspend();
	memset(fake.watches, 0, sizeof fake.watches);
	memset(fake.ring, 0, sizeof *fake.ring);
	fake.silent = broken = false;
	fake.nin = fake.nout = fake.out_at = 0;
	xs_resume();
	xenbus_resume();
}

/* Something happens while somebody waits for the store. */
static bool script(void)
{
	if (!left || *input >= 32)
		return false;
	switch (byte() % 4) {
	case 0:
		set_value();
		break;
	case 1:
		invent();
		break;
	case 2:
		fake_remove(path());
		break;
	default:
		if (some_device)
			xenbus_fail(some_device, "a lie");
	}
	return true;
}

/* The worker's and the store's turns, as many as there are. */
static void settle(void)
{
	for (unsigned n = 0; n < 1000 && (fake_run() || fake_work()); n++)
		;
}

static void step(void)
{
	switch (byte() % 12) {
	case 0:
	case 1:
	case 2:
		set_value();
		break;
	case 3:
		fake_remove(path());
		break;
	case 4:
		invent();
		break;
	case 5:
		scribble();
		break;
	case 6:
		moods = byte();
		break;
	case 7:
		fake.trickle = byte();
		break;
	case 8:
		resume();
		break;
	case 9:
		if (some_device)
			xenbus_fail(some_device, "a lie");
		break;
	case 10:
		add_device(byte());
		break;
	default:
		fake.conflicts = byte() & 3;
	}
	settle();
}

void fuzz_setup(void)
{
	last_domain = DOMID_FIRST_RESERVED - 1;
	fake_reset();
	fake.in_boot = true;
	settle();
	xenbus_init();
	settle();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fake_reset(); /* everything that follows is the worker's: it does not work while it waits */
	moods = 0;
	broken = false;
	settle();
	input = data;
	left = size;
	fake.lie = lie;
	fake.script = script;
	if (byte() & 1)
		add_device(2);
	for (unsigned n = 0; left && n < 200; n++)
		step();
	left = 0;
	/* The end: a store that works again, and no device in it. */
	renew();
	memset(fake.tree, 0, sizeof *fake.tree);
	xs_resume();
	xenbus_resume();
	settle();
	assert_int_equal(fronts, 0);
	assert_int_equal(grants, 0);
	assert_int_equal(channels, 0);
	return 0;
}
