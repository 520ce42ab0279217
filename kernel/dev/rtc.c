#include "arch/x86_64/cpu.h"
#include "arch/x86_64/io.h"
#include "dev/rtc.h"
#include "lib/string.h"

#define CMOS_INDEX 0x70
#define CMOS_DATA  0x71

enum {
	CMOS_SECOND = 0,
	CMOS_MINUTE = 2,
	CMOS_HOUR = 4,
	CMOS_DAY = 7,
	CMOS_MONTH = 8,
	CMOS_YEAR = 9,
	CMOS_STATUS_A = 10,
	CMOS_STATUS_B = 11,
	CMOS_CENTURY = 0x32,
};

#define A_UPDATING 0x80

static uint8_t cmos(uint8_t index)
{
	outb(CMOS_INDEX, index);
	return inb(CMOS_DATA);
}

static void read_registers(struct rtc_registers *r)
{
	r->second = cmos(CMOS_SECOND);
	r->minute = cmos(CMOS_MINUTE);
	r->hour = cmos(CMOS_HOUR);
	r->day = cmos(CMOS_DAY);
	r->month = cmos(CMOS_MONTH);
	r->year = cmos(CMOS_YEAR);
	r->century = cmos(CMOS_CENTURY);
	r->status_b = cmos(CMOS_STATUS_B);
}

bool rtc_read(int64_t *seconds)
{
	struct rtc_registers a, b;

	/* An update takes 2 ms and is announced 244 us before. Whoever is interrupted between
	 * looking and reading gets a torn date: so read until two readings agree. */
	for (unsigned i = 0; i < 10000 && (cmos(CMOS_STATUS_A) & A_UPDATING); i++)
		cpu_relax();
	read_registers(&a);
	for (unsigned i = 0; i < 10; i++) {
		read_registers(&b);
		if (!memcmp(&a, &b, sizeof a))
			return rtc_decode(&a, seconds);
		a = b;
	}
	return false;
}
