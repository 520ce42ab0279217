/* TCP_INFO. */
#include "net/tcp.h"

static uint32_t ms_since(uint64_t t)
{
	return (uint32_t)((tcp_now - (t && t < tcp_now ? t : tcp_now)) / MS);
}

static uint32_t segments(const struct tcp_sock *tp, uint32_t bytes)
{
	return (bytes + tp->mss - 1) / tp->mss;
}

void tcp_fill_info(struct tcp_sock *tp, struct tcp_info *i)
{
	memset(i, 0, sizeof *i);
	i->tcpi_state = tp->state;
	if (tp->state == TCP_LISTEN) {
		i->tcpi_unacked = tp->accept_len;
		i->tcpi_sacked = tp->backlog;
		return;
	}
	i->tcpi_ca_state = tp->ca_state;
	i->tcpi_retransmits = tp->retransmits;
	i->tcpi_probes = tp->probes_out;
	i->tcpi_backoff = tp->backoff;
	i->tcpi_options =
	    (uint8_t)((tp->ts_ok ? TCPI_OPT_TIMESTAMPS : 0) | (tp->sack_ok ? TCPI_OPT_SACK : 0) |
		      (tp->wscale_ok ? TCPI_OPT_WSCALE : 0));
	i->tcpi_snd_wscale = tp->snd_wscale & 15u;
	i->tcpi_rcv_wscale = tp->rcv_wscale & 15u;
	i->tcpi_rto = (uint32_t)(tp->rto / 1000);
	i->tcpi_ato = (uint32_t)(TCP_DELACK / 1000);
	i->tcpi_snd_mss = tp->mss;
	i->tcpi_rcv_mss = tp->rcv_mss;
	i->tcpi_unacked = segments(tp, tp->snd_nxt - tp->snd_una);
	i->tcpi_sacked = segments(tp, tp->in_flight_sacked);
	i->tcpi_lost = segments(tp, tp->lost_out);
	i->tcpi_retrans = segments(tp, tp->retrans_out);
	i->tcpi_last_data_sent = ms_since(tp->last_sent);
	i->tcpi_last_data_recv = ms_since(tp->last_recv);
	i->tcpi_last_ack_recv = ms_since(tp->last_ack_time);
	i->tcpi_pmtu = tp->pmtu;
	i->tcpi_rcv_ssthresh = tcp_rcv_wnd(tp);
	i->tcpi_rtt = (uint32_t)(tp->srtt / 1000);
	i->tcpi_rttvar = (uint32_t)(tp->rttvar / 1000);
	i->tcpi_snd_ssthresh =
	    tp->cc.ssthresh == UINT32_MAX ? 0x7fffffff : segments(tp, tp->cc.ssthresh);
	i->tcpi_snd_cwnd = tp->cc.cwnd / tp->mss;
	i->tcpi_advmss = tp->adv_mss;
	i->tcpi_reordering = tp->reordering;
	i->tcpi_rcv_rtt = (uint32_t)(tp->rcv_rtt / 1000);
	i->tcpi_rcv_space = tp->rcvq_space;
	i->tcpi_total_retrans = tp->total_retrans;
	i->tcpi_pacing_rate = UINT64_MAX;
	i->tcpi_max_pacing_rate = tp->inet.so.max_pacing_rate;
	i->tcpi_bytes_acked = tp->bytes_acked;
	i->tcpi_bytes_received = tp->bytes_received;
	i->tcpi_segs_out = tp->segs_out;
	i->tcpi_segs_in = tp->segs_in;
	i->tcpi_notsent_bytes = tp->write_seq - tp->snd_nxt;
	i->tcpi_min_rtt = tp->min_rtt == UINT64_MAX ? UINT32_MAX : (uint32_t)(tp->min_rtt / 1000);
	i->tcpi_data_segs_in = tp->data_in;
	i->tcpi_data_segs_out = tp->data_out;
	i->tcpi_delivered = segments(tp, tp->delivered);
	i->tcpi_bytes_sent = tp->bytes_sent;
	i->tcpi_bytes_retrans = tp->bytes_retrans;
	i->tcpi_dsack_dups = tp->dsack_dups;
	i->tcpi_reord_seen = tp->reord_seen;
	i->tcpi_rcv_ooopack = tp->ooo_packets;
	i->tcpi_snd_wnd = tp->snd_wnd;
}
