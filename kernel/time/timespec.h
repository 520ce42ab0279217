/* The program's struct timespec and struct timeval, as nanoseconds. Pure but for copying. */
#pragma once
#include <stdint.h>

#define NSEC_PER_SEC  1000000000ull
#define NSEC_PER_USEC 1000ull
/* The longest time: 292 years. Longer ones count as that, as in Linux (KTIME_MAX). */
#define NSEC_MAX ((uint64_t)INT64_MAX)

/* 0; -EFAULT; -EINVAL for a negative time or a fraction that is not below a second. */
int timespec_from_user(uint64_t *ns, uintptr_t from);
int timeval_from_user(uint64_t *ns, uintptr_t from);
/* 0 or -EFAULT. */
int timespec_to_user(uintptr_t to, uint64_t ns);
int timeval_to_user(uintptr_t to, uint64_t ns);

/* sec seconds and frac of 1/per seconds; -EINVAL as above. */
int time_to_ns(uint64_t *ns, int64_t sec, int64_t frac, int64_t per);
/* No more than NSEC_MAX. */
static inline uint64_t time_add(uint64_t a, uint64_t b)
{
	return b < NSEC_MAX && a < NSEC_MAX - b ? a + b : NSEC_MAX;
}
