#include "gotool.h"
#include "overlay.h"
#include "progress.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OLDEST_MINOR 19
#define INSTALL_HINT "install Go 1.19 or newer: `apt-get install golang-go`, or https://go.dev/dl"

static char *json_string(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
	return xstrdup(cJSON_IsString(item) ? item->valuestring : "");
}

static void json_strings(const cJSON *object, const char *name, struct strv *to)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(object, name))
	{
		if (cJSON_IsString(item))
			strv_add(to, item->valuestring);
	}
}

/* go1.19.8, go1.22rc1, "devel go1.27-abc", "go1.26.1 X:nodwarf5". */
static int minor_version(const char *version)
{
	const char *p = strstr(version, "go1.");
	if (!p)
		return starts_with(version, "devel") ? 1000 : 0;
	return atoi(p + 4);
}

static void first_line(char *s)
{
	s[strcspn(s, "\n")] = 0;
}

/* The closest directory with a go.mod or go.work, from dir (absolute) upwards; NULL. Allocated. */
static char *module_root(const char *dir)
{
	char *root = xstrdup(dir);
	for (;;) {
		char *mod = xasprintf("%s/go.mod", root), *work = xasprintf("%s/go.work", root);
		bool found = !access(mod, F_OK) || !access(work, F_OK);
		free(mod);
		free(work);
		if (found)
			return root;
		char *slash = strrchr(root, '/');
		if (!slash || !*root) {
			free(root);
			return NULL;
		}
		*slash = 0;
	}
}

/* True if go finds the packages from here, for instance in a module that go.mod replaces by a
 * directory. */
static bool go_knows(const struct gotool *go, const struct strv *packages)
{
	struct strv argv = {0};
	struct buffer out = {0}, err = {0};
	strv_add(&argv, go->path);
	strv_add(&argv, "list");
	strv_add(&argv, "-find");
	strv_append(&argv, packages);
	int status = process_run(&argv, &(struct process_options){.out = &out, .err = &err});
	strv_free(&argv);
	buffer_free(&out);
	buffer_free(&err);
	return !status;
}

/*
 * go knows the packages of the module it runs in only. A directory of another one
 * (./examples/hello, seen from outside) can mean but one thing.
 */
static void enter_module(struct gotool *go, struct strv *packages)
{
	char here[PATH_MAX], full[PATH_MAX], *root = NULL;
	const char *mode = getenv("GO111MODULE");
	struct strv inside = {0};
	if ((mode && !strcmp(mode, "off")) || getenv("GOWORK") || !getcwd(here, sizeof here))
		return;
	const char *ours = module_root(here);
	for (size_t i = 0; i < packages->n; i++) {
		const char *p = packages->v[i];
		bool below = ends_with(p, "/...");
		char *dir = xasprintf("%.*s", (int)(strlen(p) - (below ? 4 : 0)), p);
		bool ok = (*p == '.' || *p == '/') && is_directory(dir) && realpath(dir, full);
		char *of = ok ? module_root(full) : NULL;
		free(dir);
		if (!of || (root && strcmp(root, of)))
			return;
		root = of;
		strv_addf(&inside, ".%s%s", full + strlen(root), below ? "/..." : "");
	}
	if (!root || (ours && (!strcmp(root, ours) || go_knows(go, packages))))
		return;
	go->dir = root;
	strv_free(packages);
	*packages = inside;
}

/*
 * A toolchain that go fetched for itself (GOTOOLCHAIN, or a go.mod that asks for it) lies in the
 * module cache, of which go lets no overlay replace anything, and Go 1.19 and 1.20 do not even find
 * their own packages there. So it is used by another name, a link among our own files.
 */
