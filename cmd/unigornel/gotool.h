/* The user's go command: where it is, what it says about itself and about a package. */
#pragma once
#include "goflags.h"
#include "process.h"
#include "util.h"

struct gotool {
	char *path; /* of the go command */
	char *goroot, *version, *goos, *goarch, *goflags, *cc;
	char *dir;	 /* where it runs; NULL: here */
	int minor;	 /* 19 for go1.19.8; 1000 for a development version */
	bool cgo;	 /* CGO_ENABLED */
	struct strv env; /* what go must be run with beyond our environment */
};

/* A package as `go list -deps` sees it. */
struct package {
	char *import_path, *name, *dir, *error;
	bool standard, dep_only;
	char *root; /* of its module, or GOROOT/src; NULL if unknown */
	bool has_tests;
	bool cgo, cxx;
	struct strv sfiles, ldflags, pkgconfig; /* sfiles: names in dir */
};
struct package_list {
	struct package *v;
	size_t n;
};

/*
 * Finds go and asks it for its environment, as seen from here (a go.mod may choose another
 * toolchain). Where the packages are directories of another module than the one we are in, go
 * runs in that one, and the packages are rewritten. Exits with a message if go is absent, too old,
 * or set up for another machine.
 */
void gotool_find(struct gotool *go, struct strv *packages);

/* The value of -name=VALUE in GOFLAGS; the last one counts. Allocated, or NULL. */
char *gotool_goflags_value(const struct gotool *go, const char *name);

/* The tags to build with: the user's (command line, else GOFLAGS) and ours. Allocated. */
char *gotool_tags(const struct gotool *go, const struct goflags *flags);

/* `go list -e` of the packages, and of all they need, and of all their tests need. Exits if go list
 * itself fails. */
#define LIST_DEPS 1u
#define LIST_TEST 2u
void gotool_list(const struct gotool *go, const struct goflags *flags, const struct strv *packages,
		 unsigned what, struct package_list *list);

/* Runs go with these arguments; lines of noise that come from the way we build are dropped from
 * its stderr. The exit code. out: receives stdout, or NULL. */
int gotool_run(const struct gotool *go, const struct strv *args, struct buffer *out);

/* Adds those of the flags that choose the packages' files to the arguments of go list or go vet. */
void gotool_add_list_flags(const struct gotool *go, const struct goflags *flags, struct strv *args);
