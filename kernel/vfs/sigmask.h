/* The signal mask and deadline arguments of ppoll, pselect6, epoll_pwait and epoll_pwait2. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Puts the program's mask in force for the wait that follows; mask 0: nothing. -EINVAL, -EFAULT. */
long sigmask_begin(uintptr_t mask, size_t size);
/* After the wait: restores the mask, unless the wait was interrupted (-EINTR): then the delivery of
 * the signal does. Returns result. Call only if begin returned 0. */
long sigmask_end(long result);

/* An absolute monotonic deadline from the program's relative struct timespec; NULL: for ever; zero
 * time: 0, which means do not wait. -EFAULT, -EINVAL. */
long deadline_timespec(uintptr_t timeout, uint64_t *deadline);
