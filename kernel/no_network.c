/*
 * What stands in for the network stack in the image of a program that opens no sockets
 * (cmd/unigornel/uses.h): such an image is linked with libunigornel-nonet.a, which is this file, in
 * the place of libunigornel-net.a. The calls on sockets that are not here answer ENOSYS, as all do
 * that the system call table finds no function for, and as Linux does without CONFIG_NET.
 */
#include <asm/errno.h>
#include "lib/printk.h"
#include "lib/string.h"
#include "net/net.h"
#include "net/networds.h"
#include "net/sys_socket.h"
#include "vfs/filedata.h"
#include "vfs/proc_net.h"
#include "vfs/splice.h"

void net_init(void)
{
}

void net_start(void)
{
}

void net_finish(void)
{
}

void networds_reset(void)
{
}

bool networds_parse(const char *word, const char **error)
{
#define WORD(name) #name "=",
	static const char *const words[] = {NETWORDS(WORD)};
#undef WORD

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (strncmp(word, words[i], strlen(words[i])) == 0) {
			*error =
			    "this image has no network stack (built with --network yes it has)";
			return true;
		}
	}
	return false;
}

/* Programs that the tool takes for ones without sockets call the kernel by number. */
static long no_sockets(void)
{
	static bool said;

	if (!said)
		printk("unigornel: the program asks for a socket, but its symbols did not say so "
		       "and the image has no network stack: build it with --network yes\n");
	said = true;
	return -ENOSYS;
}

long sys_socket(int family, int type, int protocol)
{
	(void)family, (void)type, (void)protocol;
	return no_sockets();
}

long sys_socketpair(int family, int type, int protocol, uintptr_t fds)
{
	(void)family, (void)type, (void)protocol, (void)fds;
	return no_sockets();
}

/* No file is a socket, so what follows is not reached. */
struct socket *socket_of(struct file *f)
{
	(void)f;
	return NULL;
}

long splice_to_socket(struct file *f, struct uio *u, bool more)
{
	(void)f, (void)u, (void)more;
	return -ENOTSOCK;
}

long splice_from_socket(struct file *f, struct uio *u)
{
	(void)f, (void)u;
	return -ENOTSOCK;
}

long splice_constant_to_socket(struct file *f, const void *data, size_t len,
			       struct backing *backing, bool more)
{
	(void)f, (void)data, (void)len, (void)more;
	backing_put(backing);
	return -ENOTSOCK;
}

int splice_wait_socket(struct file *f, bool write, bool nonblock)
{
	(void)f, (void)write, (void)nonblock;
	return -ENOTSOCK;
}

/* As on a Linux without CONFIG_NET, there is no /proc/net and no /sys/class/net. */
void proc_net_init(void)
{
}
