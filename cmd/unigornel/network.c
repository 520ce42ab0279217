#include "network.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The machine's address under user networking, QEMU's own choice; one network an interface. */
#define USER_IP4 "10.0.%u.15/24"
#define USER_IP6 "fec0:0:0:%x::15/64"

enum { KEY_NET = 0x4000, KEY_IP, KEY_GATEWAY, KEY_DNS, KEY_MAC, KEY_PCAP, KEY_RAW };

static const struct argp_option options[] = {
    {"net", KEY_NET, "user|tap=NAME|bridge=NAME|none", 0,
     "The machine's network interface: QEMU's user networking (the machine reaches what we reach; "
     "-p lets others reach it), a tap device of the host, on Xen a bridge of dom0 (xenbr0), or "
     "none. Repeated: eth0, eth1, ... Default if the program uses the network: user, on Xen the "
     "bridge that xl takes; else none",
     0},
    {"ip", KEY_IP, "ADDR/PREFIX|dhcp", 0,
     "Address of the interface named before (of eth0 if there is none before), IPv4 or IPv6; may "
     "be repeated. Default with a tap or bridge: DHCP and IPv6 router advertisements",
     0},
    {"gateway", KEY_GATEWAY, "ADDR", 0, "The router that leads elsewhere; may be repeated", 0},
    {"dns", KEY_DNS, "ADDR", 0, "A name server for /etc/resolv.conf; may be repeated", 0},
    {"mac", KEY_MAC, "ADDR", 0, "Link address of the interface named before", 0},
    {"raw", KEY_RAW, NULL, 0,
     "Leave the interface named before to the program: raw frames (AF_PACKET), no addresses", 0},
    {"pcap", KEY_PCAP, "FILE", 0,
     "Write what passes the interface named before to FILE, for Wireshark or tcpdump -r (a tap "
     "then works without offload, so that the capture has what the wire has)",
     0},
    {0},
};

static const struct argp_option publish_options[] = {
    {"publish", 'p', "[ADDR:]PORT:GUESTPORT[/udp]", 0,
     "A port of the host leads to one of the machine, as with docker; port 0 of the host: any "
     "free one; may be repeated",
     0},
    {"p", 0, NULL, OPTION_ALIAS | OPTION_HIDDEN, NULL, 0},
    {0},
};

/* The interface that flags speak of: the last one named, or eth0. */
static struct interface *current(struct network *n)
{
	n->touched = true;
	return &n->interfaces[n->n ? n->n - 1 : 0];
}

static void add_interface(struct network *n, const char *arg)
{
	if (!strcmp(arg, "none")) {
		n->none = true;
		return;
	}
	bool bridge = starts_with(arg, "bridge=");
	const char *tap = bridge ? arg + 7 : starts_with(arg, "tap=") ? arg + 4 : NULL;
	if (!tap && strcmp(arg, "user"))
		die("--net %s: it is user, tap=NAME, bridge=NAME or none", arg);
	if (tap && (!*tap || strlen(tap) >= IFNAMSIZ || strpbrk(tap, "/ \t\n%,'\"")))
		die("--net %s: the name of a %s is needed (%s)", arg,
		    bridge ? "bridge" : "tap device",
		    bridge ? "ip link show type bridge" : "ip tuntap show");
	if (n->n == MAX_INTERFACES)
		die("--net: a machine has at most %d interfaces", MAX_INTERFACES);
	struct interface *i = &n->interfaces[n->n++];
	i->kind = bridge ? ATTACH_BRIDGE : tap ? ATTACH_TAP : ATTACH_USER;
	if (tap)
		memcpy(i->tap, tap, strlen(tap) + 1);
}

/* 4 or 6, or 0 if text is no numeric address. */
static int family(const char *text)
{
	struct in6_addr a;
	return inet_pton(AF_INET, text, &a) == 1 ? 4 : inet_pton(AF_INET6, text, &a) == 1 ? 6 : 0;
}

