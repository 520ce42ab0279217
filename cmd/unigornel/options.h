/* Command lines: argp with Go's habit of long flags with one dash, and errors of one line. */
#pragma once
#include <argp.h>

/*
 * Parses argv[1]... of a command ("build"). argv[0] is replaced by "unigornel COMMAND" for --help.
 * Words from a "--" on are left alone; their index in argv is returned (argc if there is none).
 * Exits on --help (0) and on errors.
 */
int options_parse(const struct argp *argp, const char *command, int argc, char **argv, void *input);

/* What the commands have in common to teach. */
#define OPTIONS_GROUP_OURS 1