static void leave_modcache(struct gotool *go, const char *modcache)
{
	size_t n = strlen(modcache);
	if (!n || !starts_with(go->goroot, modcache) || go->goroot[n] != '/')
		return;
	char *dir = xasprintf("%s/goroot", cache_dir());
	char *link = xasprintf("%s/%s", dir, strrchr(go->goroot, '/') + 1);
	char *tmp = xasprintf("%s.%d.tmp", link, (int)getpid());
	char target[PATH_MAX] = "";
	ssize_t length = readlink(link, target, sizeof target - 1);
	if (length != (ssize_t)strlen(go->goroot) || strcmp(target, go->goroot)) {
		int err = make_directories(dir);
		if (!err && symlink(go->goroot, tmp))
			err = -errno;
		if (!err && rename(tmp, link)) { /* atomic: others may use it */
			err = -errno;
			unlink(tmp);
		}
		if (err)
			die("cannot make %s: %s", link, strerror(-err));
	}
	free(go->goroot);
	free(go->path);
	go->goroot = link;
	go->path = xasprintf("%s/bin/go", link);
	strv_addf(&go->env, "GOROOT=%s", link);
	strv_add(&go->env, "GOTOOLCHAIN=local");
	free(dir);
	free(tmp);
}

void gotool_find(struct gotool *go, struct strv *packages)
{
	*go = (struct gotool){0};
	go->path = find_program("go");
	if (!go->path)
		die("no go command on PATH: " INSTALL_HINT);
	enter_module(go, packages);
	struct strv argv = {0};
	const char *const words[] = {go->path,	  "env",  "-json",     "GOROOT",
				     "GOVERSION", "GOOS", "GOARCH",    "CGO_ENABLED",
				     "GOFLAGS",	  "CC",	  "GOMODCACHE"};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		strv_add(&argv, words[i]);
	struct buffer out = {0}, err = {0};
	int status =
	    process_run(&argv, &(struct process_options){.dir = go->dir, .out = &out, .err = &err});
	cJSON *json = status ? NULL : cJSON_Parse(out.data ? out.data : "");
	if (!json) {
		buffer_add(&err, "", 0);
		first_line(err.data);
		die("go env failed: %s", status < 0 ? strerror(-status) : err.data);
	}
	go->goroot = json_string(json, "GOROOT");
	go->version = json_string(json, "GOVERSION");
	go->goos = json_string(json, "GOOS");
	go->goarch = json_string(json, "GOARCH");
	go->goflags = json_string(json, "GOFLAGS");
	go->cc = json_string(json, "CC");
	char *modcache = json_string(json, "GOMODCACHE"), *cgo = json_string(json, "CGO_ENABLED");
	go->cgo = !strcmp(cgo, "1");
	free(cgo);
	cJSON_Delete(json);
	buffer_free(&out);
	buffer_free(&err);
	strv_free(&argv);

	go->minor = minor_version(go->version);
	if (go->minor < OLDEST_MINOR)
		die("%s is %s, which is too old: " INSTALL_HINT, go->path,
		    *go->version ? go->version : "of an unknown version");
	if (strcmp(go->goarch, "amd64"))
		die("GOARCH=%s: only amd64 machines can be built (unset GOARCH)", go->goarch);
	if (strcmp(go->goos, "linux"))
		die("GOOS=%s: programs are built as for linux (unset GOOS)", go->goos);
	leave_modcache(go, modcache);
	free(modcache);
}

char *gotool_goflags_value(const struct gotool *go, const char *name)
{
	char *copy = xstrdup(go->goflags), *save = NULL, *value = NULL;
	char *prefix = xasprintf("-%s=", name);
	for (char *w = strtok_r(copy, " \t\n", &save); w; w = strtok_r(NULL, " \t\n", &save)) {
		while (*w == '\'' || *w == '"')
			w++;
		w += starts_with(w, "--");
		if (!starts_with(w, prefix))
			continue;
		free(value);
		value = xstrdup(w + strlen(prefix));
		value[strcspn(value, "'\"")] = 0;
	}
	free(prefix);
	free(copy);
	return value;
}

char *gotool_tags(const struct gotool *go, const struct goflags *flags)
{
	char *user = flags->tags ? xstrdup(flags->tags) : gotool_goflags_value(go, "tags");
	/* Without these, net and os/user would bring in libc (DESIGN.md, section 2). */
	char *tags = xasprintf("%s%snetgo,osusergo", user ? user : "", user && *user ? "," : "");
	free(user);
	return tags;
}

