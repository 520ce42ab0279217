/* Control messages of AF_UNIX, unix(7) "Ancillary messages": SCM_RIGHTS and SCM_CREDENTIALS. */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/resource.h>
#include "lib/string.h"
#include "mm/kmalloc.h"
#include "net/net.h"
#include "net/unix.h"
#include "net/unix_internal.h"
#include "sys/capability.h"
#include "sys/process_ids.h"
#include "sys/rlimit.h"
#include "vfs/fdtable.h"

#define SCM_RIGHTS	1
#define SCM_CREDENTIALS 2

#define CMSG_ALIGN(n) (((n) + 7) & ~(size_t)7)

struct cmsg {
	size_t len;
	int level, type;
};

struct list unix_dropped = LIST_INIT(unix_dropped);

/* Releasing a file may release sockets, whose messages are dropped in turn: one loop does all. */
void unix_drop_files_slow(void)
{
	static bool busy;
	net_enter();
	if (!busy) {
		busy = true;
		while (!list_empty(&unix_dropped)) {
			struct unix_scm *s = list_entry(unix_dropped.next, struct unix_scm, link);
			list_remove(&s->link);
			net_leave();
			for (unsigned i = 0; i < s->count; i++)
				file_put(s->files[i]);
			kfree(s);
			net_enter();
		}
		busy = false;
	}
	net_leave();
}

void unix_scm_drop(struct unix_scm *s)
{
	if (s)
		list_add_tail(&unix_dropped, &s->link);
}

static struct unix_scm *scm_new(unsigned count)
{
	struct unix_scm *s = kmalloc(sizeof *s + count * sizeof s->files[0]);
	if (!s)
		return NULL;
	list_init(&s->link);
	s->count = 0;
	return s;
}

/* Descriptors out of one control message, added to what earlier ones brought. */
static int parse_rights(const uint8_t *data, size_t len, struct unix_send_scm *out)
{
	size_t n = len / sizeof(int);
	if (!n)
		return 0;
	if (n > UNIX_SCM_MAX || (out->files && out->files->count + n > UNIX_SCM_MAX))
		return -EINVAL;
	unix_gc_if_due();
	if (unix_files_in_flight + n > rlimit_get(RLIMIT_NOFILE))
		return -ETOOMANYREFS;
	unsigned old = out->files ? out->files->count : 0;
	struct unix_scm *s = scm_new(old + (unsigned)n);
	if (!s)
		return -ENOMEM;
	if (old) {
		memcpy(s->files, out->files->files, old * sizeof s->files[0]);
		s->count = old;
		kfree(out->files);
	}
	out->files = s;
	for (size_t i = 0; i < n; i++) {
		int fd;
		memcpy(&fd, data + i * sizeof fd, sizeof fd);
		struct file *f = fd_get_path(fd);
		if (!f)
			return -EBADF;
		s->files[s->count++] = f;
	}
	return 0;
}

/* Who claims to be somebody must be allowed to: unix(7), SCM_CREDENTIALS. */
static int parse_credentials(const uint8_t *data, size_t len, struct unix_send_scm *out)
{
	struct unix_cred c;
	const struct process_ids *p = &process_ids;
	if (len != sizeof c)
		return -EINVAL;
	memcpy(&c, data, sizeof c);
	if (c.uid == UNIX_NO_ID || c.gid == UNIX_NO_ID)
		return -EINVAL;
	bool uid_ok =
	    c.uid == p->uid || c.uid == p->euid || c.uid == p->suid || process_capable(CAP_SETUID);
	bool gid_ok =
	    c.gid == p->gid || c.gid == p->egid || c.gid == p->sgid || process_capable(CAP_SETGID);
	if (!uid_ok || !gid_ok || (c.pid != PROCESS_ID && !process_capable(CAP_SYS_ADMIN)))
		return -EPERM;
	if (c.pid != PROCESS_ID)
		return -ESRCH; /* there is no other */
	out->cred = c;
	out->has_cred = true;
	return 0;
}

