#include "link.h"
#include "process.h"
#include "session.h"
#include "symbols.h"
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KERNEL		 "libunigornel.a"
#define NETWORK_STACK	 "libunigornel-net.a"
#define NO_NETWORK_STACK "libunigornel-nonet.a"

static bool has_library(const char *dir)
{
	static const char *const files[] = {KERNEL, NETWORK_STACK, NO_NETWORK_STACK, "image.ld"};
	bool ok = true;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		char *path = xasprintf("%s/%s", dir, files[i]);
		ok &= !access(path, R_OK);
		free(path);
	}
	return ok;
}

/* UNIGORNEL_LIB, beside the tool (build/), or PREFIX/lib/unigornel for PREFIX/bin/unigornel. */
const char *library_dir_find(void)
{
	static char *found;
	if (found)
		return found;
	const char *env = getenv("UNIGORNEL_LIB");
	if (env && *env)
		return has_library(env) ? (found = xstrdup(env)) : NULL;
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0)
		return NULL;
	self[n] = 0;
	char *dir = dirname(self);
	char *const places[] = {xstrdup(dir), xasprintf("%s/../lib/unigornel", dir)};
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		if (!found && has_library(places[i]))
			found = places[i];
		else
			free(places[i]);
	}
	return found;
}

const char *library_dir(void)
{
	const char *dir = library_dir_find();
	if (!dir)
		die("libunigornel.a and image.ld are not beside the tool: run `make`, or set "
		    "UNIGORNEL_LIB to their directory");
	return dir;
}

void link_check(void)
{
	static const char *const needed[] = {"ld", "as", "ar"}; /* ar: for go */
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
		char *path = find_program(needed[i]);
		if (!path)
			die("%s is not installed: `apt-get install binutils`", needed[i]);
		free(path);
	}
}

/* Runs a tool of binutils or gcc; the first line of what it says on stderr is the error. */
static void run_tool(const struct strv *argv, const char *what)
{
	struct buffer err = {0};
	int status = process_run(argv, &(struct process_options){.err = &err});
	if (status) {
		buffer_add(&err, "", 0);
		const char *full = strstr(err.data, "No space left on device");
		if (full)
			die("%s: no space left on device", what);
		/* ld names the undefined symbols, one a line; keep the first line that is no
		 * location ("in function ...:"). */
		char *line = err.data;
		while (strstr(line, ": in function ") && strchr(line, '\n') &&
		       strstr(line, ": in function ") < strchr(line, '\n'))
			line = strchr(line, '\n') + 1;
		line[strcspn(line, "\n")] = 0;
		die("%s: %s", what,
		    status < 0 ? strerror(-status)
		    : *line    ? line
			       : "the linker failed");
	}
	buffer_free(&err);
}

/* Text that may stand in an assembler string. */
static char *quoted(const char *s)
{
	struct buffer b = {0};
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buffer_add(&b, "\\", 1);
		buffer_add(&b, s, 1);
	}
	buffer_add(&b, "", 0);
	return b.data;
}

/*
 * The start of a program that uses cgo, as musl's own crt1 does it: the kernel enters it like a
 * process (argc at the stack pointer), libc calls main, and main is Go. Program text, not kernel
 * text.
 */
static const char libc_start[] = ".section .program.text,\"ax\",@progbits\n"
				 ".globl unigornel_libc_start\n"
				 "unigornel_libc_start:\n"
				 "	xor %ebp, %ebp\n"
				 "	mov $main, %edi\n"
				 "	mov (%rsp), %esi\n"
				 "	lea 8(%rsp), %rdx\n"
				 "	xor %ecx, %ecx\n" /* init, fini, ldso: not used */
				 "	xor %r8d, %r8d\n"
				 "	xor %r9d, %r9d\n"
				 "	and $-16, %rsp\n"
				 "	call __libc_start_main\n"
				 "	ud2\n"
				 "main:	jmp unigornel_go_start\n"
				 /* crti.o's, which libc's start and end call. */
				 ".weak _init\n.weak _fini\n"
				 "_init:\n_fini:	ret\n";

/* The object with the note that tells our images, and with the packed files. */
static char *make_note_object(const struct link_input *in)
{
	char *source = xasprintf("%s/image.s", session_dir());
	char *object = xasprintf("%s/image.o", session_dir());
	struct buffer s = {0};
	char *version = quoted(in->go_version);
	buffer_addf(&s,
		    ".section .note.unigornel,\"a\",@note\n.balign 4\n"
		    ".long 2f-1f, 4f-3f, 1\n1: .asciz \"unigornel\"\n2: .balign 4\n"
		    "3: .asciz \"%s\"\n.asciz \"%s\"\n.asciz \"%s\"\n4: .balign 4\n",
		    VERSION, version, in->uses.network ? "net" : "");
	if (in->files) {
		char *path = quoted(in->files);
		buffer_addf(&s, ".section .unigornel.files,\"a\"\n.balign 8\n.incbin \"%s\"\n",
			    path);
		free(path);
	}
	if (in->libc)
		buffer_addf(&s, "%s", libc_start);
	buffer_addf(&s, ".section .note.GNU-stack,\"\",@progbits\n");
	int err = write_file(source, s.data, s.len);
	if (err)
		die("cannot write %s: %s", source, strerror(-err));
	struct strv argv = {0};
	strv_add(&argv, "as");
	strv_add(&argv, "-o");
	strv_add(&argv, object);
	strv_add(&argv, source);
	run_tool(&argv, "assembling the image's note");
	strv_free(&argv);
	buffer_free(&s);
	free(version);
	free(source);
	return object;
}

