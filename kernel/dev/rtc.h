/* The battery clock of a PC (Motorola MC146818A; IBM PC AT technical reference). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Registers as read; century 0 if the machine has none. */
struct rtc_registers {
	uint8_t second, minute, hour, day, month, year, century;
	uint8_t status_b;
};

/* Seconds since 1970, or false if this is no time of day. Pure. */
bool rtc_decode(const struct rtc_registers *r, int64_t *seconds);

/* Seconds since 1970 now (up to one too few: the chip knows no fractions), or false: no clock. */
bool rtc_read(int64_t *seconds);
