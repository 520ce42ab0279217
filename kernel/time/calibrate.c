#include "lib/muldiv.h"
#include "time/calibrate.h"

bool calib_point(struct calib_point *p, const struct calib_sample s[CALIB_BURST])
{
	uint32_t tightest = UINT32_MAX;
	bool moved = false;

	for (unsigned i = 0; i < CALIB_BURST; i++) {
		if (s[i].window < tightest)
			tightest = s[i].window;
		moved = moved || s[i].count != s[0].count;
	}
	*p = (struct calib_point){
	    .tsc = s[0].tsc, .phase = (uint16_t)-s[0].count, .window = tightest};
	for (unsigned i = 0; i < CALIB_BURST; i++) {
		/* A wide window: the host ran something else meanwhile. */
		if (s[i].window > tightest + tightest / 4)
			continue;
		p->sum_tsc += s[i].tsc - s[0].tsc;
		p->sum_count += (uint16_t)(s[0].count - s[i].count);
		p->n++;
	}
	return moved;
}

uint64_t calib_hz(const struct calib_point *a, const struct calib_point *b, uint64_t guess)
{
	uint64_t n = (uint64_t)a->n * b->n, ticks, counts, hz;

	ticks = b->tsc - a->tsc;
	counts = (uint16_t)(b->phase - a->phase);
	if (guess) {
		/* The number of counts nearest to what the guess says that ends in the phase seen.
		 */
		uint64_t expected = muldiv(ticks, PIT_HZ, guess);

		counts = expected + (uint64_t)(int16_t)(uint16_t)(counts - expected);
	}
	/* The means' distances, times n. */
	ticks = ticks * n + b->sum_tsc * a->n - a->sum_tsc * b->n;
	counts = counts * n + b->sum_count * a->n - a->sum_count * b->n;
	if (!counts)
		return 0;
	hz = muldiv(ticks, PIT_HZ, counts);
	if (guess && (hz > guess + guess / 500 || hz < guess - guess / 500))
		return 0;
	return hz;
}
