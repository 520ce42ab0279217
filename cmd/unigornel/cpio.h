/* Makes cpio archives of format "newc" (cpio(5)): the files of a machine. Deterministic: entries
 * are sorted, owners are root, inode numbers count up. */
#pragma once
#include <stdbool.h>
#include "util.h"

struct cpio;

/* Starts an archive in the file at path. Exits with a message on any failure here and below. */
struct cpio *cpio_create(const char *path);
/* Adds HOSTDIR[:GUESTDIR]: what is in the directory (or the one file) appears at GUESTDIR, "/" by
 * default. */
void cpio_add_spec(struct cpio *c, const char *spec);
/* What is below a directory is added only if want says so; NULL: all. */
typedef bool (*cpio_filter)(void *arg, const char *host);
void cpio_set_filter(struct cpio *c, cpio_filter want, void *arg);
/* Exits if the HOSTDIR is not there or cannot be read. */
void cpio_check_spec(const char *spec);
/* Adds a host file or tree at an absolute guest path. Parents are added as needed. */
void cpio_add(struct cpio *c, const char *host, const char *guest);
/* Adds a file with these contents. */
void cpio_add_data(struct cpio *c, const char *guest, const void *data, size_t n);
/* Ends the archive; its size. Frees c. */
uint64_t cpio_finish(struct cpio *c);