/* Where gcc keeps one of its own libraries. Allocated. */
static char *gcc_file(const char *file)
{
	struct strv argv = {0};
	struct buffer out = {0}, err = {0};
	strv_add(&argv, "gcc");
	strv_addf(&argv, "-print-file-name=%s", file);
	int status = process_run(&argv, &(struct process_options){.out = &out, .err = &err});
	strv_free(&argv);
	buffer_free(&err);
	if (status || !out.data || *out.data != '/')
		die("gcc has no %s: `apt-get install gcc`", file);
	out.data[strcspn(out.data, "\n")] = 0;
	return out.data;
}

/* musl's directory. musl-gcc is gcc with other specs, so -print-file-name would find the host's
 * libc; the link that it would do names musl's crti.o. Allocated. */
static char *musl_dir(void)
{
	struct strv argv = {0};
	struct buffer err = {0};
	char *dir = NULL, *save = NULL;
	const char *const words[] = {"musl-gcc", "-###", "-x", "c", "/dev/null"};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		strv_add(&argv, words[i]);
	process_run(&argv, &(struct process_options){.err = &err});
	buffer_add(&err, "", 0);
	for (char *w = strtok_r(err.data, " \n\"", &save); w; w = strtok_r(NULL, " \n\"", &save)) {
		char *libc;
		if (dir || *w != '/' || !ends_with(w, "/crti.o"))
			continue;
		dir = xasprintf("%.*s", (int)(strrchr(w, '/') - w), w);
		libc = xasprintf("%s/libc.a", dir);
		if (access(libc, R_OK)) {
			free(dir);
			dir = NULL;
		}
		free(libc);
	}
	if (!dir)
		die("musl-gcc has no libc.a: `apt-get install musl-tools musl-dev`");
	strv_free(&argv);
	buffer_free(&err);
	return dir;
}

static void add_libc(const struct link_input *in, struct strv *argv)
{
	char *dir = musl_dir(), *libgcc = gcc_file("libgcc.a"), *eh = gcc_file("libgcc_eh.a");
	strv_addf(argv, "-L%s", dir);
	for (size_t i = 0; i < in->libraries.n; i++) {
		const char *flag = in->libraries.v[i];
		if (starts_with(flag, "-Wl,")) {
			char *words = xstrdup(flag + 4), *save = NULL;
			for (char *w = strtok_r(words, ",", &save); w;
			     w = strtok_r(NULL, ",", &save))
				strv_add(argv, w);
			free(words);
		} else if (strcmp(flag, "-pthread") && strcmp(flag, "-static") &&
			   strcmp(flag, "-rdynamic") && !starts_with(flag, "-f") &&
			   !starts_with(flag, "-m") && !starts_with(flag, "-O") &&
			   !starts_with(flag, "-g")) {
			strv_add(argv, flag);
		}
	}
	strv_add(argv, "--start-group");
	strv_addf(argv, "%s/libc.a", dir);
	strv_add(argv, libgcc);
	strv_add(argv, eh);
	strv_add(argv, "--end-group");
	free(dir);
	free(libgcc);
	free(eh);
}

void link_image(const struct link_input *in, const char *output)
{
	const char *lib = library_dir();
	char *note = make_note_object(in), *what = xasprintf("linking %s", output);
	char *dir_copy = xstrdup(output), *base_copy = xstrdup(output);
	/* Beside the output, so that the rename is atomic. */
	char *tmp =
	    xasprintf("%s/.%s.%d.tmp", dirname(dir_copy), basename(base_copy), (int)getpid());
	session_remove_at_exit(tmp);
	struct strv argv = {0};
	const char *const words[] = {"ld", "-nostdlib", "-static", "-z", "noexecstack", "-z",
				     "max-page-size=0x1000", "--build-id=none",
				     /* as Go's own linker does */
				     "--compress-debug-sections=zlib", "-T"};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		strv_add(&argv, words[i]);
	strv_addf(&argv, "%s/image.ld", lib);
	if (in->strip_debug)
		strv_add(&argv, "--strip-debug");
	strv_add(&argv, "-o");
	strv_add(&argv, tmp);
	strv_add(&argv, note);
	strv_add(&argv, "--whole-archive");
	strv_add(&argv, in->archive);
	strv_addf(&argv, "%s/" KERNEL, lib);
	strv_addf(&argv, "%s/%s", lib, in->uses.network ? NETWORK_STACK : NO_NETWORK_STACK);
	strv_add(&argv, "--no-whole-archive");
	if (in->libc)
		add_libc(in, &argv);
	run_tool(&argv, what);
	symbols_append(tmp, in->strip_all);
	session_check();
	if (rename(tmp, output))
		die("cannot write %s: %s", output, strerror(errno));
	session_keep(tmp);
	strv_free(&argv);
	free(note);
	free(what);
	free(tmp);
	free(dir_copy);
	free(base_copy);
}
