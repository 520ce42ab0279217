/* getrandom(2). */
#include <asm/errno.h>
#include <linux/random.h>
#include "lib/random.h"
#include "lib/string.h"
#include "mm/uaccess.h"
#include "sched/thread.h"
#include "signal/signal.h"
#include "time/sys_time.h"

long sys_getrandom(uintptr_t to, size_t n, unsigned flags)
{
	const unsigned known = GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE;
	uint8_t buf[256];
	size_t done = 0;

	if (flags & ~known ||
	    (flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	if (n > INT32_MAX)
		n = INT32_MAX;
	while (done < n) {
		size_t chunk = n - done < sizeof buf ? n - done : sizeof buf;

		random_bytes(buf, chunk);
		if (copy_to_user(to + done, buf, chunk)) {
			if (!done)
				return -EFAULT;
			break;
		}
		done += chunk;
		/* A long request ends early at a signal, and lets others run. */
		if (done % 65536 == 0) {
			if (signal_deliverable(current))
				break;
			thread_yield();
		}
	}
	memset(buf, 0, sizeof buf);
	__asm__ volatile("" : : "r"(buf) : "memory");
	return (long)done;
}
