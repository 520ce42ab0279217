#include "cpio.h"
#include "session.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct cpio {
	char *path;
	FILE *f;
	uint64_t size;
	uint32_t next_inode;
	struct strv directories; /* already in the archive */
	cpio_filter want;
	void *want_arg;
};

static void put(struct cpio *c, const void *data, size_t n)
{
	session_check();
	if (n && fwrite(data, 1, n, c->f) != n)
		die("cannot write %s: %s", c->path, strerror(errno));
	c->size += n;
}

static void pad(struct cpio *c)
{
	put(c, "\0\0\0", (size_t)(-c->size & 3));
}

/* name: without the leading slash. */
static void header(struct cpio *c, const char *name, uint32_t mode, uint64_t size, int64_t mtime)
{
	char h[111];
	if (size > UINT32_MAX)
		die("%s is larger than 4 GiB, which cpio archives cannot hold", name);
	snprintf(h, sizeof h, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		 c->next_inode++, mode, 0, 0, 1, (uint32_t)mtime, (uint32_t)size, 0, 0, 0, 0,
		 (uint32_t)strlen(name) + 1, 0);
	put(c, h, 110);
	put(c, name, strlen(name) + 1);
	pad(c);
}

struct cpio *cpio_create(const char *path)
{
	struct cpio *c = xmalloc(sizeof *c);
	*c = (struct cpio){.path = xstrdup(path), .f = fopen(path, "we"), .next_inode = 1};
	if (!c->f)
		die("cannot write %s: %s", path, strerror(errno));
	return c;
}

/* The guest path without slashes at its ends, and without "." and empty elements. Allocated. */
static char *clean(const char *guest)
{
	struct buffer b = {0};
	char *copy = xstrdup(guest), *save = NULL;
	for (char *e = strtok_r(copy, "/", &save); e; e = strtok_r(NULL, "/", &save)) {
		if (!strcmp(e, "."))
			continue;
		if (!strcmp(e, ".."))
			die("--files: .. in %s", guest);
		buffer_addf(&b, "%s%s", b.len ? "/" : "", e);
	}
	free(copy);
	buffer_add(&b, "", 0);
	return b.data;
}

static void directory(struct cpio *c, const char *name, uint32_t mode, int64_t mtime)
{
	if (!*name || strv_contains(&c->directories, name))
		return;
	strv_add(&c->directories, name);
	header(c, name, S_IFDIR | (mode & 07777), 0, mtime);
}

static void parents(struct cpio *c, const char *name)
{
	for (const char *p = strchr(name, '/'); p; p = strchr(p + 1, '/')) {
		char *parent = xasprintf("%.*s", (int)(p - name), name);
		directory(c, parent, 0755, 0);
		free(parent);
	}
}

static void regular(struct cpio *c, const char *host, const char *name, const struct stat *st)
{
	int fd = open(host, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die("cannot read %s: %s", host, strerror(errno));
	header(c, name, S_IFREG | (st->st_mode & 07777), (uint64_t)st->st_size, st->st_mtim.tv_sec);
	uint64_t left = (uint64_t)st->st_size;
	char chunk[65536];
	while (left) {
		ssize_t n = read(fd, chunk, left < sizeof chunk ? left : sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die("cannot read %s: %s", host, strerror(errno));
		if (!n)
			die("%s became shorter while it was read", host);
		put(c, chunk, (size_t)n);
		left -= (uint64_t)n;
	}
	close(fd);
	pad(c);
}

static void entry(struct cpio *c, const char *host, const char *name, bool follow);

static int compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void children(struct cpio *c, const char *host, const char *name)
{
	struct dirent **list;
	int n = scandir(host, &list, NULL, compare);
	if (n < 0)
		die("cannot read the directory %s: %s", host, strerror(errno));
	for (int i = 0; i < n; i++) {
		const char *e = list[i]->d_name;
		char *h = xasprintf("%s/%s", host, e);
		if (strcmp(e, ".") && strcmp(e, "..") && (!c->want || c->want(c->want_arg, h))) {
			char *g = xasprintf("%s%s%s", name, *name ? "/" : "", e);
			entry(c, h, g, false);
			free(g);
		}
		free(h);
		free(list[i]);
	}
	free(list);
}

static void entry(struct cpio *c, const char *host, const char *name, bool follow)
{
	struct stat st;
	if (follow ? stat(host, &st) : lstat(host, &st))
		die("cannot read %s: %s", host, strerror(errno));
	if (S_ISDIR(st.st_mode)) {
		directory(c, name, st.st_mode, st.st_mtim.tv_sec);
		children(c, host, name);
	} else if (S_ISREG(st.st_mode)) {
		regular(c, host, name, &st);
	} else if (S_ISLNK(st.st_mode)) {
		char target[4097];
		ssize_t n = readlink(host, target, sizeof target - 1);
		if (n < 0)
			die("cannot read %s: %s", host, strerror(errno));
		header(c, name, S_IFLNK | 0777, (uint64_t)n, st.st_mtim.tv_sec);
		put(c, target, (size_t)n);
		pad(c);
	} else {
		warn("%s is neither file, directory nor link: left out", host);
	}
}

void cpio_add(struct cpio *c, const char *host, const char *guest)
{
	char *name = clean(guest);
	parents(c, name);
	entry(c, host, name, true);
	free(name);
}

void cpio_set_filter(struct cpio *c, cpio_filter want, void *arg)
{
	c->want = want;
	c->want_arg = arg;
}

/* Splits HOSTDIR[:GUESTDIR]; *guest is NULL if there is none. Returns the host part, allocated. */
static char *split_spec(const char *spec, const char **guest, struct stat *st)
{
	char *host = xstrdup(spec), *colon = strrchr(host, ':');
	*guest = NULL;
	if (colon && colon[1] == '/') {
		*colon = 0;
		*guest = colon + 1;
	} else if (colon && access(host, F_OK)) {
		die("--files %s: the directory in the machine must be absolute (HOSTDIR:/DIR)",
		    spec);
	}
	if (stat(host, st) || access(host, R_OK))
		die("--files: cannot read %s: %s", host, strerror(errno));
	return host;
}

void cpio_check_spec(const char *spec)
{
	struct stat st;
	const char *guest;
	free(split_spec(spec, &guest, &st));
}

void cpio_add_spec(struct cpio *c, const char *spec)
{
	struct stat st;
	const char *guest;
	char *host = split_spec(spec, &guest, &st);
	if (!S_ISDIR(st.st_mode) && (!guest || ends_with(guest, "/"))) {
		const char *base = strrchr(host, '/');
		char *to = xasprintf("%s/%s", guest ? guest : "", base ? base + 1 : host);
		cpio_add(c, host, to);
		free(to);
	} else {
		cpio_add(c, host, guest ? guest : "/");
	}
	free(host);
}

void cpio_add_data(struct cpio *c, const char *guest, const void *data, size_t n)
{
	char *name = clean(guest);
	parents(c, name);
	header(c, name, S_IFREG | 0644, n, 0);
	put(c, data, n);
	pad(c);
	free(name);
}

uint64_t cpio_finish(struct cpio *c)
{
	c->next_inode = 0;
	header(c, "TRAILER!!!", 0, 0, 0);
	/* Loaders round the module up; zeroes are the format's own padding. */
	static const char zeroes[512];
	put(c, zeroes, (size_t)(-c->size & 511));
	if (fclose(c->f))
		die("cannot write %s: %s", c->path, strerror(errno));
	uint64_t size = c->size;
	strv_free(&c->directories);
	free(c->path);
	free(c);
	return size;
}
