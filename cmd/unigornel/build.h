/* From a Go package to an image; what build, run and test share. */
#pragma once
#include "goflags.h"
#include "gotool.h"
#include "util.h"

struct build {
	struct goflags flags;
	struct strv packages; /* one package, or .go files; for a test exactly one package */
	char *output;	   /* the image's path; a directory or NULL: NAME.elf in there, or here */
	struct strv files; /* HOSTDIR[:GUESTDIR]s to pack into the image */
	bool test;	   /* the package's test binary (go test -c) */
	bool no_ca;	   /* leave the host's CA certificates out */
	enum build_network {
		NETWORK_AUTO,
		NETWORK_YES,
		NETWORK_NO
	} network;	       /* AUTO: if it opens sockets */
	struct strv testflags; /* flags for go test -c only */
};

/* Builds the image and returns its path (allocated). Exits with a message if it cannot be built.
 * For a test NULL is possible too: *result says whether the package has no tests, or they do not
 * compile (with go's messages printed). */
enum build_result { BUILD_OK, BUILD_NO_TESTS, BUILD_FAILED };
char *build_image(const struct gotool *go, const struct build *b, enum build_result *result);
