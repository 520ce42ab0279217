/*
 * The words of the command line about the network (docs/image.md): parsed once at boot, constant
 * afterwards. Pure.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <linux/if.h>
#include "net/addr.h"

/* The words' names: X for each, which is followed by "=". */
#define NETWORDS(X) X(ip) X(gateway) X(dns) X(mtu) X(search) X(net)

#define NETWORDS_ADDRS	  32
#define NETWORDS_GATEWAYS 8
#define NETWORDS_DNS	  8
#define NETWORDS_SEARCH	  6 /* what resolver(5) used to read */
#define NETWORDS_IFS	  8

enum net_method { NET_STATIC, NET_DHCP, NET_AUTO, NET_NONE };

struct networds {
	struct netword_ip {
		char ifname[IFNAMSIZ];
		enum net_method method;
		struct ip_addr addr; /* NET_STATIC */
		uint8_t prefix;	     /* in the address's own family */
	} ip[NETWORDS_ADDRS];
	unsigned nip;
	struct netword_addr {
		char ifname[IFNAMSIZ]; /* after %, else empty */
		struct ip_addr addr;
	} gateway[NETWORDS_GATEWAYS], dns[NETWORDS_DNS];
	unsigned ngateway, ndns;
	const char *search[NETWORDS_SEARCH];
	unsigned nsearch;
	struct netword_if {
		char ifname[IFNAMSIZ];
		uint32_t mtu; /* 0: not given */
		bool raw;
	} ifs[NETWORDS_IFS];
	unsigned nifs;
};

extern struct networds networds;

/* Takes word (kept) into networds. True if it is one of ours; *error is then NULL or says what is
 * wrong with it. */
bool networds_parse(const char *word, const char **error);
/* Forgets all. */
void networds_reset(void);
