#include "network_qemu.h"
#include "forward.h"
#include "process.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <pwd.h>
#include <string.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ETHERNET_MTU 1500
#define NO_USER_NET                                                                                \
	"this QEMU has no user networking (it was built without libslirp): install the "           \
	"distribution's, `apt-get install qemu-system-x86`, or use --net tap=NAME or --net none"

static const char *user_name(void)
{
	const struct passwd *p = getpwuid(getuid());
	return p ? p->pw_name : "root";
}

/*
 * Attaches to a tap device that exists. As QEMU would, but the errors are ours to explain. offload:
 * packets carry the virtio header, so that neither side need sum or cut them.
 */
static int open_tap(const char *name, bool offload)
{
	struct ifreq r = {0};
	strcpy(r.ifr_name, name);
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0 || ioctl(s, SIOCGIFFLAGS, &r))
		die("--net tap=%s: there is no such device: `sudo ip tuntap add %s mode tap user "
		    "%s && "
		    "sudo ip link set %s up`",
		    name, name, user_name(), name);
	if (!(r.ifr_flags & IFF_UP))
		die("--net tap=%s: the device is down: `sudo ip link set %s up`", name, name);
	close(s);
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		die("--net tap=%s: cannot open /dev/net/tun: %s%s", name, strerror(errno),
		    errno == ENOENT ? " (`sudo modprobe tun`)" : "");
	r.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | (offload ? IFF_VNET_HDR : 0));
	int err = ioctl(fd, TUNSETIFF, &r) ? errno : 0;
	if (err == EINVAL) {
		r.ifr_flags |= IFF_MULTI_QUEUE;
		err = ioctl(fd, TUNSETIFF, &r) ? errno : 0;
	}
	if (err == EBUSY)
		die("--net tap=%s: another program uses it (a machine that still runs?)", name);
	if (err == EPERM)
		die("--net tap=%s: it is not yours: `sudo ip tuntap del %s mode tap; sudo ip "
		    "tuntap "
		    "add %s mode tap user %s && sudo ip link set %s up`",
		    name, name, name, user_name(), name);
	if (err == EINVAL)
		die("--net tap=%s: this is no tap device", name);
	if (err)
		die("--net tap=%s: %s", name, strerror(err));
	return fd;
}

/* The address of a published port, for bind. */
static socklen_t host_address(const struct publish *p, struct sockaddr_storage *a)
{
	memset(a, 0, sizeof *a);
	if (p->v6) {
		struct sockaddr_in6 *six = (struct sockaddr_in6 *)a;
		six->sin6_family = AF_INET6;
		six->sin6_port = htons(p->host);
		if (*p->address)
			inet_pton(AF_INET6, p->address, &six->sin6_addr);
		return sizeof *six;
	}
	struct sockaddr_in *four = (struct sockaddr_in *)a;
	four->sin_family = AF_INET;
	four->sin_port = htons(p->host);
	if (*p->address)
		inet_pton(AF_INET, p->address, &four->sin_addr);
	return sizeof *four;
}

/* Any free port of 127.0.0.1. */
static uint16_t free_port(bool udp)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof a;
	int s = socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof a) ||
	    getsockname(s, (struct sockaddr *)&a, &length))
		die("-p: no port of 127.0.0.1 is free: %s", strerror(errno));
	close(s);
	return ntohs(a.sin_port);
}

