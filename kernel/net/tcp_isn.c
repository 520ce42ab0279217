/* Initial sequence numbers and timestamp offsets that strangers cannot guess. */
#include "lib/random.h"
#include "lib/siphash.h"
#include "net/net.h"
#include "net/tcp.h"

static uint64_t isn_key[2], ts_key[2];

void tcp_isn_init(void)
{
	random_bytes(isn_key, sizeof isn_key);
	random_bytes(ts_key, sizeof ts_key);
}

/*
 * RFC 6528: ISN = M + F(tuple, secret). M counts 64 ns here (RFC 9293 3.4.1 asks for about 4 us):
 * fast peers may open a pair again before four minutes are over.
 */
uint32_t tcp_isn(const struct ip_addr *local, uint16_t lport, const struct ip_addr *remote,
		 uint16_t rport)
{
	struct {
		struct ip_addr local, remote;
		uint16_t lport, rport;
		uint32_t zero;
	} t = {*local, *remote, lport, rport, 0};

	return (uint32_t)siphash(isn_key, &t, sizeof t) + (uint32_t)(net_now() >> 6);
}

uint32_t tcp_ts_secret(const struct ip_addr *local, const struct ip_addr *remote)
{
	struct ip_addr pair[2] = {*local, *remote};

	return (uint32_t)siphash(ts_key, pair, sizeof pair);
}
