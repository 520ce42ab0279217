/* The timeouts of calls that wait, as deadlines on the monotonic clock. */
#pragma once
#include <stdint.h>

/* An absolute monotonic deadline from the program's relative struct timespec; NULL: for ever; zero
 * time: 0, which means do not wait. -EFAULT, -EINVAL. */
long deadline_timespec(uintptr_t timeout, uint64_t *deadline);
