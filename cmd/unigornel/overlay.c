#include "overlay.h"
#include "asm.h"
#include "asm_clock.h"
#include "session.h"
#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Raised when the search or the transformation changes. */
#define OVERLAY_FORMAT 1

static const char runtime_go[] = "package runtime\n\n"
				 "import _ \"unsafe\"\n\n"
				 "//go:cgo_import_static unigornel_syscall\n"
				 "//go:cgo_import_static unigornel_clock_page\n"
				 "//go:cgo_export_static runtime.isarchive unigornel_isarchive\n"
				 "//go:cgo_export_static unigornel_go_start unigornel_go_start\n"
				 "//go:cgo_export_dynamic unigornel_go_start unigornel_go_start\n";

/* Not named runtime·..., since Go 1.19's linker wants Go prototypes for those that are exported. */
static const char runtime_s[] = "#include \"textflag.h\"\n\n"
				"TEXT unigornel_go_start(SB),NOSPLIT|NOFRAME,$0\n"
				"\tJMP\truntime·rt0_go(SB)\n";

const char *cache_dir(void)
{
	static char *dir;
	if (dir)
		return dir;
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	if (xdg && *xdg == '/')
		dir = xasprintf("%s/unigornel", xdg);
	else if (home && *home == '/')
		dir = xasprintf("%s/.cache/unigornel", home);
	else
		dir = xasprintf("%s/cache", session_dir());
	char *probe = xasprintf("%s/overlay", dir);
	if (make_directories(probe) || access(probe, W_OK)) {
		/* A home that cannot be written to: keep nothing. */
		free(probe);
		free(dir);
		dir = xasprintf("%s/cache", session_dir());
		probe = xasprintf("%s/overlay", dir);
		int err = make_directories(probe);
		if (err)
			die("cannot make %s: %s", probe, strerror(-err));
	}
	free(probe);
	return dir;
}

/* FNV-1a, 64 bits, twice with different starts: names of cache files, no defence needed. */
static uint64_t hash(const void *data, size_t n, uint64_t h)
{
	for (const unsigned char *p = data; n--; p++)
		h = (h ^ *p) * 0x100000001b3u;
	return h;
}

/* The cache file that holds these bytes, written if it is not there. base ends its name. */
static char *cached(const char *data, size_t n, const char *base)
{
	char *path = xasprintf("%s/overlay/%016llx%016llx-%s", cache_dir(),
			       (unsigned long long)hash(data, n, 0xcbf29ce484222325u),
			       (unsigned long long)hash(data, n, 0x9ae16a3b2f90404fu), base);
	struct stat st;
	if (!stat(path, &st) && (size_t)st.st_size == n)
		return path;
	int err = write_file(path, data, n);
	if (err)
		die("cannot write %s: %s", path, strerror(-err));
	return path;
}

/* The user's overlay may stand in for the file. */
static const char *source_of(const cJSON *replace, const char *path)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(replace, path);
	return cJSON_IsString(item) ? item->valuestring : path;
}

static void set(cJSON *replace, const char *path, const char *with)
{
	cJSON_DeleteItemFromObjectCaseSensitive(replace, path);
	if (!cJSON_AddStringToObject(replace, path, with))
		die("out of memory");
}

/* Adds the file's copy to the overlay. False if it has no SYSCALL. */
static bool add_file(cJSON *replace, const char *path)
{
	struct buffer in = {0}, out = {0}, shortened = {0};
	const char *source = source_of(replace, path);
	bool found = false;
	int err = *source ? read_file(source, &in) : 0;
	if (err)
		die("cannot read %s: %s", source, strerror(-err));
	if (asm_replace_syscalls(&in, &out)) {
		const char *base = strrchr(path, '/') + 1;
		const struct buffer *b = asm_shorten_clocks(&out, &shortened) ? &shortened : &out;
		char *copy = cached(b->data, b->len, base);
		set(replace, path, copy);
		free(copy);
		found = true;
	}
	buffer_free(&in);
	buffer_free(&out);
	buffer_free(&shortened);
	return found;
}

/* Collects the *_amd64.s files below dir that have SYSCALL. */
static void search(const char *dir, struct strv *found)
{
	static const char *const others[] = {"_windows_", "_darwin_",	 "_freebsd_", "_netbsd_",
					     "_openbsd_", "_dragonfly_", "_solaris_", "_plan9_",
					     "_illumos_", "_android_",	 "_aix_",     "_ios_"};
	DIR *d = opendir(dir);
	if (!d)
		return;
	const struct dirent *e;
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.' || !strcmp(e->d_name, "testdata"))
			continue;
		char *path = xasprintf("%s/%s", dir, e->d_name);
		if (e->d_type == DT_DIR ||
		    ((e->d_type == DT_UNKNOWN || e->d_type == DT_LNK) && is_directory(path))) {
			search(path, found);
		} else if (ends_with(e->d_name, "_amd64.s")) {
			bool other = false;
			for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
				other |= strstr(e->d_name, others[i]) != NULL;
			struct buffer in = {0}, out = {0};
			if (!other && !read_file(path, &in) && asm_replace_syscalls(&in, &out))
				strv_add(found, path);
			buffer_free(&in);
			buffer_free(&out);
		}
		free(path);
	}
	closedir(d);
}

