/* Timestamps of received packets as control messages: socket(7), SO_TIMESTAMP;
 * Documentation/networking/timestamping.rst. */
#include <linux/net_tstamp.h>
#include "net/inet_dgram.h"
#include "net/net.h"
#include "time/clock.h"

void socket_put_stamps(struct socket *so, struct socket_msg *m, uint64_t stamp)
{
	if (!stamp)
		stamp = clock_realtime();
	so->stamp = stamp;
	int64_t t[6] = {(int64_t)(stamp / 1000000000u), (int64_t)(stamp % 1000000000u)};
	if (so->timestampns) {
		cmsg_put(m, SOL_SOCKET, SO_TIMESTAMPNS_OLD, t, 16);
	} else if (so->timestamp) {
		int64_t us[2] = {t[0], t[1] / 1000};
		cmsg_put(m, SOL_SOCKET, SO_TIMESTAMP_OLD, us, sizeof us);
	}
	/* Software, (unused), hardware. */
	if (so->timestamping & SOF_TIMESTAMPING_SOFTWARE)
		cmsg_put(m, SOL_SOCKET, SO_TIMESTAMPING_OLD, t, sizeof t);
}