static int parse_one(const struct cmsg *h, const uint8_t *data, size_t len,
		     struct unix_send_scm *out)
{
	if (h->level != SOL_SOCKET)
		return 0;
	if (h->type == SCM_RIGHTS)
		return parse_rights(data, len, out);
	if (h->type == SCM_CREDENTIALS)
		return parse_credentials(data, len, out);
	return -EINVAL;
}

int unix_scm_parse(const struct socket_msg *m, struct unix_send_scm *out)
{
	struct cmsg h;
	int err = 0;
	*out = (struct unix_send_scm){.has_cred = false};
	for (size_t at = 0; !err && m->control_len >= sizeof h && at <= m->control_len - sizeof h;
	     at += CMSG_ALIGN(h.len)) {
		memcpy(&h, m->control + at, sizeof h);
		if (h.len < sizeof h || h.len > m->control_len - at)
			err = -EINVAL;
		else
			err = parse_one(&h, m->control + at + sizeof h, h.len - sizeof h, out);
	}
	if (err) {
		unix_scm_drop(out->files);
		out->files = NULL;
	}
	return err;
}

void unix_scm_attach(struct unix_msg *msg, struct unix_send_scm *s, const struct unix_sock *from,
		     const struct unix_sock *to)
{
	if (s->has_cred)
		msg->cred = s->cred;
	else if (from->so.passcred || to->so.passcred || !to->so.file)
		msg->cred = unix_current_cred();
	msg->scm = s->files;
	s->files = NULL;
	if (msg->scm)
		unix_fly(msg->scm);
}

struct unix_scm *unix_scm_detach(struct unix_msg *msg)
{
	struct unix_scm *s = msg->scm;
	msg->scm = NULL;
	if (s)
		unix_land(s);
	return s;
}

struct unix_scm *unix_scm_dup(const struct unix_scm *s)
{
	struct unix_scm *d = scm_new(s->count);
	if (!d)
		return NULL;
	for (; d->count < s->count; d->count++)
		d->files[d->count] = file_get(s->files[d->count]);
	return d;
}

/* Gives the program descriptors for as many files as it has room for. */
static void install(struct socket_msg *m, struct unix_scm *s)
{
	int fds[UNIX_SCM_MAX];
	size_t used = CMSG_ALIGN(m->control_len);
	size_t room = m->control_size > used ? m->control_size - used : 0;
	size_t most = room >= sizeof(struct cmsg) + sizeof(int)
			  ? (room - sizeof(struct cmsg)) / sizeof(int)
			  : 0;
	unsigned n = 0;
	while (n < s->count && n < most) {
		int fd = fd_install(s->files[n], 0, m->flags & MSG_CMSG_CLOEXEC);
		if (fd < 0)
			break;
		fds[n++] = fd;
	}
	if (n)
		cmsg_put(m, SOL_SOCKET, SCM_RIGHTS, fds, n * sizeof fds[0]);
	if (n < s->count)
		m->flags |= MSG_CTRUNC;
	/* What was installed belongs to the table of descriptors now. */
	memmove(s->files, s->files + n, (s->count - n) * sizeof s->files[0]);
	s->count -= n;
}

static unsigned shown_id(unsigned id)
{
	return id == UNIX_NO_ID ? UNIX_OVERFLOW_ID : id;
}

void unix_scm_receive(struct unix_sock *u, struct socket_msg *m, const struct unix_cred *cred,
		      struct unix_scm *s)
{
	if (u->so.passcred) {
		struct unix_cred c = {cred->pid, shown_id(cred->uid), shown_id(cred->gid)};
		cmsg_put(m, SOL_SOCKET, SCM_CREDENTIALS, &c, sizeof c);
	}
	if (s) {
		install(m, s);
		unix_scm_drop(s);
	}
}
