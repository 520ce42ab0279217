/*
 * Between go and its assembler (go build -toolexec), for modules that carry SYSCALL in their own
 * assembly: hands the assembler changed copies, which lie in go's work directory and vanish with
 * it. Go caches results by the tool's version, so the assembler says here that it is another one.
 */
#include "asm.h"
#include "commands.h"
#include "process.h"
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Raised when asm.c changes what it makes. */
#define ASM_FORMAT 1

/* `asm -V=full` says "asm version go1.26.8" or, for development versions, "... buildID=X". */
static int print_version(const struct strv *command)
{
	struct buffer out = {0};
	int status = process_run(command, &(struct process_options){.out = &out});
	if (status || !out.data)
		return status < 0 ? 1 : status;
	out.data[strcspn(out.data, "\n")] = 0;
	char *id = strstr(out.data, " buildID=");
	if (id)
		printf("%.*s unigornel-%d%s\n", (int)(id - out.data), out.data, ASM_FORMAT, id);
	else
		printf("%s unigornel-%d\n", out.data, ASM_FORMAT);
	return fflush(stdout) ? 1 : 0;
}

/* The changed copy of a file, in the directory of the assembler's output; NULL if it needs none. */
static char *changed_copy(const char *path, const char *output)
{
	struct buffer in = {0}, out = {0}, text = {0};
	char *copy = NULL;
	if (!read_file(path, &in) && asm_replace_syscalls(&in, &out)) {
		char *dir = xstrdup(output), *name = xstrdup(path);
		copy = xasprintf("%s/unigornel-%s", dirname(dir), basename(name));
		/* Messages and debug information name the original. Before the first #include or
		 * function, since //go:build must come first. */
		const char *at = out.data;
		unsigned line = 1;
		for (; *at && *at != '#' && strncmp(at, "TEXT", 4); line++) {
			const char *newline = strchr(at, '\n');
			at = newline ? newline + 1 : at + strlen(at);
		}
		buffer_add(&text, out.data, (size_t)(at - out.data));
		if (*at)
			buffer_addf(&text, "#line %u \"%s\"\n", line, path);
		buffer_add(&text, at, out.len - (size_t)(at - out.data));
		int err = write_file(copy, text.data, text.len);
		if (err)
			die("cannot write %s: %s", copy, strerror(-err));
		free(dir);
		free(name);
	}
	buffer_free(&in);
	buffer_free(&out);
	buffer_free(&text);
	return copy;
}

/* argv: "toolexec", perhaps the words of the user's own -toolexec, the path of go's tool, its
 * arguments. */
int command_toolexec(int argc, char **argv)
{
	int tool = 1;
	while (tool < argc && !(argv[tool][0] == '/' && strstr(argv[tool], "/pkg/tool/")))
		tool++;
	if (tool >= argc)
		die("toolexec: this command is for go, not for people");
	struct strv command = {0};
	bool assembles = ends_with(argv[tool], "/asm");
	const char *output = NULL;
	for (int i = tool; assembles && i + 1 < argc; i++)
		if (!strcmp(argv[i], "-o"))
			output = argv[i + 1];
	for (int i = 1; i < argc; i++) {
		char *copy = assembles && output && i > tool && ends_with(argv[i], ".s")
				 ? changed_copy(argv[i], output)
				 : NULL;
		strv_add(&command, copy ? copy : argv[i]);
		free(copy);
	}
	if (assembles && tool + 1 < argc && starts_with(argv[tool + 1], "-V"))
		return print_version(&command);
	execvp(command.v[0], command.v);
	die("cannot run %s: %s", command.v[0], strerror(errno));
}
