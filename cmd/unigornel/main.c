/* unigornel: builds and runs Go programs as machines. This file: which command. */
#include "commands.h"
#include "session.h"
#include "util.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command {
	const char *name, *help;
	int (*run)(int argc, char **argv);
} commands[] = {
    {"build", "build a package into a bootable image", command_build},
    {"run", "boot a package or an image as a virtual machine", command_run},
    {"test", "run a package's tests in a virtual machine, as go test does", command_test},
    {"xl-config", "print a configuration of Xen's xl for an image", command_xl_config},
    {"doctor",
     "say what is installed here, what works, and what to install; what an image supports",
     command_doctor},
    {"version", "print the versions of the tool, Go and the hypervisors", command_version},
    {"help", "print this, or the help of a command", command_help},
};
#define NCOMMANDS (sizeof commands / sizeof commands[0])

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < NCOMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

int command_help(int argc, char **argv)
{
	if (argc > 1) {
		const struct command *c = find(argv[1]);
		if (!c)
			die("help: no such command: %s", argv[1]);
		if (c->run != command_help) {
			char help[] = "--help", *args[] = {argv[1], help, NULL};
			return c->run(2, args);
		}
	}
	puts("unigornel runs an unmodified Go program as a virtual machine.\n\n"
	     "    unigornel run ./cmd/server -- -listen :80\n\n"
	     "Commands:");
	for (size_t i = 0; i < NCOMMANDS; i++)
		printf("    %-9s %s\n", commands[i].name, commands[i].help);
	puts("\n`unigornel COMMAND --help` says more.");
	return fflush(stdout) ? 1 : 0;
}

int main(int argc, char **argv)
{
	session_begin();
	if (argc < 2) {
		char help[] = "help", *args[] = {help, NULL};
		command_help(1, args);
		return 2;
	}
	const char *name = argv[1];
	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "-help"))
		name = "help";
	if (!strcmp(name, "--version") || !strcmp(name, "-version"))
		name = "version";
	if (!strcmp(name, "toolexec"))
		return command_toolexec(argc - 1, argv + 1);
	const struct command *c = find(name);
	if (!c) {
		die_status = 2;
		die("no such command: %s (unigornel help lists them)", argv[1]);
	}
	if (c->run == command_run)
		die_status = EXIT_TOOL_ERROR;
	return c->run(argc - 1, argv + 1);
}
