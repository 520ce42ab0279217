#include "goflags.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Keys from here on are indices into the table below. */
#define FIRST_KEY 0x1000

enum treatment { PASS, TAGS, OVERLAY, CHDIR, LDFLAGS, VERBOSE, TOOLEXEC, REJECT };

struct flag {
	const char *name, *arg; /* arg NULL: boolean, takes only =true or =false */
	enum treatment treatment;
	const char *reason; /* for REJECT: why, and what to do */
};

static const struct flag flags[] = {
    {"C", "DIR", CHDIR, NULL},
    {"a", NULL, PASS, NULL},
    {"asan", NULL, REJECT, "the address sanitizer needs its runtime library on the machine"},
    {"asmflags", "ARGS", PASS, NULL},
    {"buildmode", "MODE", REJECT, "the tool chooses the build mode"},
    {"buildvcs", NULL, PASS, NULL},
    {"compiler", "NAME", REJECT, "only the gc compiler is supported"},
    {"cover", NULL, PASS, NULL},
    {"covermode", "MODE", PASS, NULL},
    {"coverpkg", "LIST", PASS, NULL},
    {"gcflags", "ARGS", PASS, NULL},
    {"gccgoflags", "ARGS", REJECT, "only the gc compiler is supported"},
    {"installsuffix", "SUFFIX", PASS, NULL},
    {"ldflags", "ARGS", LDFLAGS, NULL},
    {"linkshared", NULL, REJECT, "an image is one static file"},
    {"mod", "MODE", PASS, NULL},
    {"modcacherw", NULL, PASS, NULL},
    {"modfile", "FILE", PASS, NULL},
    {"msan", NULL, REJECT, "the memory sanitizer needs its runtime library on the machine"},
    {"n", NULL, REJECT, "there is nothing to link when go only prints commands"},
    {"overlay", "FILE", OVERLAY, NULL},
    {"pgo", "FILE", PASS, NULL},
    {"pkgdir", "DIR", PASS, NULL},
    {"race", NULL, REJECT, "the race detector needs its C runtime; use `go test -race` natively"},
    {"tags", "LIST", TAGS, NULL},
    {"toolexec", "CMD", TOOLEXEC, NULL},
    {"trimpath", NULL, PASS, NULL},
    {"work", NULL, PASS, NULL},
    {"x", NULL, VERBOSE, NULL},
};
#define NFLAGS (sizeof flags / sizeof flags[0])

/* Filled from the table above before main. */
static struct argp_option options[NFLAGS + 1];

/* True if a boolean flag's value means off, as Go's strconv.ParseBool reads it. */
static bool is_off(const char *value)
{
	return value && (!strcmp(value, "false") || !strcmp(value, "0") || !strcmp(value, "f") ||
			 !strcmp(value, "F") || !strcmp(value, "FALSE") || !strcmp(value, "False"));
}

/* -s and -w among the words of -ldflags [pattern=]ARGS also mean the kernel's symbols. */
static void read_ldflags(struct goflags *g, const char *value)
{
	char *copy = xstrdup(value), *save = NULL;
	for (char *w = strtok_r(copy, " \t\n='\"", &save); w;
	     w = strtok_r(NULL, " \t\n='\"", &save)) {
		if (!strcmp(w, "-w") || !strcmp(w, "--w"))
			g->strip_debug = true;
		if (!strcmp(w, "-s") || !strcmp(w, "--s"))
			g->strip_debug = g->strip_all = true;
	}
	free(copy);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct goflags *g = state->input;
	if (key < FIRST_KEY || key >= FIRST_KEY + (int)NFLAGS)
		return ARGP_ERR_UNKNOWN;
	const struct flag *f = &flags[key - FIRST_KEY];
	switch (f->treatment) {
	case REJECT:
		if (!f->arg && is_off(arg))
			return 0;
		if (!strcmp(f->name, "compiler") && !strcmp(arg, "gc"))
			return 0;
		die("-%s is not supported: %s", f->name, f->reason);
	case TAGS:
		free(g->tags);
		g->tags = xstrdup(arg);
		for (char *p = g->tags; *p; p++)
			if (*p == ' ')
				*p = ',';
		return 0;
	case OVERLAY:
		g->overlay = realpath(arg, NULL);
		if (!g->overlay)
			die("-overlay: cannot read %s", arg);
		return 0;
	case TOOLEXEC:
		g->toolexec = xstrdup(arg);
		return 0;
	case CHDIR:
		/* As go does: what follows is meant from there. */
		if (chdir(arg))
			die("-C: cannot change to %s: %s", arg, strerror(errno));
		return 0;
	case LDFLAGS:
		read_ldflags(g, arg);
		break;
	case VERBOSE:
		g->verbose = !is_off(arg);
		break;
	case PASS:
		break;
	}
	if (arg)
		strv_addf(&g->flags, "-%s=%s", f->name, arg);
	else
		strv_addf(&g->flags, "-%s", f->name);
	return 0;
}

const struct argp goflags_argp = {options, parse, NULL, NULL, NULL, NULL, NULL};

static error_t parse_verbose(int key, char *arg, struct argp_state *state)
{
	struct goflags *g = state->input;
	if (key != FIRST_KEY - 1)
		return ARGP_ERR_UNKNOWN;
	g->verbose = !is_off(arg);
	if (g->verbose)
		strv_add(&g->flags, "-v");
	return 0;
}

static const struct argp_option verbose_options[] = {
    {"v", FIRST_KEY - 1, "BOOL", OPTION_ARG_OPTIONAL, "Go prints the packages it compiles", 0},
    {0},
};

const struct argp goflags_verbose_argp = {
    verbose_options, parse_verbose, NULL, NULL, NULL, NULL, NULL};

static error_t parse_parallel(int key, char *arg, struct argp_state *state)
{
	struct goflags *g = state->input;
	if (key != FIRST_KEY - 2)
		return ARGP_ERR_UNKNOWN;
	strv_addf(&g->flags, "-p=%s", arg);
	return 0;
}

static const struct argp_option parallel_options[] = {{"p", FIRST_KEY - 2, "N", 0, "", 0}, {0}};

const struct argp goflags_parallel_argp = {
    parallel_options, parse_parallel, NULL, NULL, NULL, NULL, NULL};

__attribute__((constructor)) static void fill_options(void)
{
	for (size_t i = 0; i < NFLAGS; i++) {
		options[i].name = flags[i].name;
		options[i].key = FIRST_KEY + (int)i;
		options[i].arg = flags[i].arg ? flags[i].arg : "BOOL";
		options[i].flags = (flags[i].arg ? 0 : OPTION_ARG_OPTIONAL) |
				   (flags[i].treatment == REJECT ? OPTION_HIDDEN : 0);
		options[i].doc = "";
		options[i].group = 0;
	}
}
