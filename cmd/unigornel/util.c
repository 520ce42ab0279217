#include "util.h"
#include "progress.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int die_status = 1;

void *xmalloc(size_t n)
{
	return xrealloc(NULL, n);
}

void *xrealloc(void *p, size_t n)
{
	p = realloc(p, n ? n : 1);
	if (!p)
		die("out of memory");
	return p;
}

char *xstrdup(const char *s)
{
	size_t n = strlen(s) + 1;
	return memcpy(xmalloc(n), s, n);
}

static char *xvasprintf(const char *fmt, va_list ap)
{
	char *s;
	if (vasprintf(&s, fmt, ap) < 0)
		die("out of memory");
	return s;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *s = xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}

static void strv_take(struct strv *s, char *word)
{
	s->v = xrealloc(s->v, (s->n + 2) * sizeof(char *));
	s->v[s->n++] = word;
	s->v[s->n] = NULL;
}

void strv_add(struct strv *s, const char *word)
{
	strv_take(s, xstrdup(word));
}

void strv_addf(struct strv *s, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	strv_take(s, xvasprintf(fmt, ap));
	va_end(ap);
}

void strv_append(struct strv *to, const struct strv *from)
{
	for (size_t i = 0; i < from->n; i++)
		strv_add(to, from->v[i]);
}

bool strv_contains(const struct strv *s, const char *word)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->v[i], word))
			return true;
	return false;
}

void strv_free(struct strv *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct strv){NULL, 0};
}

void buffer_add(struct buffer *b, const void *data, size_t n)
{
	if (b->len + n + 1 > b->size) {
		b->size = (b->len + n + 1) * 2;
		b->data = xrealloc(b->data, b->size);
	}
	if (n)
		memcpy(b->data + b->len, data, n);
	b->len += n;
	b->data[b->len] = 0;
}

void buffer_addf(struct buffer *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *s = xvasprintf(fmt, ap);
	va_end(ap);
	buffer_add(b, s, strlen(s));
	free(s);
}

void buffer_free(struct buffer *b)
{
	free(b->data);
	*b = (struct buffer){NULL, 0, 0};
}

static void message(const char *fmt, va_list ap)
{
	char *s = xvasprintf(fmt, ap);
	char *line = xasprintf("unigornel: %s\n", s);
	progress_clear();
	write_all(STDERR_FILENO, line, strlen(line));
	free(line);
	free(s);
}

void die(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	message(fmt, ap);
	va_end(ap);
	exit(die_status);
}

void warn(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	message(fmt, ap);
	va_end(ap);
}

bool starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

bool ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);
	return n >= m && !strcmp(s + n - m, suffix);
}

bool is_directory(const char *path)
{
	struct stat st;
	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

char *find_program(const char *name)
{
	if (strchr(name, '/'))
		return access(name, X_OK) ? NULL : xstrdup(name);
	const char *path = getenv("PATH");
	if (!path)
		path = "/usr/local/bin:/usr/bin:/bin";
	while (*path) {
		size_t n = strcspn(path, ":");
		char *s = n ? xasprintf("%.*s/%s", (int)n, path, name) : xasprintf("./%s", name);
		if (!access(s, X_OK) && !is_directory(s))
			return s;
		free(s);
		path += n + (path[n] == ':');
	}
	return NULL;
}

int make_directories(const char *path)
{
	char *s = xstrdup(path);
	int ret = 0;
	for (char *p = s + 1;; p++) {
		if (*p && *p != '/')
			continue;
		char c = *p;
		*p = 0;
		ret = mkdir(s, 0777) && errno != EEXIST ? -errno : 0;
		*p = c;
		if (ret || !c)
			break;
	}
	free(s);
	return ret;
}

int read_file(const char *path, struct buffer *b)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	char chunk[65536];
	ssize_t n;
	while ((n = read(fd, chunk, sizeof chunk)) > 0)
		buffer_add(b, chunk, (size_t)n);
	int ret = n < 0 ? -errno : 0;
	close(fd);
	buffer_add(b, "", 0);
	return ret;
}

int write_all(int fd, const void *data, size_t n)
{
	for (const char *p = data; n;) {
		ssize_t w = write(fd, p, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

int write_file(const char *path, const void *data, size_t n)
{
	char *tmp = xasprintf("%s.%d.tmp", path, (int)getpid());
	int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int ret = fd < 0 ? -errno : write_all(fd, data, n);
	if (fd >= 0 && close(fd) && !ret)
		ret = -errno;
	if (!ret && rename(tmp, path))
		ret = -errno;
	if (ret)
		unlink(tmp);
	free(tmp);
	return ret;
}

int64_t now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

uint64_t parse_size(const char *s)
{
	char *end;
	if (*s < '0' || *s > '9')
		return 0;
	errno = 0;
	uint64_t n = strtoull(s, &end, 10);
	unsigned shift = 0;
	switch (*end) {
	case 'k':
	case 'K':
		shift = 10;
		break;
	case 'm':
	case 'M':
		shift = 20;
		break;
	case 'g':
	case 'G':
		shift = 30;
		break;
	case 't':
	case 'T':
		shift = 40;
		break;
	default:
		break;
	}
	if (shift) {
		end++;
		if (*end == 'i')
			end++;
		if (*end == 'b' || *end == 'B')
			end++;
	}
	if (*end || errno || n > UINT64_MAX >> shift)
		return 0;
	return n << shift;
}

int64_t parse_duration_ms(const char *s)
{
	double total = 0;
	if (!*s)
		return -1;
	while (*s) {
		char *end;
		if (!((*s >= '0' && *s <= '9') || *s == '.'))
			return -1;
		double v = strtod(s, &end);
		if (end == s)
			return -1;
		if (!strncmp(end, "ms", 2)) {
			end += 2;
		} else if (!strncmp(end, "us", 2)) {
			v /= 1e3;
			end += 2;
		} else if (!strncmp(end, "ns", 2)) {
			v /= 1e6;
			end += 2;
		} else if (*end == 'h') {
			v *= 3600e3;
			end++;
		} else if (*end == 'm') {
			v *= 60e3;
			end++;
		} else if (*end == 's' || !*end) {
			v *= 1e3;
			end += *end != 0;
		} else {
			return -1;
		}
		total += v;
		s = end;
	}
	return total < 9e15 ? (int64_t)(total + 0.999) : -1;
}