static void add_ip(struct interface *i, const char *arg)
{
	if (i->ip.n && (!strcmp(arg, "none") || strv_contains(&i->ip, "none")))
		die("--ip none: but another --ip gives the interface an address");
	strv_add(&i->ip, arg);
	if (!strcmp(arg, "dhcp") || !strcmp(arg, "auto") || !strcmp(arg, "none")) {
		i->has4 |= strcmp(arg, "auto") != 0;
		i->has6 |= strcmp(arg, "dhcp") != 0;
		return;
	}
	const char *slash = strchr(arg, '/');
	char *address = xstrdup(arg), *end = NULL;
	address[strcspn(address, "/")] = 0;
	int f = family(address);
	if (!f)
		die("--ip %s: an address like 10.0.0.2/24 or fd00::2/64 is needed, or dhcp", arg);
	if (!slash)
		die("--ip %s: the length of the network's prefix is needed, as in %s/%d", arg, arg,
		    f == 4 ? 24 : 64);
	unsigned long prefix =
	    slash[1] >= '0' && slash[1] <= '9' ? strtoul(slash + 1, &end, 10) : 0;
	if (!prefix || *end || prefix > (f == 4 ? 32 : 128))
		die("--ip %s: the prefix is 1 to %d bits long", arg, f == 4 ? 32 : 128);
	*(f == 4 ? &i->has4 : &i->has6) = true;
	free(address);
}

static void add_address(struct strv *list, const char *flag, const char *arg)
{
	char *address = xstrdup(arg); /* fe80::1%eth0 */
	address[strcspn(address, "%")] = 0;
	if (!family(address))
		die("%s %s: a numeric address is needed", flag, arg);
	free(address);
	strv_add(list, arg);
}

