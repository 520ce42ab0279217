#include "build.h"
#include "cpio.h"
#include "link.h"
#include "overlay.h"
#include "progress.h"
#include "session.h"
#include "uses.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of what is listed, the package asked for; exits if it is no program. */
static const struct package *main_package(const struct build *b, const struct package_list *list)
{
	const struct package *found = NULL;
	size_t n = 0;
	for (size_t i = 0; i < list->n; i++) {
		if (list->v[i].dep_only)
			continue;
		found = &list->v[i];
		n++;
	}
	if (n > 1)
		die("%s matches %zu packages; an image holds one program", b->packages.v[0], n);
	if (n == 0)
		die("%s matches no package", b->packages.v[0]);
	if (!found->error && *found->name && strcmp(found->name, "main"))
		die("%s is package %s, not package main: there is nothing to run (its tests: "
		    "`unigornel test %s`)",
		    found->import_path, found->name, b->packages.v[0]);
	return found;
}

/* True if C code is linked in. runtime/cgo alone does not count: it follows from others. */
static bool uses_cgo(const struct gotool *go, const struct package_list *list)
{
	bool cgo = false;
	for (size_t i = 0; go->cgo && i < list->n; i++) {
		const struct package *p = &list->v[i];
		if (!p->cgo || !strcmp(p->import_path, "runtime/cgo"))
			continue;
		if (p->cxx)
			die("%s has C++ files, which are not supported (C is, with musl)",
			    p->import_path);
		cgo = true;
	}
	return cgo;
}

/* NAME.elf, where NAME is what go build would call the program. Allocated. */
static char *default_name(const struct build *b, const struct package *p)
{
	const char *path = p->import_path;
	if (b->packages.n && ends_with(b->packages.v[0], ".go"))
		path = b->packages.v[0];
	char *copy = xstrdup(path), *base = strrchr(copy, '/');
	/* example.com/tool/v2 is called tool. */
	if (base && base[1] == 'v' && strspn(base + 2, "0123456789") == strlen(base + 2) &&
	    base[2]) {
		*base = 0;
		base = strrchr(copy, '/');
	}
	base = base ? base + 1 : copy;
	if (ends_with(base, ".go"))
		base[strlen(base) - 3] = 0;
	char *name = xasprintf("%s.elf", base);
	free(copy);
	return name;
}

/* Where the image goes: FILE, or DIR/NAME.elf, or NAME.elf. Allocated. */
static char *output_path(const struct build *b, const struct package *p)
{
	if (b->output && ends_with(b->output, "/")) {
		int err = make_directories(b->output);
		if (err)
			die("cannot make %s: %s", b->output, strerror(-err));
	}
	if (b->output && !is_directory(b->output))
		return xstrdup(b->output);
	char *name = default_name(b, p);
	char *path = b->output ? xasprintf("%s/%s", b->output, name) : xstrdup(name);
	free(name);
	return path;
}

static void add_pkgconfig(const struct package *p, struct strv *to)
{
	struct strv argv = {0};
	struct buffer out = {0}, err = {0};
	strv_add(&argv, "pkg-config");
	strv_add(&argv, "--libs");
	strv_add(&argv, "--static");
	strv_append(&argv, &p->pkgconfig);
	int status = process_run(&argv, &(struct process_options){.out = &out, .err = &err});
	if (status)
		die("%s: pkg-config failed for %s", p->import_path, p->pkgconfig.v[0]);
	char *save = NULL;
	for (char *w = strtok_r(out.data, " \n", &save); w; w = strtok_r(NULL, " \n", &save))
		strv_add(to, w);
	strv_free(&argv);
	buffer_free(&out);
	buffer_free(&err);
}

static void cgo_environment(struct gotool *go, bool cgo)
{
	strv_addf(&go->env, "CGO_ENABLED=%d", cgo);
	/* Go's link must not leave its work directory when Ctrl-C ends it. */
	strv_addf(&go->env, "GOTMPDIR=%s", session_dir());
	strv_addf(&go->env, "TMPDIR=%s", session_dir()); /* go's linker */
	if (!cgo)
		return;
	char *cc = find_program("musl-gcc");
	if (!cc)
		die("the program uses cgo, and musl-gcc is not installed: `apt-get install "
		    "musl-tools gcc`");
	strv_addf(&go->env, "CC=%s", cc);
	free(cc);
}

