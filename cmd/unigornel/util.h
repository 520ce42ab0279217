/*
 * What every file of the tool uses: memory that cannot fail, growing lists of strings, errors.
 *
 * The tool is one short process: out of memory ends it, and what it allocates for its whole life is
 * not freed.
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define VERSION "0.1"

/* Exit codes (docs/image.md). */
#define EXIT_TOOL_ERROR	 125 /* of `run`: the tool or the machine failed, not the program */
#define EXIT_TIMEOUT	 124
#define EXIT_INTERRUPTED 130

void *xmalloc(size_t n) __attribute__((malloc));
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s) __attribute__((malloc));
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A list of strings, NULL-terminated once something is in it. Owns what it holds. */
struct strv {
	char **v;
	size_t n;
};
void strv_add(struct strv *s, const char *word);
void strv_addf(struct strv *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strv_append(struct strv *to, const struct strv *from);
bool strv_contains(const struct strv *s, const char *word);
void strv_free(struct strv *s);

/* A growing buffer; always NUL-terminated behind len. */
struct buffer {
	char *data;
	size_t len, size;
};
void buffer_add(struct buffer *b, const void *data, size_t n);
void buffer_addf(struct buffer *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buffer_free(struct buffer *b);

/* What die exits with: EXIT_TOOL_ERROR for `run`, 1 for the commands that stand in for go's. */
extern int die_status;
/* "unigornel: MESSAGE" as one line on stderr, then exit(die_status) (which cleans up). */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

bool starts_with(const char *s, const char *prefix);
bool ends_with(const char *s, const char *suffix);
bool is_directory(const char *path);
/* The absolute path of a program on PATH (or the path itself, if it has a slash); NULL if none. */
char *find_program(const char *name);
/* Creates a directory and its parents. 0 or -errno. */
int make_directories(const char *path);
/* Reads a whole file. 0 or -errno; b is appended to. */
int read_file(const char *path, struct buffer *b);
/* Writes a file anew: whole or not at all (a temporary file beside it, renamed). 0 or -errno. */
int write_file(const char *path, const void *data, size_t n);
/* Writes all of it, over short writes. 0 or -errno. */
int write_all(int fd, const void *data, size_t n);
/* Milliseconds on the monotonic clock. */
int64_t now_ms(void);
/* "64M", "1G", "512K", plain bytes; 0 if it is none. */
uint64_t parse_size(const char *s);
/* "10s", "1m30s", "500ms" or plain seconds into ms; -1 if it is none. */
int64_t parse_duration_ms(const char *s);
