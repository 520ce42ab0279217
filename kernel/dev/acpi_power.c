#include "dev/acpi_power.h"
#include "dev/irq.h"
#include "lib/string.h"

#define SPACE_MEMORY 0
#define SPACE_IO     1

#define FADT_SHORTEST	      116 /* revision 1 */
#define FADT_BUTTON	      (1u << 4)
#define FADT_HARDWARE_REDUCED (1u << 20)

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) | (uint32_t)get16(p + 2) << 16;
}

static uint64_t get64(const uint8_t *p)
{
	return get32(p) | (uint64_t)get32(p + 4) << 32;
}

/* The generic address at an offset of the table, or else the port of 32 bits at another. */
static struct acpi_register get_register(const uint8_t *t, size_t length, size_t wide, size_t port)
{
	struct acpi_register r = {0, true};

	if (length >= wide + 12 && (t[wide] == SPACE_MEMORY || t[wide] == SPACE_IO) &&
	    get64(t + wide + 4)) {
		r.address = get64(t + wide + 4);
		r.port = t[wide] == SPACE_IO;
	} else if (port) {
		r.address = get32(t + port);
	}
	if (r.port && r.address > 0xffff)
		r.address = 0;
	return r;
}

bool fadt_parse(struct fadt *f, const void *table, size_t length)
{
	const uint8_t *t = table;
	uint32_t flags;

	*f = (struct fadt){0};
	if (length < FADT_SHORTEST)
		return false;
	flags = get32(t + 112);
	f->dsdt = get32(t + 40);
	if (length >= 148 && get64(t + 140))
		f->dsdt = get64(t + 140);
	f->hardware_reduced = flags & FADT_HARDWARE_REDUCED;
	f->sleep_control = get_register(t, length, 244, 0);
	if (f->hardware_reduced)
		return true;
	f->fixed_button = !(flags & FADT_BUTTON);
	f->sci = get16(t + 46);
	f->smi_command = (uint16_t)get32(t + 48);
	f->acpi_enable = t[52];
	f->pm1_event = get_register(t, length, 148, 56);
	f->pm1_control = get_register(t, length, 172, 64);
	f->pm1_event_half = t[88] / 2;
	if (f->pm1_event_half < 2)
		f->pm1_event.address = 0;
	return true;
}

/* Byte code between at and end. Reading beyond the end gives zeroes, and ok is false then. */
struct aml {
	const uint8_t *at, *end;
	bool ok;
};

static uint8_t take(struct aml *a)
{
	if (a->at >= a->end) {
		a->ok = false;
		return 0;
	}
	return *a->at++;
}

/* PkgLength, section 20.2.4: where the object ends, counted from the length's own first byte. */
static const uint8_t *take_end(struct aml *a)
{
	const uint8_t *start = a->at;
	uint8_t lead = take(a);
	size_t n = lead >> 6 ? lead & 0xfu : lead & 0x3fu;

	for (unsigned i = 0; i < lead >> 6; i++)
		n |= (size_t)take(a) << (4 + 8 * i);
	if (!a->ok || n > (size_t)(a->end - start)) {
		a->ok = false;
		return a->end;
	}
	return start + n;
}

/* An integer constant, section 20.2.3. */
static uint64_t take_integer(struct aml *a)
{
	uint8_t op = take(a);
	unsigned bytes = 0;
	uint64_t n = 0;

	switch (op) {
	case 0x00: /* ZeroOp */
		return 0;
	case 0x01: /* OneOp */
		return 1;
	case 0xff: /* OnesOp */
		return UINT64_MAX;
	case 0x0a: /* BytePrefix, WordPrefix, DWordPrefix, QWordPrefix */
		bytes = 1;
		break;
	case 0x0b:
		bytes = 2;
		break;
	case 0x0c:
		bytes = 4;
		break;
	case 0x0e:
		bytes = 8;
		break;
	default:
		a->ok = false;
	}
	for (unsigned i = 0; i < bytes; i++)
		n |= (uint64_t)take(a) << 8 * i;
	return n;
}

/* Moves to behind the next occurrence of n bytes. */
static bool find(struct aml *a, const char *bytes, size_t n)
{
	for (; a->at < a->end && (size_t)(a->end - a->at) >= n; a->at++) {
		if (!memcmp(a->at, bytes, n)) {
			a->at += n;
			return true;
		}
	}
	return false;
}

static bool begins(const struct aml *a, const char *bytes, size_t n)
{
	return (size_t)(a->end - a->at) >= n && !memcmp(a->at, bytes, n);
}

static bool open_table(struct aml *a, const void *table, size_t length)
{
	const uint8_t *t = table;

	if (length < 36)
		return false;
	*a = (struct aml){t + 36, t + length, true};
	return true;
}

bool aml_find_s5(const void *dsdt, size_t length, uint8_t *type)
{
	struct aml a;

	if (!open_table(&a, dsdt, length))
		return false;
	while (find(&a, "_S5_\x12", 5)) { /* the name, then PackageOp */
		struct aml p = {a.at, a.end, true};
		uint64_t n;

		p.end = take_end(&p);
		if (!take(&p))
			continue;
		n = take_integer(&p);
		if (p.ok && n <= 7) {
			*type = (uint8_t)n;
			return true;
		}
	}
	return false;
}

/* Reads the body of a device. */
static bool ged_of(struct aml body, struct ged *g)
{
	struct aml a = body, name = body;
	uint8_t flags;

	/* _HID by this name; the interrupt, an Extended Interrupt Descriptor (section 6.4.3.6) with
	 * one number; the register. */
	if (!find(&a,
		  "_HID\x0d"
		  "ACPI0013",
		  14))
		return false;
	a = body;
	if (!find(&a, "_CRS\x11", 5))
		return false;
	a.end = take_end(&a);
	if (!find(&a, "\x89\x06\x00", 3))
		return false;
	flags = take(&a);
	if (take(&a) != 1)
		return false;
	g->gsi = take(&a);
	for (unsigned i = 1; i < 4; i++)
		g->gsi |= (uint32_t)take(&a) << 8 * i;
	g->flags = (flags & 2 ? 0 : IRQ_LEVEL) | (flags & 4 ? IRQ_LOW : 0);
	if (!a.ok)
		return false;
	/* OperationRegion(EREG, SystemMemory, address, 4) with one field of 32 bits, ESEL. */
	if (!find(&name,
		  "\x5b\x80"
		  "EREG",
		  6) ||
	    take(&name) != SPACE_MEMORY)
		return false;
	g->address = take_integer(&name);
	if (take_integer(&name) != 4 || !name.ok || !begins(&name, "\x5b\x81", 2))
		return false;
	name.at += 2;
	name.end = take_end(&name);
	return find(&name, "EREG", 4) && find(&name, "ESEL\x20", 5);
}

bool aml_find_ged(const void *dsdt, size_t length, struct ged *g)
{
	struct aml a;

	if (!open_table(&a, dsdt, length))
		return false;
	while (find(&a, "\x5b\x82", 2)) { /* DeviceOp */
		struct aml body = {a.at, a.end, true};

		body.end = take_end(&body);
		/* One without devices inside, so that all is its own. */
		if (body.ok) {
			struct aml inner = body;

			if (!find(&inner, "\x5b\x82", 2) && ged_of(body, g))
				return true;
		}
	}
	return false;
}
