#include "forward.h"
#include "util.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_CONNECTIONS 1024
#define MAX_CLIENTS	256 /* of UDP: the one that has been silent for longest makes room */
#define BUFFER		65536u

/* One direction of a connection: what was read from one socket and not yet written to the other. */
struct flow {
	char *data;
	size_t start, length;
	bool ended; /* nothing more will be read */
	bool told;  /* and the other side knows */
};
struct connection {
	int fd[2];	     /* the client's, QEMU's */
	struct flow flow[2]; /* flow[i] is read from fd[i] */
};

static int connect_inside(int type, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void accept_one(int listener, uint16_t port, struct connection *c)
{
	int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int inside = client >= 0 ? connect_inside(SOCK_STREAM, port) : -1;
	char *first = inside >= 0 ? malloc(BUFFER) : NULL, *second = first ? malloc(BUFFER) : NULL;
	*c = (struct connection){{-1, -1}, {{0}, {0}}};
	if (!second) {
		free(first);
		close(client);
		close(inside);
		return;
	}
	fcntl(inside, F_SETFL, O_NONBLOCK);
	*c = (struct connection){{client, inside}, {{.data = first}, {.data = second}}};
}

/* True if errno says that a socket is only not ready. */
static bool only_later(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* Moves what can be moved from fd[i] to fd[!i]. False: the connection is broken. */
static bool move(struct connection *c, int i)
{
	struct flow *f = &c->flow[i];
	if (!f->length && !f->ended) {
		ssize_t n = recv(c->fd[i], f->data, BUFFER, 0);
		if (n < 0 && !only_later())
			return false;
		f->start = 0;
		f->length = n > 0 ? (size_t)n : 0;
		f->ended = n == 0;
	}
	while (f->length) {
		ssize_t n = send(c->fd[!i], f->data + f->start, f->length, MSG_NOSIGNAL);
		if (n < 0)
			return only_later();
		f->start += (size_t)n;
		f->length -= (size_t)n;
	}
	if (f->ended && !f->told) {
		shutdown(c->fd[!i], SHUT_WR);
		f->told = true;
	}
	return true;
}

static void hang_up(struct connection *c, bool broken)
{
	/* The other side learns of a reset by a reset. */
	struct linger at_once = {1, 0};
	for (int i = 0; i < 2; i++) {
		if (broken)
			setsockopt(c->fd[i], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
		close(c->fd[i]);
		free(c->flow[i].data);
	}
}

static void forward_tcp(int listener, uint16_t port)
{
	static struct connection all[MAX_CONNECTIONS];
	static struct pollfd fds[1 + 2 * MAX_CONNECTIONS];
	size_t n = 0;
	for (;;) {
		fds[0] = (struct pollfd){n < MAX_CONNECTIONS ? listener : -1, POLLIN, 0};
		for (size_t k = 0; k < n; k++) {
			struct connection *c = &all[k];
			for (int i = 0; i < 2; i++) {
				const struct flow *in = &c->flow[i], *out = &c->flow[!i];
				short events = (short)((in->ended || in->length ? 0 : POLLIN) |
						       (out->length ? POLLOUT : 0));
				/* Without interest even a hang-up would wake us for nothing. */
				fds[1 + 2 * k + (size_t)i] =
				    (struct pollfd){events ? c->fd[i] : -1, events, 0};
			}
		}
		if (poll(fds, 1 + 2 * n, -1) < 0 && errno != EINTR)
			_exit(1);
		for (size_t k = n; k-- > 0;) {
			struct connection *c = &all[k];
			if (!fds[1 + 2 * k].revents && !fds[2 + 2 * k].revents)
				continue;
			bool whole = move(c, 0) && move(c, 1);
			if (whole && !(c->flow[0].told && c->flow[1].told))
				continue;
			hang_up(c, !whole);
			*c = all[--n];
		}
		if (fds[0].revents) {
			accept_one(listener, port, &all[n]);
			n += all[n].fd[0] >= 0;
		}
	}
}

struct client {
	struct sockaddr_in6 address;
	int fd;
	int64_t used; /* ms */
};

static bool same_address(const struct sockaddr_in6 *a, const struct sockaddr_in6 *b)
{
	return a->sin6_port == b->sin6_port && a->sin6_scope_id == b->sin6_scope_id &&
	       !memcmp(&a->sin6_addr, &b->sin6_addr, sizeof a->sin6_addr);
}

/* The entry of the client at this address; NULL if none can be made. */
static struct client *find_client(struct client *all, size_t *n, const struct sockaddr_in6 *from,
				  uint16_t port)
{
	struct client *oldest = &all[0];
	for (size_t i = 0; i < *n; i++) {
		if (same_address(&all[i].address, from))
			return &all[i];
		if (all[i].used < oldest->used)
			oldest = &all[i];
	}
	int fd = connect_inside(SOCK_DGRAM, port);
	if (fd < 0)
		return NULL;
	struct client *c = *n < MAX_CLIENTS ? &all[(*n)++] : oldest;
	if (c == oldest && *n == MAX_CLIENTS && c->fd > 0)
		close(c->fd);
	*c = (struct client){*from, fd, 0};
	return c;
}

static void forward_udp(int outside, uint16_t port)
{
	static struct client all[MAX_CLIENTS];
	static struct pollfd fds[1 + MAX_CLIENTS];
	static char data[BUFFER];
	size_t n = 0;
	for (;;) {
		fds[0] = (struct pollfd){outside, POLLIN, 0};
		for (size_t i = 0; i < n; i++)
			fds[1 + i] = (struct pollfd){all[i].fd, POLLIN, 0};
		if (poll(fds, 1 + n, -1) < 0 && errno != EINTR)
			_exit(1);
		for (size_t i = 0; i < n; i++) {
			ssize_t got = fds[1 + i].revents
					  ? recv(all[i].fd, data, sizeof data, MSG_DONTWAIT)
					  : -1;
			if (got >= 0)
				sendto(outside, data, (size_t)got, MSG_DONTWAIT,
				       (struct sockaddr *)&all[i].address, sizeof all[i].address);
		}
		struct sockaddr_in6 from;
		socklen_t length = sizeof from;
		ssize_t got = fds[0].revents ? recvfrom(outside, data, sizeof data, MSG_DONTWAIT,
							(struct sockaddr *)&from, &length)
					     : -1;
		struct client *c = got >= 0 ? find_client(all, &n, &from, port) : NULL;
		if (c) {
			c->used = now_ms();
			send(c->fd, data, (size_t)got, MSG_DONTWAIT);
		}
	}
}

void forward_start(int fd, int is_udp, uint16_t port)
{
	pid_t parent = getpid(), pid = fork();
	if (pid < 0)
		die("cannot start a process: %s", strerror(errno));
	if (pid) {
		close(fd);
		return;
	}
	signal(SIGINT, SIG_IGN); /* the tool's business; we end with it */
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	/* Others wait for the end of our output, or of QEMU's descriptors. */
	int null = open("/dev/null", O_RDWR);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	if (dup2(fd, 3) < 0 || close_range(4, ~0u, 0))
		_exit(1);
	fd = 3;
	if (is_udp)
		forward_udp(fd, port);
	else
		forward_tcp(fd, port);
}
