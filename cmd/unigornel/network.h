/*
 * The machine's network: its interfaces, what they are connected to, their addresses, and the ports
 * of the host that lead to it. Flags of run and test, and the words of docs/image.md that they
 * become. What QEMU needs for it is in network_qemu.c.
 */
#pragma once
#include <argp.h>
#include <net/if.h>
#include <netinet/in.h>
#include "util.h"

#define MAX_INTERFACES 8 /* transports of a microvm */

enum attachment {
	ATTACH_DEFAULT, /* the first one, before the flags have said anything */
	ATTACH_USER,	/* QEMU's own NAT: no rights needed */
	ATTACH_TAP,
	ATTACH_BRIDGE /* Xen: a vif on a bridge of dom0 */
};

/* The network that QEMU makes for the machine, and who is who on it. */
struct user_net4 {
	struct in_addr net, machine, host, dns;
	unsigned prefix;
};
struct user_net6 {
	struct in6_addr net, host; /* 64 bits */
};

struct interface {
	enum attachment kind;
	char tap[IFNAMSIZ]; /* the device's name; of a bridge too, where "" is xl's own choice */
	const char *mac;    /* NULL: a fixed one, or one made from the tap's name */
	struct strv ip;	    /* ADDR/PREFIX, dhcp, auto, none, as given */
	bool has4, has6;    /* what --ip spoke of */
	bool raw;	    /* the kernel leaves it to the program */
	const char *pcap;   /* capture file on the host */
	struct user_net4 user4;
	struct user_net6 user6;
	int tap_fd; /* network_qemu.c */
};

/* A port of the host that leads to one of the machine. */
struct publish {
	const char *spec;		/* as given */
	char address[INET6_ADDRSTRLEN]; /* of the host, "" for any */
	bool v6, udp;
	uint16_t host, guest;
	uint16_t inner; /* v6: the port of 127.0.0.1 that QEMU forwards from (forward.h) */
};

struct network {
	bool none; /* --net none */
	struct interface interfaces[MAX_INTERFACES];
	unsigned n;   /* those that --net named; network_finish makes it final */
	bool touched; /* a flag asks for something of an interface */
	struct strv gateways, dns;
	struct publish *publish;
	size_t published;
};

/* Child parsers for command lines; their input is a struct network. The second has -p on top, which
 * means something else to `go test`. */
extern const struct argp network_argp, network_publish_argp;

/* True if the flags ask for an interface, or for something of one. */
bool network_asked(const struct network *flags);

/*
 * The network of one machine (allocated, for good), with what the flags left open settled.
 * by_default: the program uses the network, so it gets the standard one unless the flags say
 * otherwise: QEMU's user networking, or a bridge where the hypervisor has none. Exits where they
 * contradict each other.
 */
struct network *network_finish(const struct network *flags, bool by_default,
			       enum attachment standard);

/* Adds the words of the kernel's command line. After network_finish. */
void network_words(const struct network *n, struct strv *words);

/* The MAC address of interface i, "52:54:00:...". Allocated. */
char *network_mac(const struct network *n, unsigned i);
