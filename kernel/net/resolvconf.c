#include "net/resolvconf.h"
#include "cmdline.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "net/net.h"
#include "net/netif.h"
#include "net/networds.h"
#include "sched/timer.h"
#include "vfs/etcfiles.h"

#define TEXT_MAX	2048
#define NAME_MAX_LENGTH 64 /* __NEW_UTS_LEN */

static struct list sources = LIST_INIT(sources);
static char learned_name[NAME_MAX_LENGTH + 1];
static bool name_changed;

/*
 * Files are not written with net_lock held, and leases change inside of it: this timer, due at
 * once, is the way out. Kernel code is never interrupted by timers, so nobody holds a file's lock.
 */
static void write_soon(struct timer *t);
static struct timer writer = {.func = write_soon};

void resolvconf_add(struct dns_source *s)
{
	list_add_tail(&sources, &s->link);
	resolvconf_changed();
}

void resolvconf_changed(void)
{
	if (!timer_armed(&writer))
		timer_arm(&writer, net_now());
}

/* Text with a length that never passes its room. */
struct text {
	char *at;
	size_t size, length;
};

static void append(struct text *t, const char *s)
{
	size_t n = strlen(s);

	if (t->length + n >= t->size)
		return;
	memcpy(t->at + t->length, s, n + 1);
	t->length += n;
}

static void append_server(struct text *t, const struct ip_addr *a, const char *zone)
{
	char address[IP_TEXT];

	ip_format(address, a);
	append(t, "nameserver ");
	append(t, address);
	if (zone && *zone && !ip_is_v4(a) && ip_is_linklocal6(a)) {
		append(t, "%");
		append(t, zone);
	}
	append(t, "\n");
}

static void append_search(struct text *t)
{
	bool any = networds.nsearch > 0;

	for (unsigned i = 0; i < networds.nsearch; i++) {
		append(t, i ? " " : "search ");
		append(t, networds.search[i]);
	}
	if (!any) {
		list_for_each_entry (s, &sources, struct dns_source, link) {
			if (!s->search[0])
				continue;
			append(t, any ? " " : "search ");
			append(t, s->search);
			any = true;
		}
	}
	if (any)
		append(t, "\n");
}

/* IPv4 and IPv6 routers often announce one server each; no server is listed twice. */
static bool listed(const struct ip_addr *done, unsigned n, const struct ip_addr *a)
{
	for (unsigned i = 0; i < n; i++)
		if (ip_equal(&done[i], a))
			return true;
	return false;
}

size_t resolvconf_text(char *out, size_t size)
{
	struct text t = {.at = out, .size = size};
	struct ip_addr done[DNS_SERVERS_MAX];
	unsigned n = 0;

	out[0] = '\0';
	append_search(&t);
	for (unsigned i = 0; i < networds.ndns; i++)
		append_server(&t, &networds.dns[i].addr, networds.dns[i].ifname);
	if (networds.ndns)
		return t.length;
	list_for_each_entry (s, &sources, struct dns_source, link) {
		for (unsigned i = 0; i < s->nservers && n < DNS_SERVERS_MAX; i++) {
			if (listed(done, n, &s->server[i]))
				continue;
			done[n++] = s->server[i];
			append_server(&t, &s->server[i], s->netif->name);
		}
	}
	return t.length;
}

void resolvconf_write(void)
{
	static char text[TEXT_MAX], last[TEXT_MAX];
	static size_t last_length;

	net_enter();
	size_t n = resolvconf_text(text, sizeof text);
	bool renamed = name_changed;
	name_changed = false;
	net_leave();
	if (renamed) {
		__atomic_store_n(&cmdline.hostname, learned_name, __ATOMIC_RELEASE);
		etcfiles_hostname();
	}
	if (n == last_length && memcmp(text, last, n) == 0)
		return; /* programs read the file again when its time changes */
	memcpy(last, text, n);
	last_length = n;
	etcfiles_replace("/etc/resolv.conf", text, n);
}

static void write_soon(struct timer *t)
{
	(void)t;
	resolvconf_write();
}

void resolvconf_hostname(const char *name, size_t n)
{
	size_t i = 0;

	/* Once: what the program calls itself afterwards is its own affair. */
	if (cmdline.hostname_given || learned_name[0])
		return;
	for (; i < n && i < NAME_MAX_LENGTH && name[i] && name[i] != '.'; i++) {
		char c = name[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '-' || c == '_')) {
			i = 0;
			break;
		}
		learned_name[i] = c;
	}
	learned_name[i] = '\0';
	name_changed = i > 0;
	if (name_changed)
		resolvconf_changed();
}
