#include "dev/rtc.h"

#define B_24_HOURS 0x02
#define B_BINARY   0x04
#define HOUR_PM	   0x80

static unsigned from_bcd(unsigned v)
{
	return (v >> 4) * 10 + (v & 15);
}

/* Days from 1970-01-01 to a date of the Gregorian calendar. Years begin in March here, so that the
 * leap day is the last of its year and month lengths follow one line. */
static int64_t days_from_date(int64_t year, unsigned month, unsigned day)
{
	unsigned march_month = (month + 9) % 12;

	if (month <= 2)
		year--;
	return year * 365 + year / 4 - year / 100 + year / 400 + (153 * march_month + 2) / 5 + day -
	       1 - 719468;
}

bool rtc_decode(const struct rtc_registers *r, int64_t *seconds)
{
	bool binary = r->status_b & B_BINARY, pm = false;
	unsigned hour = r->hour, v[7], year;

	if (!(r->status_b & B_24_HOURS)) {
		pm = hour & HOUR_PM;
		hour &= ~(unsigned)HOUR_PM;
	}
	v[0] = r->second;
	v[1] = r->minute;
	v[2] = hour;
	v[3] = r->day;
	v[4] = r->month;
	v[5] = r->year;
	v[6] = r->century;
	for (unsigned i = 0; i < 7 && !binary; i++)
		v[i] = from_bcd(v[i]);
	if (!(r->status_b & B_24_HOURS)) {
		if (v[2] < 1 || v[2] > 12)
			return false;
		v[2] = v[2] % 12 + (pm ? 12 : 0);
	}
	/* A century register is an addition of some PCs: believe it if it holds one. */
	year = v[5] + (v[6] >= 19 && v[6] <= 22 ? v[6] * 100 : v[5] < 70 ? 2000 : 1900);
	if (v[0] > 59 || v[1] > 59 || v[2] > 23 || v[3] < 1 || v[3] > 31 || v[4] < 1 || v[4] > 12 ||
	    v[5] > 99)
		return false;
	*seconds = days_from_date(year, v[4], v[3]) * 86400 + v[2] * 3600 + v[1] * 60 + v[0];
	return true;
}