/* -toolexec: ourselves, then the user's own. */
static void add_toolexec(const struct gotool *go, const struct goflags *flags, struct strv *args)
{
	const char *user = flags->toolexec ? flags->toolexec : gotool_goflags_value(go, "toolexec");
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0)
		die("cannot find myself: %s", strerror(errno));
	self[n] = 0;
	strv_addf(args, "-toolexec='%s' toolexec %s", self, user ? user : "");
}

/* The files of the image as a cpio archive; NULL if there are none. Allocated. */
static char *pack_files(const struct build *b, const struct uses *uses)
{
	const char *why = NULL, *bundle = uses->roots && !b->no_ca ? ca_bundle(&why) : NULL;
	/* What was asked for by name must be there. */
	if (why && getenv("SSL_CERT_FILE") && *getenv("SSL_CERT_FILE"))
		die("%s (--no-ca: leave the host's CA certificates out)", why);
	if (why)
		warn("%s (--no-ca: say nothing)", why);
	if (!bundle && !b->files.n)
		return NULL;
	char *path = xasprintf("%s/files.cpio", session_dir());
	struct cpio *c = cpio_create(path);
	/* Of two files with one name the later is seen: the user's. */
	if (bundle)
		cpio_add(c, bundle, CA_BUNDLE_PATH);
	for (size_t i = 0; i < b->files.n; i++)
		cpio_add_spec(c, b->files.v[i]);
	cpio_finish(c);
	return path;
}

char *build_image(const struct gotool *go_found, const struct build *b, enum build_result *result)
{
	struct gotool go = *go_found;
	struct package_list list = {0};
	struct link_input in = {.go_version = go.version,
				.strip_debug = b->flags.strip_debug,
				.strip_all = b->flags.strip_all};
	go.env = (struct strv){0};
	strv_append(&go.env, &go_found->env);

	library_dir(); /* before the long step */
	link_check();
	progress_begin("building", b->flags.verbose);
	gotool_list(&go, &b->flags, &b->packages, LIST_DEPS | (b->test ? LIST_TEST : 0), &list);
	char *output = b->test ? xstrdup(b->output) : output_path(b, main_package(b, &list));
	in.libc = uses_cgo(&go, &list);
	for (size_t i = 0; in.libc && i < list.n; i++) {
		strv_append(&in.libraries, &list.v[i].ldflags);
		if (list.v[i].pkgconfig.n)
			add_pkgconfig(&list.v[i], &in.libraries);
	}
	cgo_environment(&go, in.libc);
	char *overlay = overlay_write(&go, &b->flags);
	bool toolexec = b->flags.toolexec || overlay_needs_toolexec(&go, &b->flags, &list);
	char *tags = gotool_tags(&go, &b->flags);
	char *archive = xasprintf("%s/program.a", session_dir());
	unlink(archive);
	struct strv args = {0};
	strv_add(&args, b->test ? "test" : "build");
	if (b->test) {
		strv_add(&args, "-c");
		strv_append(&args, &b->testflags);
	}
	strv_append(&args, &b->flags.flags);
	strv_add(&args, "-buildmode=c-archive");
	strv_addf(&args, "-overlay=%s", overlay);
	strv_addf(&args, "-tags=%s", tags);
	strv_addf(&args, "-o=%s", archive);
	if (toolexec)
		add_toolexec(&go, &b->flags, &args);
	strv_append(&args, &b->packages);
	struct buffer out = {0};
	int status = gotool_run(&go, &args, b->test ? &out : NULL);
	*result = BUILD_OK;
	if (status) {
		progress_end();
		if (!b->test)
			exit(die_status == EXIT_TOOL_ERROR ? 1 : status);
		*result = BUILD_FAILED;
	} else if (access(archive, R_OK)) {
		if (!b->test)
			die("go build made no archive");
		*result = BUILD_NO_TESTS;
	} else {
		progress_step("linking");
		in.archive = archive;
		in.uses = uses_of_archive(archive);
		if (b->network != NETWORK_AUTO)
			in.uses.network = b->network == NETWORK_YES;
		in.files = pack_files(b, &in.uses);
		link_image(&in, output);
		unlink(archive);
	}
	progress_end();
	free(overlay);
	free(tags);
	free(archive);
	strv_free(&args);
	buffer_free(&out);
	if (*result != BUILD_OK) {
		free(output);
		output = NULL;
	}
	return output;
}
