/* The flags of `go build` and `go test` that the tool passes on, as a table and an argp parser. */
#pragma once
#include <argp.h>
#include "util.h"

/* What the user said to go. */
struct goflags {
	struct strv flags;	     /* "-name" or "-name=value", passed on as they are */
	char *tags;		     /* -tags, comma separated; NULL if not given */
	char *overlay;		     /* -overlay, absolute; NULL if not given */
	char *toolexec;		     /* -toolexec */
	bool strip_debug, strip_all; /* -ldflags has -w, -s */
	bool verbose;		     /* -v or -x: go prints progress itself */
};

/* Child parser for `build`, `run` and `test`; its input is a struct goflags. */
extern const struct argp goflags_argp;
/* -v, which means something else to `go test`: for `build` and `run`. */
extern const struct argp goflags_verbose_argp;
/* -p, which means something else to `run`: for `build` and `test`. */
extern const struct argp goflags_parallel_argp;