static void add_package(const cJSON *json, struct package_list *list)
{
	list->v = xrealloc(list->v, (list->n + 1) * sizeof *list->v);
	struct package *p = &list->v[list->n++];
	*p = (struct package){0};
	p->import_path = json_string(json, "ImportPath");
	p->name = json_string(json, "Name");
	p->dir = json_string(json, "Dir");
	p->standard = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "Standard"));
	p->dep_only = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "DepOnly"));
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(json, "Error");
	p->error = error ? json_string(error, "Err") : NULL;
	p->cgo = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(json, "CgoFiles")) > 0;
	p->cxx = cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(json, "CXXFiles")) > 0;
	p->has_tests =
	    cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(json, "TestGoFiles")) > 0 ||
	    cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(json, "XTestGoFiles")) > 0;
	const cJSON *module = cJSON_GetObjectItemCaseSensitive(json, "Module");
	p->root = module ? json_string(module, "Dir") : json_string(json, "Root");
	json_strings(json, "SFiles", &p->sfiles);
	json_strings(json, "CgoLDFLAGS", &p->ldflags);
	json_strings(json, "CgoPkgConfig", &p->pkgconfig);
}

void gotool_add_list_flags(const struct gotool *go, const struct goflags *flags, struct strv *args)
{
	char *tags = gotool_tags(go, flags);
	strv_addf(args, "-tags=%s", tags);
	free(tags);
	if (flags->overlay)
		strv_addf(args, "-overlay=%s", flags->overlay);
	for (size_t i = 0; i < flags->flags.n; i++) {
		const char *f = flags->flags.v[i];
		if (starts_with(f, "-mod") || starts_with(f, "-pkgdir") ||
		    starts_with(f, "-installsuffix"))
			strv_add(args, f);
	}
}

void gotool_list(const struct gotool *go, const struct goflags *flags, const struct strv *packages,
		 unsigned what, struct package_list *list)
{
	struct strv args = {0};
	strv_add(&args, "list");
	strv_add(&args, "-e");
	if (what & LIST_DEPS)
		strv_add(&args, "-deps");
	if (what & LIST_TEST)
		strv_add(&args, "-test");
	strv_add(&args, "-json=ImportPath,Name,Dir,Standard,DepOnly,Error,CgoFiles,CXXFiles,SFiles,"
			"CgoLDFLAGS,CgoPkgConfig,Module,Root,TestGoFiles,XTestGoFiles,ForTest");
	gotool_add_list_flags(go, flags, &args);
	strv_append(&args, packages);
	struct buffer out = {0};
	int status = gotool_run(go, &args, &out);
	if (status)
		exit(die_status);
	const char *p = out.data ? out.data : "";
	while (p[strspn(p, " \n")]) {
		cJSON *json = cJSON_ParseWithOpts(p, &p, 0);
		if (!json)
			die("go list printed what is not JSON");
		add_package(json, list);
		cJSON_Delete(json);
	}
	buffer_free(&out);
	strv_free(&args);
}

/* Of stderr: "# pkg" lines are held back until it is known whether noise follows. */
struct filter {
	char *header;
	bool noise;
};

static void filter_line(void *arg, const char *line)
{
	struct filter *f = arg;
	progress_clear();
	if (starts_with(line, "loadinternal: cannot find runtime/cgo")) {
		f->noise = true;
		return;
	}
	if (f->header && !(f->noise && starts_with(line, "# ")))
		dprintf(STDERR_FILENO, "%s\n", f->header);
	free(f->header);
	f->header = NULL;
	if (starts_with(line, "# ")) {
		f->header = xstrdup(line);
		f->noise = false;
	} else {
		dprintf(STDERR_FILENO, "%s\n", line);
	}
}

int gotool_run(const struct gotool *go, const struct strv *args, struct buffer *out)
{
	struct strv argv = {0};
	struct filter f = {NULL, false};
	strv_add(&argv, go->path);
	strv_append(&argv, args);
	int status = process_run(
	    &argv,
	    &(struct process_options){
		.dir = go->dir, .env = &go->env, .err_line = filter_line, .arg = &f, .out = out});
	if (f.header && !f.noise)
		dprintf(STDERR_FILENO, "%s\n", f.header);
	free(f.header);
	strv_free(&argv);
	if (status < 0)
		die("cannot run %s: %s", go->path, strerror(-status));
	return status;
}
