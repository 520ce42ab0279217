/* The last step of a build: ld, and what is done to its output. */
#pragma once
#include "uses.h"
#include "util.h"

struct link_input {
	const char *archive; /* Go's c-archive; its base name must be program.a */
	const char *files;   /* cpio archive to pack in, or NULL */
	const char *go_version;
	struct uses uses;
	bool libc;	       /* the program uses cgo: link musl */
	struct strv libraries; /* -L and -l flags of cgo packages */
	bool strip_debug, strip_all;
};

/* Links to output, which appears whole or not at all. Exits with a message on failure. */
void link_image(const struct link_input *in, const char *output);

/* Exits if a program that builds need is not installed. */
void link_check(void);

/* The directory with libunigornel.a and image.ld. Exits if they are not found. */
const char *library_dir(void);
/* The same without exiting: NULL. */
const char *library_dir_find(void);