/* Takes the port, to see that it can be had: for a moment, as QEMU will (IPv4), or to keep. */
static void take_port(struct publish *p)
{
	struct sockaddr_storage a;
	socklen_t length = host_address(p, &a);
	int type = p->udp ? SOCK_DGRAM : SOCK_STREAM, yes = 1;
	int s = socket(a.ss_family, type | SOCK_CLOEXEC, 0);
	if (s < 0)
		die("-p %s: %s", p->spec, strerror(errno));
	if (!p->udp)
		setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (p->v6)
		setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
	if (bind(s, (struct sockaddr *)&a, length) || (!p->udp && listen(s, SOMAXCONN))) {
		if (errno == EADDRINUSE)
			die("-p %s: port %u of the host is in use: choose another, or see who has "
			    "it "
			    "with `ss -l%snp sport = :%u`",
			    p->spec, p->host, p->udp ? "u" : "t", p->host);
		if (errno == EACCES)
			die("-p %s: ports below 1024 of the host are root's: choose a higher one, "
			    "or "
			    "`sudo sysctl net.ipv4.ip_unprivileged_port_start=%u`",
			    p->spec, p->host);
		if (errno == EADDRNOTAVAIL)
			die("-p %s: %s is no address of this host", p->spec, p->address);
		die("-p %s: %s", p->spec, strerror(errno));
	}
	if (!p->host) {
		getsockname(s, (struct sockaddr *)&a, &length);
		p->host = ntohs(p->v6 ? ((struct sockaddr_in6 *)&a)->sin6_port
				      : ((struct sockaddr_in *)&a)->sin_port);
		warn("port %u of the host is port %u%s of the machine", p->host, p->guest,
		     p->udp ? "/udp" : "");
	}
	if (!p->v6) {
		close(s);
		return;
	}
	p->inner = free_port(p->udp);
	forward_start(s, p->udp, p->inner);
}

/* A capture file is made anew, as QEMU will. */
static void try_pcap(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
	if (fd < 0)
		die("--pcap %s: %s", path, strerror(errno));
	close(fd);
}

void network_open_ports(struct network *n)
{
	for (unsigned i = 0; i < n->n; i++)
		if (n->interfaces[i].pcap)
			try_pcap(n->interfaces[i].pcap);
	for (size_t i = 0; i < n->published; i++)
		take_port(&n->publish[i]);
}

void network_open(struct network *n)
{
	for (unsigned i = 0; i < n->n; i++) {
		struct interface *f = &n->interfaces[i];
		if (f->kind == ATTACH_BRIDGE)
			die("--net bridge=%s: bridges are for --hypervisor xen; under QEMU a tap "
			    "device "
			    "is the way into one: `sudo ip tuntap add tap0 mode tap user %s && "
			    "sudo ip "
			    "link set tap0 master %s up`, then --net tap=tap0",
			    f->tap, user_name(), f->tap);
		if (f->kind == ATTACH_TAP)
			/* QEMU 7 would write the virtio header into the capture, too. */
			f->tap_fd = open_tap(f->tap, !f->pcap);
	}
	network_open_ports(n);
}

/* Descriptors that QEMU may have by the time it listens, and how long that may take. */
#define QEMU_DESCRIPTORS 64
#define QEMU_PATIENCE_MS 3000

/* Gives the listening sockets of QEMU a longer queue. How many there are; SIZE_MAX: the system does
 * not let us look. */
static size_t lengthen_queues(int pidfd)
{
	size_t found = 0;
	for (int i = 3; i < QEMU_DESCRIPTORS; i++) {
		int fd = (int)syscall(SYS_pidfd_getfd, pidfd, i, 0), listens = 0;
		socklen_t length = sizeof listens;
		if (fd < 0 && errno != EBADF)
			return SIZE_MAX;
		if (fd < 0)
			continue;
		if (!getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) && listens) {
			listen(fd, SOMAXCONN);
			found++;
		}
		close(fd);
	}
	return found;
}

/*
 * libslirp listens with a queue of one connection: when several come at once, the host drops what
 * their clients take for established, and these hang for seconds until their data is sent again.
 * Where the system does not let us reach into our child, things stay as they are.
 */
static void accept_bursts(const struct network *n, pid_t qemu)
{
	size_t wanted = 0;
	for (size_t i = 0; i < n->published; i++)
		wanted += !n->publish[i].udp;
	int pidfd = wanted ? (int)syscall(SYS_pidfd_open, qemu, 0) : -1;
	if (pidfd < 0)
		return;
	/* Readable: it has ended. */
	struct pollfd end = {pidfd, POLLIN, 0};
	int64_t until = now_ms() + QEMU_PATIENCE_MS;
	while (lengthen_queues(pidfd) < wanted && now_ms() < until && !poll(&end, 1, 5))
		;
	close(pidfd);
}

void network_started(struct network *n, pid_t qemu)
{
	accept_bursts(n, qemu);
	for (unsigned i = 0; i < n->n; i++) {
		if (n->interfaces[i].tap_fd >= 0)
			close(n->interfaces[i].tap_fd);
		n->interfaces[i].tap_fd = -1;
	}
}

