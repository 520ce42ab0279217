/* From a Go package to an image; what build, run and test share. */
#pragma once
#include "goflags.h"
#include "gotool.h"
#include "util.h"

struct build {
	struct goflags flags;
	struct strv packages; /* one package, or .go files; for a test exactly one package */
	char *output; /* the image's path; a directory or NULL: NAME.elf in there, or here */
	char *files;  /* cpio archive to pack into the image, or NULL */
	bool test;    /* the package's test binary (go test -c) */
	struct strv testflags; /* flags for go test -c only */
};

/* Builds b->output. Exits with a message if it cannot. False only for a test of a package that has
 * no test files, or (with go's messages printed) for a test that does not compile. */
enum build_result { BUILD_OK, BUILD_NO_TESTS, BUILD_FAILED };
enum build_result build_image(const struct gotool *go, const struct build *b);
