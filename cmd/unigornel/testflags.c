#include "testflags.h"
#include <stdlib.h>
#include <string.h>

#define FIRST_KEY 0x3000

static const char no_files[] = "files that the machine writes are gone when it ends";

/* cmd/go/internal/test: arg NULL is a boolean; no NULL: it cannot work, and why. */
static const struct flag {
	const char *name, *arg, *no;
} flags[] = {
    {"bench", "REGEXP", NULL},
    {"benchmem", NULL, NULL},
    {"benchtime", "TIME", NULL},
    {"blockprofile", "FILE", no_files},
    {"blockprofilerate", "N", NULL},
    {"c", NULL, "`unigornel build` makes images of programs only"},
    {"count", "N", NULL},
    {"coverprofile", "FILE", no_files},
    {"cpu", "LIST", NULL},
    {"cpuprofile", "FILE", no_files},
    {"exec", "CMD", "the tests run in a machine"},
    {"failfast", NULL, NULL},
    {"fullpath", NULL, NULL},
    {"fuzz", "REGEXP", "fuzzing starts processes"},
    {"fuzzminimizetime", "TIME", "fuzzing starts processes"},
    {"fuzztime", "TIME", "fuzzing starts processes"},
    {"json", NULL, "pipe `unigornel test -v` into `go tool test2json`"},
    {"list", "REGEXP", NULL},
    {"memprofile", "FILE", no_files},
    {"memprofilerate", "N", NULL},
    {"mutexprofile", "FILE", no_files},
    {"mutexprofilefraction", "N", NULL},
    {"outputdir", "DIR", no_files},
    {"parallel", "N", NULL},
    {"run", "REGEXP", NULL},
    {"short", NULL, NULL},
    {"shuffle", "HOW", NULL},
    {"skip", "REGEXP", NULL},
    {"timeout", "TIME", NULL},
    {"v", NULL, NULL},
    {"vet", "LIST", NULL},
};
#define NFLAGS (sizeof flags / sizeof flags[0])

static struct argp_option options[NFLAGS + 1];

static void set(struct testflags *t, const struct flag *f, const char *value)
{
	bool off = value && !f->arg && (!strcmp(value, "false") || !strcmp(value, "0"));
	if (f->no && off)
		return;
	if (f->no)
		die("test: -%s is not supported: %s", f->name, f->no);
	if (!strcmp(f->name, "vet")) {
		t->vet_off = !strcmp(value, "off");
		t->vet = t->vet_off ? NULL : xstrdup(value);
		return;
	}
	if (!strcmp(f->name, "timeout")) {
		t->timeout_ms = parse_duration_ms(value);
		if (t->timeout_ms < 0)
			die("test: -timeout %s: a time like 30s or 5m is needed", value);
		return;
	}
	t->verbose |= (!strcmp(f->name, "v") && !off) || !strcmp(f->name, "list");
	t->bench |= !strcmp(f->name, "bench");
	if (value)
		strv_addf(&t->words, "-test.%s=%s", f->name, value);
	else
		strv_addf(&t->words, "-test.%s", f->name);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	if (key < FIRST_KEY || key >= FIRST_KEY + (int)NFLAGS)
		return ARGP_ERR_UNKNOWN;
	set(state->input, &flags[key - FIRST_KEY], arg);
	return 0;
}

const struct argp testflags_argp = {options, parse, NULL, NULL, NULL, NULL, NULL};

__attribute__((constructor)) static void fill_options(void)
{
	for (size_t i = 0; i < NFLAGS; i++) {
		options[i] = (struct argp_option){
		    flags[i].name,
		    FIRST_KEY + (int)i,
		    flags[i].arg ? flags[i].arg : "BOOL",
		    (flags[i].arg ? 0 : OPTION_ARG_OPTIONAL) | (flags[i].no ? OPTION_HIDDEN : 0),
		    "",
		    0,
		};
	}
}

static const struct flag *find(const char *name, size_t n)
{
	for (size_t i = 0; i < NFLAGS; i++)
		if (strlen(flags[i].name) == n && !memcmp(flags[i].name, name, n))
			return &flags[i];
	return NULL;
}

void testflags_words(struct testflags *t, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		const char *name = argv[i];
		size_t dashes = strspn(name, "-");
		if (!strcmp(name, "-args") || !strcmp(name, "--args")) {
			for (i++; i < argc; i++)
				strv_add(&t->words, argv[i]);
			return;
		}
		name += dashes;
		if (starts_with(name, "test."))
			name += 5;
		size_t n = strcspn(name, "=");
		const struct flag *f = dashes == 1 || dashes == 2 ? find(name, n) : NULL;
		if (!f)
			strv_add(&t->words, argv[i]);
		else if (name[n])
			set(t, f, name + n + 1);
		else if (!f->arg)
			set(t, f, NULL);
		else if (i + 1 < argc)
			set(t, f, argv[++i]);
		else
			die("test: -%s needs a value", f->name);
	}
}
