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

static uint32_t hash(const uint64_t key[2], const struct ip_addr *local, uint16_t lport,
		     const struct ip_addr *remote, uint16_t rport)
{
	struct {
		struct ip_addr local, remote;
		uint16_t lport, rport;
		uint32_t zero;
	} t = {*local, *remote, lport, rport, 0};

	return (uint32_t)siphash(key, &t, sizeof t);
}

/*
 * RFC 6528: ISN = M + F(tuple, secret). M counts 64 ns here (RFC 9293 3.4.1 asks for about 4 us):
 * fast peers may open a pair again before four minutes are over.
 */
uint32_t tcp_isn(const struct ip_addr *local, uint16_t lport, const struct ip_addr *remote,
		 uint16_t rport)
{
	return hash(isn_key, local, lport, remote, rport) + (uint32_t)(net_now() >> 6);
}

uint32_t tcp_ts_secret(const struct ip_addr *local, uint16_t lport, const struct ip_addr *remote,
		       uint16_t rport)
{
	return hash(ts_key, local, lport, remote, rport);
}