static void user_backend(const struct network *n, unsigned i, bool first, struct strv *argv)
{
	const struct user_net4 *four = &n->interfaces[i].user4;
	char net[INET_ADDRSTRLEN], host[INET_ADDRSTRLEN], dns[INET_ADDRSTRLEN],
	    machine[INET_ADDRSTRLEN], net6[INET6_ADDRSTRLEN], host6[INET6_ADDRSTRLEN];
	struct buffer b = {0};
	inet_ntop(AF_INET, &four->net, net, sizeof net);
	inet_ntop(AF_INET, &four->host, host, sizeof host);
	inet_ntop(AF_INET, &four->dns, dns, sizeof dns);
	inet_ntop(AF_INET, &four->machine, machine, sizeof machine);
	inet_ntop(AF_INET6, &n->interfaces[i].user6.net, net6, sizeof net6);
	inet_ntop(AF_INET6, &n->interfaces[i].user6.host, host6, sizeof host6);
	buffer_addf(
	    &b, "user,id=net%u,net=%s/%u,host=%s,dns=%s,dhcpstart=%s,ipv6-prefix=%s,ipv6-host=%s",
	    i, net, four->prefix, host, dns, machine, net6, host6);
	for (size_t j = 0; first && j < n->published; j++) {
		const struct publish *p = &n->publish[j];
		buffer_addf(&b, ",hostfwd=%s:%s:%u-%s:%u", p->udp ? "udp" : "tcp",
			    p->v6 ? "127.0.0.1" : p->address, p->v6 ? p->inner : p->host, machine,
			    p->guest);
	}
	strv_add(argv, b.data);
	buffer_free(&b);
}

static unsigned tap_mtu(const char *name)
{
	struct ifreq r = {0};
	strcpy(r.ifr_name, name);
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = s >= 0 && !ioctl(s, SIOCGIFMTU, &r);
	if (s >= 0)
		close(s);
	return ok ? (unsigned)r.ifr_mtu : ETHERNET_MTU;
}

void network_arguments(const struct network *n, bool microvm, struct strv *argv, int *keep)
{
	bool first_user = true;
	for (unsigned i = 0; i < n->n; i++) {
		const struct interface *f = &n->interfaces[i];
		char *mac = network_mac(n, i);
		struct buffer device = {0};
		strv_add(argv, "-netdev");
		if (f->kind == ATTACH_TAP) {
			strv_addf(argv, "tap,id=net%u,fd=%d", i, f->tap_fd);
			*keep++ = f->tap_fd;
		} else {
			user_backend(n, i, first_user, argv);
			first_user = false;
		}
		buffer_addf(
		    &device, "%s,netdev=net%u,mac=%s",
		    microvm ? "virtio-net-device" : "virtio-net-pci,disable-legacy=on,romfile=", i,
		    mac);
		if (f->kind == ATTACH_TAP && tap_mtu(f->tap) != ETHERNET_MTU)
			buffer_addf(&device, ",host_mtu=%u", tap_mtu(f->tap));
		strv_add(argv, "-device");
		strv_add(argv, device.data);
		if (f->pcap) {
			strv_add(argv, "-object");
			strv_addf(argv, "filter-dump,id=pcap%u,netdev=net%u,file=%s,maxlen=262144",
				  i, i, f->pcap);
		}
		buffer_free(&device);
		free(mac);
	}
	*keep = -1;
}

const char *network_complaint(const char *said)
{
	if (strstr(said, "netdev backend type") || strstr(said, "network backend 'user'"))
		return NO_USER_NET;
	if (strstr(said, "is not a valid device model name") && strstr(said, "virtio-net"))
		return "this QEMU has no virtio network device: `apt-get install qemu-system-x86`";
	return NULL;
}

bool network_has_user(void)
{
	struct strv argv = {0};
	struct buffer out = {0}, err = {0};
	static const char *const words[] = {"qemu-system-x86_64", "-netdev", "help"};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		strv_add(&argv, words[i]);
	process_run(&argv, &(struct process_options){.out = &out, .err = &err});
	bool has = out.data && strstr(out.data, "\nuser\n");
	strv_free(&argv);
	buffer_free(&out);
	buffer_free(&err);
	return has;
}
