/* DHCP messages: taking them apart and putting them together (RFC 2131 section 2, RFC 2132). Pure.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "net/addr.h"
#include "net/resolvconf.h"

#define DHCP_SERVER_PORT 67
#define DHCP_CLIENT_PORT 68

enum dhcp_type {
	DHCPDISCOVER = 1,
	DHCPOFFER,
	DHCPREQUEST,
	DHCPDECLINE,
	DHCPACK,
	DHCPNAK,
};

/* The fixed part; all in network order. */
struct __attribute__((packed)) dhcp_header {
	uint8_t op, htype, hlen, hops;
	be32_t xid;
	be16_t secs, flags;
	be32_t ciaddr, yiaddr, siaddr, giaddr;
	uint8_t chaddr[16];
	uint8_t sname[64], file[128];
	be32_t cookie;
};

/* The size that relays and servers of old expect at least (BOOTP), and the largest we send. */
#define DHCP_MIN_SIZE 300
#define DHCP_MAX_SIZE 576
/* The largest that we take. */
#define DHCP_MAX_INPUT 1500

#define DHCP_ROUTES_MAX 24
#define DHCP_NTP_MAX	3

struct dhcp_route {
	be32_t dst, gateway; /* gateway 0: on link */
	uint8_t prefix;
};

/* What an answer says, in host order where not be32_t. Lists are cut at their room. */
struct dhcp_answer {
	uint8_t type;
	bool rapid;    /* RFC 4039: an acknowledgement without a request */
	be32_t addr;   /* yiaddr */
	be32_t server; /* server identifier; 0: none */
	uint8_t prefix;
	uint32_t lease, t1, t2; /* seconds; 0: not given */
	uint16_t mtu;		/* 0: not given */
	struct dhcp_route route[DHCP_ROUTES_MAX];
	unsigned nroutes;
	struct ip_addr dns[DNS_SERVERS_MAX];
	unsigned ndns;
	be32_t ntp[DHCP_NTP_MAX];
	unsigned nntp;
	char search[DNS_SEARCH_MAX]; /* names separated by blanks */
	char hostname[64];	     /* not terminated if full */
};

/* Reads an answer to xid for mac. False if it is none or is malformed where it matters. */
bool dhcp_parse(const uint8_t *m, size_t n, be32_t xid, const uint8_t mac[6],
		struct dhcp_answer *a);

struct dhcp_request {
	enum dhcp_type type;
	be32_t xid;
	uint16_t secs;
	bool broadcast;			  /* the answer cannot be sent to an address of ours */
	be32_t ciaddr, requested, server; /* 0: leave out */
	uint16_t max_size;
	const char *hostname; /* NULL: say none */
	const uint8_t *mac;
};

/* Writes the message; its length. */
size_t dhcp_build(const struct dhcp_request *r, uint8_t out[DHCP_MAX_SIZE]);
