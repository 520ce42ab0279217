/*
 * The 2-level ABI: a bit for each channel in shared_info, and one for each word of those in
 * vcpu_info. Xen sets a channel's bit first and the word's then; we clear the word's first and look
 * at the channels then, so that no event falls between (xen.h, "struct vcpu_info").
 */
#include "hyper/xen/event_abi.h"
#include "hyper/xen/shared.h"
#include "lib/string.h"

#define BITS_PER_WORD 64u

static long start(void)
{
	memset(xen_shared.info.evtchn_mask, 0xff, sizeof xen_shared.info.evtchn_mask);
	return 0;
}

static long cover(evtchn_port_t port)
{
	(void)port;
	return 0;
}

static void mask(evtchn_port_t port)
{
	__atomic_fetch_or(&xen_shared.info.evtchn_mask[port / BITS_PER_WORD],
			  1ul << port % BITS_PER_WORD, __ATOMIC_SEQ_CST);
}

static void scan(void (*deliver)(evtchn_port_t port))
{
	struct shared_info *shared = &xen_shared.info;
	unsigned long words =
	    __atomic_exchange_n(&xen_vcpu_info.evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);

	for (; words; words &= words - 1) {
		unsigned w = (unsigned)__builtin_ctzl(words);
		unsigned long bits = __atomic_load_n(&shared->evtchn_pending[w], __ATOMIC_ACQUIRE) &
				     ~__atomic_load_n(&shared->evtchn_mask[w], __ATOMIC_RELAXED);

		for (; bits; bits &= bits - 1) {
			unsigned bit = (unsigned)__builtin_ctzl(bits);

			__atomic_fetch_and(&shared->evtchn_pending[w], ~(1ul << bit),
					   __ATOMIC_SEQ_CST);
			deliver(w * BITS_PER_WORD + bit);
		}
	}
}

const struct event_abi event_2l = {
    .name = "2-level",
    .nports = EVTCHN_2L_NR_CHANNELS,
    .start = start,
    .cover = cover,
    .mask = mask,
    .scan = scan,
};