static const char *check_mac(const char *arg)
{
	size_t digits = 0, n = strlen(arg);
	for (size_t i = 0; i < n; i++)
		digits +=
		    i % 3 == 2 ? arg[i] == ':' : strchr("0123456789abcdefABCDEF", arg[i]) != 0;
	if (n != 17 || digits != 17)
		die("--mac %s: an address like 52:54:00:12:34:56 is needed", arg);
	if (!strcmp(arg, "00:00:00:00:00:00"))
		die("--mac %s: this is nobody's address", arg);
	if (strchr("13579bdfBDF", arg[1]))
		die("--mac %s: this is a group's address (its first byte is odd)", arg);
	return arg;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct network *n = state->input;
	switch (key) {
	case KEY_NET:
		add_interface(n, arg);
		return 0;
	case KEY_IP:
		add_ip(current(n), arg);
		return 0;
	case KEY_GATEWAY:
		current(n);
		add_address(&n->gateways, "--gateway", arg);
		return 0;
	case KEY_DNS:
		current(n);
		add_address(&n->dns, "--dns", arg);
		return 0;
	case KEY_MAC:
		current(n)->mac = check_mac(arg);
		return 0;
	case KEY_PCAP:
		if (!*arg || strchr(arg, ','))
			die("--pcap %s: the name of a file without commas is needed", arg);
		current(n)->pcap = arg;
		return 0;
	case KEY_RAW:
		current(n)->raw = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* A decimal port that ends at `end`; -1 if it is none. */
static int port(const char *text, const char *end)
{
	int value = 0;
	if (text == end || end - text > 5)
		return -1;
	for (; text < end; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		value = value * 10 + (*text - '0');
	}
	return value <= 65535 ? value : -1;
}

/* [ADDR:]PORT:GUESTPORT[/udp], ADDR numeric, of IPv6 in brackets. */
static void add_publish(struct network *n, const char *arg)
{
	struct publish p = {.spec = arg};
	const char *end = strchr(arg, '/') ? strchr(arg, '/') : arg + strlen(arg);
	if (*end && strcmp(end, "/udp") && strcmp(end, "/tcp"))
		die("-p %s: the protocol is tcp or udp", arg);
	p.udp = !strcmp(end, "/udp");
	char *text = xasprintf("%.*s", (int)(end - arg), arg), *host = text, *address = NULL;
	char *colon = strrchr(text, ':');
	int guest = colon ? port(colon + 1, text + strlen(text)) : -1;
	if (colon) {
		*colon = 0;
		char *before = strrchr(text, ':');
		if (before && *text != '[') {
			*before = 0;
			address = text;
			host = before + 1;
		} else if (*text == '[') {
			char *close = strchr(text, ']');
			if (!close || close[1] != ':')
				die("-p %s: [ADDR]:PORT:GUESTPORT is needed", arg);
			*close = 0;
			address = text + 1;
			host = close + 2;
			p.v6 = true;
		}
	}
	int host_port = colon ? port(host, host + strlen(host)) : -1;
	if (guest <= 0 || host_port < 0)
		die("-p %s: PORT:GUESTPORT is needed, for instance 8080:80 (port 8080 of the host "
		    "is "
		    "port 80 of the machine)",
		    arg);
	if (address && !strcmp(address, "localhost"))
		address = "127.0.0.1";
	if (address && strcmp(address, "*") && *address) {
		if (family(address) != (p.v6 ? 6 : 4))
			die("-p %s: %s is no address of the host (IPv6 in brackets)", arg, address);
		strcpy(p.address, address);
	}
	free(text);
	p.host = (uint16_t)host_port;
	p.guest = (uint16_t)guest;
	for (size_t i = 0; i < n->published; i++)
		if (p.host && n->publish[i].host == p.host && n->publish[i].udp == p.udp &&
		    n->publish[i].v6 == p.v6 && !strcmp(n->publish[i].address, p.address))
			die("-p %s: -p %s has this port of the host already", arg,
			    n->publish[i].spec);
	n->publish = xrealloc(n->publish, (n->published + 1) * sizeof p);
	n->publish[n->published++] = p;
}

static error_t parse_publish(int key, char *arg, struct argp_state *state)
{
	if (key == ARGP_KEY_INIT)
		state->child_inputs[0] = state->input;
	if (key != 'p')
		return ARGP_ERR_UNKNOWN;
	add_publish(state->input, arg);
	return 0;
}

static const struct argp_child of_publish[] = {{&network_argp, 0, NULL, 0}, {0}};

const struct argp network_argp = {options, parse, NULL, NULL, NULL, NULL, NULL};
const struct argp network_publish_argp = {publish_options, parse_publish, NULL, NULL,
					  of_publish,	   NULL,	  NULL};

/* The first address of the family among those of --ip, "ADDR/PREFIX"; NULL if there is none. */
static const char *first_ip(const struct interface *f, int wanted)
{
	for (size_t i = 0; i < f->ip.n; i++)
		if (strchr(f->ip.v[i], '/') && (strchr(f->ip.v[i], ':') ? 6 : 4) == wanted)
			return f->ip.v[i];
	return NULL;
}

/*
 * The network that QEMU makes around the machine's address: the address without its host part, and
 * the first two addresses from .2 on that are free for QEMU itself and for its name server.
 */
static void settle_user4(struct interface *f, const char *ip)
{
	char *text = xstrdup(ip), *slash = strchr(text, '/');
	struct in_addr a;
	*slash = 0;
	unsigned prefix = (unsigned)atoi(slash + 1);
	inet_pton(AF_INET, text, &a);
	uint32_t own = ntohl(a.s_addr), mask = prefix ? UINT32_MAX << (32 - prefix) : 0;
	if (prefix < 8 || prefix > 29 || !(own & ~mask) || !(~own & ~mask))
		die("--ip %s: user networking needs a host's address in a network of 8 to 29 bits",
		    ip);
	uint32_t free_one = (own & mask) + 2, role[2];
	for (int i = 0; i < 2; i++) {
		free_one += free_one == own;
		role[i] = free_one++;
	}
	f->user4 = (struct user_net4){.net = {htonl(own & mask)},
				      .prefix = prefix,
				      .machine = a,
				      .host = {htonl(role[0])},
				      .dns = {htonl(role[1])}};
	free(text);
}

static void settle_user6(struct interface *f, const char *ip)
{
	char *text = xstrdup(ip), *slash = strchr(text, '/');
	struct in6_addr a;
	*slash = 0;
	inet_pton(AF_INET6, text, &a);
	if (strcmp(slash + 1, "64"))
		die("--ip %s: user networking has networks of 64 bits", ip);
	memset(&a.s6_addr[8], 0, 8);
	f->user6.net = f->user6.host = a;
	f->user6.host.s6_addr[15] = inet_pton(AF_INET6, text, &a) && a.s6_addr[15] == 2 ? 3 : 2;
	free(text);
}

/* The nth interface with user networking. */
static void settle_user(struct interface *f, unsigned nth)
{
	char *ip4 = xasprintf(USER_IP4, 2 + nth), *ip6 = xasprintf(USER_IP6, nth);
	settle_user4(f, first_ip(f, 4) ? first_ip(f, 4) : ip4);
	settle_user6(f, first_ip(f, 6) ? first_ip(f, 6) : ip6);
	/* Its addresses are known: nothing has to wait for DHCP. */
	if (!f->has4 && !f->raw)
		strv_add(&f->ip, ip4);
	if (!f->has6 && !f->raw)
		strv_add(&f->ip, ip6);
	free(ip4);
	free(ip6);
}

bool network_asked(const struct network *flags)
{
	return flags->n || flags->touched || flags->published;
}

struct network *network_finish(const struct network *flags, bool by_default,
			       enum attachment standard)
{
	struct network *n = xmalloc(sizeof *n);
	*n = *flags;
	for (unsigned i = 0; i < MAX_INTERFACES; i++) {
		n->interfaces[i].ip = (struct strv){0};
		strv_append(&n->interfaces[i].ip, &flags->interfaces[i].ip);
	}
	if (n->none && n->n)
		die("--net none: but another --net asks for an interface");
	if (n->none && n->published)
		die("-p %s: a machine with --net none has no ports", n->publish[0].spec);
	if (n->none && n->touched)
		die("--net none: --ip, --gateway, --dns, --mac, --raw and --pcap need an "
		    "interface");
	if (!n->n && !n->none && (network_asked(n) || by_default)) {
		n->interfaces[0].kind = standard;
		n->n = 1;
	}
	unsigned users = 0;
	for (unsigned i = 0; i < n->n; i++) {
		struct interface *f = &n->interfaces[i];
		f->tap_fd = -1;
		if (f->raw && f->ip.n)
			die("--raw: an interface that is left to the program has no --ip");
		for (unsigned j = 0; j < i; j++)
			if (f->kind == ATTACH_TAP && !strcmp(f->tap, n->interfaces[j].tap))
				die("--net tap=%s is there twice", f->tap);
		if (f->kind != ATTACH_USER)
			continue;
		settle_user(f, users++);
	}
	if (n->published && !users)
		die("-p %s: with a tap or a bridge the machine has an address of its own, and all "
		    "its ports; -p is for --net user",
		    n->publish[0].spec);
	return n;
}

static bool has_family(const struct strv *list, int wanted)
{
	for (size_t i = 0; i < list->n; i++)
		if ((strchr(list->v[i], ':') ? 6 : 4) == wanted)
			return true;
	return false;
}

void network_words(const struct network *n, struct strv *words)
{
	const struct interface *leader[2] = {NULL, NULL}; /* static, user: IPv4, IPv6 */
	char text[INET6_ADDRSTRLEN];
	for (unsigned i = 0; i < n->n; i++) {
		const struct interface *f = &n->interfaces[i];
		if (f->raw) {
			strv_addf(words, "net=eth%u:raw", i);
			continue;
		}
		for (size_t j = 0; j < f->ip.n; j++)
			strv_addf(words, "ip=eth%u:%s", i, f->ip.v[j]);
		/* A given IPv4 address says nothing against IPv6; nothing waits for it. */
		if (f->kind != ATTACH_USER && f->has4 && !f->has6)
			strv_addf(words, "ip=eth%u:auto", i);
		if (f->kind != ATTACH_USER)
			continue;
		if (!leader[0] && first_ip(f, 4))
			leader[0] = f;
		if (!leader[1] && first_ip(f, 6))
			leader[1] = f;
	}
	for (size_t i = 0; i < n->gateways.n; i++)
		strv_addf(words, "gateway=%s", n->gateways.v[i]);
	if (leader[0] && !has_family(&n->gateways, 4))
		strv_addf(words, "gateway=%s",
			  inet_ntop(AF_INET, &leader[0]->user4.host, text, sizeof text));
	if (leader[1] && !has_family(&n->gateways, 6))
		strv_addf(words, "gateway=%s",
			  inet_ntop(AF_INET6, &leader[1]->user6.host, text, sizeof text));
	for (size_t i = 0; i < n->dns.n; i++)
		strv_addf(words, "dns=%s", n->dns.v[i]);
	if (leader[0] && !n->dns.n)
		strv_addf(words, "dns=%s",
			  inet_ntop(AF_INET, &leader[0]->user4.dns, text, sizeof text));
}

/* FNV-1a, a 32-bit hash. */
static uint32_t hash(uint32_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 16777619u;
	return h;
}

char *network_mac(const struct network *n, unsigned i)
{
	const struct interface *f = &n->interfaces[i];
	if (f->mac)
		return xstrdup(f->mac);
	uint32_t low = 0x123456 + i;
	if (f->kind == ATTACH_TAP) {
		/* Other machines are on the same wire. The same one each time: DHCP servers know
		 * their clients by it. */
		char host[256] = "";
		gethostname(host, sizeof host - 1);
		low = hash(hash(2166136261u, host), f->tap);
	}
	return xasprintf("52:54:00:%02x:%02x:%02x", low >> 16 & 255, low >> 8 & 255, low & 255);
}
