/* What the files of the harness share. */
#pragma once
#include "packet.h"

/* frame.c */
struct tcp_view {
	struct ip_view ip;
	uint16_t lport, rport;
	uint32_t seq, ack, window, urg;
	uint8_t flags;
	const uint8_t *options, *payload;
	unsigned options_len, len;
	double ms;
};
/* The next TCP segment to this peer and port (0: any SYN), out of the queue; false: none. The view
 * is good until the next call. */
bool tcp_take(const struct address *remote, uint16_t rport, uint16_t lport, bool peek,
	      struct tcp_view *t);
unsigned tcp_drop_all(uint16_t rport);
void frames_init(void);
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_dump(void);
extern bool log_now; /* print at once */
/* segment.c */
void segment_log(bool incoming, const struct tcp_view *t);
const char *flags_text(uint8_t flags, char *out);
/* Events of the peer: a frame that arrives later. */
void event_add(double ms, void (*func)(void *), void *arg);
void events_clear(void);
uint8_t pattern_at(uint32_t position);
extern void (*frame_tap)(const uint8_t *f, size_t len); /* takes frames instead of the queue */
