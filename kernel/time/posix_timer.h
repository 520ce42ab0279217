/* Between timers and signals. */
#pragma once

/* A signal with SI_TIMER is about to be delivered: what timer_getoverrun(2) answers from now on.
 * Called with signal_lock held. */
void posix_timer_taken(int id, int overrun);