/* The standard library's files with SYSCALL. The walk over GOROOT/src is remembered. */
static void standard_files(const struct gotool *go, struct strv *found)
{
	char *key = xasprintf("%d\n%s\n%s\n", OVERLAY_FORMAT, go->version, go->goroot);
	char *list = xasprintf("%s/std-%016llx", cache_dir(),
			       (unsigned long long)hash(key, strlen(key), 0xcbf29ce484222325u));
	struct buffer b = {0};
	if (!read_file(list, &b) && starts_with(b.data, key)) {
		char *save = NULL;
		for (char *l = strtok_r(b.data + strlen(key), "\n", &save); l;
		     l = strtok_r(NULL, "\n", &save))
			if (!access(l, R_OK))
				strv_add(found, l);
	}
	buffer_free(&b);
	if (!found->n) {
		static const char *const roots[] = {"runtime", "syscall", "internal",
						    "os",      "vendor",  "time",
						    "crypto",  "net",	  "sync"};
		for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
			char *dir = xasprintf("%s/src/%s", go->goroot, roots[i]);
			search(dir, found);
			free(dir);
		}
		if (!found->n)
			die("no system calls found in %s/src: is this GOROOT complete?",
			    go->goroot);
		buffer_add(&b, key, strlen(key));
		for (size_t i = 0; i < found->n; i++)
			buffer_addf(&b, "%s\n", found->v[i]);
		int err = write_file(list, b.data, b.len);
		if (err)
			die("cannot write %s: %s", list, strerror(-err));
		buffer_free(&b);
	}
	free(list);
	free(key);
}

/* The user's overlay with its paths made absolute, or an empty one. */
static cJSON *user_overlay(const struct gotool *go, const struct goflags *flags)
{
	cJSON *replace = cJSON_CreateObject();
	char *file = flags->overlay ? xstrdup(flags->overlay) : gotool_goflags_value(go, "overlay");
	if (!file)
		return replace;
	struct buffer b = {0};
	int err = read_file(file, &b);
	if (err)
		die("-overlay: cannot read %s: %s", file, strerror(-err));
	cJSON *json = cJSON_Parse(b.data);
	if (!json)
		die("-overlay: %s is not JSON", file);
	char *here = realpath(".", NULL);
	const cJSON *item;
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(json, "Replace"))
	{
		const char *from = item->string,
			   *to = cJSON_IsString(item) ? item->valuestring : "";
		char *a = *from == '/' ? xstrdup(from) : xasprintf("%s/%s", here, from);
		char *z = *to == '/' || !*to ? xstrdup(to) : xasprintf("%s/%s", here, to);
		set(replace, a, z);
		free(a);
		free(z);
	}
	free(here);
	free(file);
	cJSON_Delete(json);
	buffer_free(&b);
	return replace;
}

bool overlay_needs_toolexec(const struct gotool *go, const struct goflags *flags,
			    const struct package_list *packages)
{
	bool found = false;
	cJSON *replace = user_overlay(go, flags);
	for (size_t i = 0; i < packages->n && !found; i++) {
		const struct package *p = &packages->v[i];
		for (size_t k = 0; !p->standard && k < p->sfiles.n && !found; k++) {
			struct buffer in = {0}, out = {0};
			char *path = xasprintf("%s/%s", p->dir, p->sfiles.v[k]);
			const char *source = source_of(replace, path);
			found =
			    *source && !read_file(source, &in) && asm_replace_syscalls(&in, &out);
			buffer_free(&in);
			buffer_free(&out);
			free(path);
		}
	}
	cJSON_Delete(replace);
	return found;
}

char *overlay_write(const struct gotool *go, const struct goflags *flags)
{
	cJSON *root = cJSON_CreateObject(), *replace = user_overlay(go, flags);
	struct strv files = {0};
	standard_files(go, &files);
	for (size_t i = 0; i < files.n; i++)
		add_file(replace, files.v[i]);
	char *name = cached(runtime_go, sizeof runtime_go - 1, "unigornel.go");
	char *path = xasprintf("%s/src/runtime/zz_unigornel_linux_amd64.go", go->goroot);
	set(replace, path, name);
	free(name);
	free(path);
	name = cached(runtime_s, sizeof runtime_s - 1, "unigornel.s");
	path = xasprintf("%s/src/runtime/zz_unigornel_linux_amd64.s", go->goroot);
	set(replace, path, name);
	free(name);
	free(path);
	cJSON_AddItemToObject(root, "Replace", replace);
	char *text = cJSON_PrintUnformatted(root);
	if (!text)
		die("out of memory");
	char *overlay = cached(text, strlen(text), "overlay.json");
	free(text);
	cJSON_Delete(root);
	strv_free(&files);
	return overlay;
}
