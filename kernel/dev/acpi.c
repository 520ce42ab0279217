#include "boot_info.h"
#include "dev/acpi.h"
#include "lib/string.h"
#include "mm/vmap.h"

struct rsdp {
	char signature[8]; /* "RSD PTR " */
	uint8_t checksum;
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt;
	/* from revision 2 on */
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_checksum, reserved[3];
} __attribute__((packed));

#define RSDP_V1_SIZE 20
#define EBDA_SEGMENT 0x40e /* BIOS data area: where the extended one begins, in 16 bytes */
#define BIOS_START   0xe0000ul
#define BIOS_SIZE    0x20000ul
#define MAX_TABLE    (1ul << 20)

/* Cached mapping of any length at any address. Small ranges only: mappings are never given back. */
static const void *map_bytes(uint64_t phys, size_t n)
{
	uint64_t first = page_align_down(phys);
	const char *v = vmap_readonly(first, page_align_up(phys + n) - first);

	return v ? v + (phys - first) : NULL;
}

static bool sums_to_zero(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint8_t sum = 0;

	while (n--)
		sum = (uint8_t)(sum + *b++);
	return sum == 0;
}

static bool rsdp_valid(const struct rsdp *r)
{
	return !memcmp(r->signature, "RSD PTR ", 8) && sums_to_zero(r, RSDP_V1_SIZE);
}

/* Looks for an RSDP at every 16 bytes of a range of firmware memory. */
static const struct rsdp *scan(uint64_t phys, size_t size)
{
	const char *bytes = map_bytes(phys, size);

	for (size_t at = 0; bytes && at + sizeof(struct rsdp) <= size; at += 16) {
		const struct rsdp *r = (const void *)(bytes + at);

		if (rsdp_valid(r))
			return r;
	}
	return NULL;
}

/* The boot loader's pointer, else the search of section 5.2.5.1: the first KiB of the BIOS's
 * extended data area, then the BIOS itself. */
static const struct rsdp *find_rsdp(void)
{
	const struct rsdp *r = NULL;
	const uint16_t *ebda;

	if (boot_info.rsdp) {
		r = map_bytes(boot_info.rsdp, sizeof *r);
		if (r && rsdp_valid(r))
			return r;
		r = NULL;
	}
	ebda = map_bytes(EBDA_SEGMENT, sizeof *ebda);
	if (ebda && *ebda)
		r = scan((uint64_t)*ebda << 4, 1024);
	return r ? r : scan(BIOS_START, BIOS_SIZE);
}

const struct acpi_header *acpi_map(uint64_t phys, const char signature[4])
{
	const struct acpi_header *h = phys ? map_bytes(phys, sizeof *h) : NULL;

	if (!h || memcmp(h->signature, signature, 4))
		return NULL;
	if (h->length < sizeof *h || h->length > MAX_TABLE)
		return NULL;
	h = map_bytes(phys, h->length);
	return h && sums_to_zero(h, h->length) ? h : NULL;
}

const struct acpi_header *acpi_find(const char signature[4])
{
	const struct rsdp *r = find_rsdp();
	bool wide = r && r->revision >= 2 && r->xsdt;
	const struct acpi_header *root, *found = NULL;
	const char *entries;
	size_t size = wide ? 8 : 4, n;

	if (!r)
		return NULL;
	root = acpi_map(wide ? r->xsdt : r->rsdt, wide ? "XSDT" : "RSDT");
	if (!root)
		return NULL;
	entries = (const char *)(root + 1);
	n = (root->length - sizeof *root) / size;
	for (size_t i = 0; i < n && !found; i++) {
		uint64_t phys = 0;

		memcpy(&phys, entries + i * size, size);
		found = acpi_map(phys, signature);
	}
	return found;
}
