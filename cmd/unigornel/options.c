#include "options.h"
#include "util.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *offender;

/* Remembers at which word argp stopped. */
static error_t remember(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key == ARGP_KEY_INIT) {
		state->child_inputs[0] = state->input;
		return 0;
	}
	if (key != ARGP_KEY_ERROR)
		return ARGP_ERR_UNKNOWN;
	if (!offender && state->next > 0)
		offender = state->argv[state->next - 1];
	return 0;
}

int options_parse(const struct argp *argp, const char *command, int argc, char **argv, void *input)
{
	char *name = xasprintf("unigornel %s", command);

	/* Without the note on short options, which says nothing here. */
	setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
	int n = argc;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--")) {
			n = i;
			break;
		}
	}
	for (int i = 1; i < n; i++) {
		if (strcmp(argv[i], "-h") && strcmp(argv[i], "-help") && strcmp(argv[i], "--help"))
			continue;
		argp_help(argp, stdout, ARGP_HELP_STD_HELP & ~(unsigned)ARGP_HELP_EXIT_OK, name);
		exit(fflush(stdout) ? die_status : 0);
	}
	const struct argp_child children[] = {{argp, 0, NULL, 0}, {NULL, 0, NULL, 0}};
	const struct argp root = {NULL, remember, NULL, NULL, children, NULL, NULL};
	char *first = argv[0];
	argv[0] = name;
	error_t err =
	    argp_parse(&root, n, argv, ARGP_LONG_ONLY | ARGP_NO_ERRS | ARGP_NO_HELP, NULL, input);
	argv[0] = first;
	if (err)
		die("%s: %s: no such flag, or its value is missing (unigornel %s --help lists "
		    "them)",
		    command, offender ? offender : "bad command line", command);
	return n;
}
