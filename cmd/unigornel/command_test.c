/* unigornel test: go test, with each package's tests in a machine of their own. */
#include "build.h"
#include "commands.h"
#include "cpio.h"
#include "guest.h"
#include "options.h"
#include "session.h"
#include "testflags.h"
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A machine whose tests have hung gets this long to say so itself. */
#define TIMEOUT_MARGIN_MS 60000
/* A module up to this size is visible as a whole. */
#define MODULE_LIMIT	   (128u << 20)
#define DEFAULT_TIMEOUT_MS (10 * 60 * 1000)

struct test {
	struct goflags goflags;
	struct guest_options guest;
	struct testflags flags;
	struct strv packages;
	bool stream; /* output is shown as it comes */
	bool failed;
	bool local; /* no packages were named */
	struct gotool go;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct test *t = state->input;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &t->flags;
		state->child_inputs[1] = &t->guest;
		state->child_inputs[2] = &t->guest.network;
		state->child_inputs[3] = state->child_inputs[4] = &t->goflags;
		return 0;
	case ARGP_KEY_ARG:
		strv_add(&t->packages, arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {
    {&testflags_argp, 0, "Flags of go test (see `go help testflag`):", 1},
    {&guest_argp, 0, "The machine:", 10},
    {&network_argp, 0, "Its network:", 11},
    {&goflags_argp, 0, "Flags of go build (see `go help build`), passed on:", 20},
    {&goflags_parallel_argp, 0, NULL, 21},
    {0}};

static const struct argp argp = {
    NULL,
    parse,
    "[PACKAGES] [-- FLAGS OF THE TEST]",
    "Runs the tests of packages as go test does, each package in a virtual machine of its own.\v"
    "The flags are those of go test. Words after -- go to the test binary: go test's own flags, "
    "and those that the package defines. The package's module (of a large one the directory "
    "with testdata) is visible in the machine at its own path, and the tests start in the "
    "package's "
    "directory; other files come with --files. Results are never cached; -timeout (default 10m) "
    "also stops the machine.\n\n"
    "    unigornel test ./...\n"
    "    unigornel test -run TestSplit -v strings\n"
    "    unigornel test -m 2G -bench . sort -- -test.benchtime=1s\n\n"
    "The exit code is 0 if all passed, else 1.",
    children,
    NULL,
    NULL,
};

struct output {
	bool stream; /* show it as it comes */
	struct buffer text;
};

static void collect(void *arg, const char *data, size_t n)
{
	struct output *o = arg;
	buffer_add(&o->text, data, n);
	if (o->stream)
		write_all(STDOUT_FILENO, data, n);
}

/* GOROOT/src/cmd, when tests of the standard library's other packages are run. */
static char *without_cmd;

/* Keeps version control and other people's dependencies out of the machine. */
static bool wanted(void *arg, const char *host)
{
	(void)arg;
	const char *base = strrchr(host, '/') + 1;
	static const char *const unwanted[] = {".git", ".hg", ".svn", ".bzr", "node_modules"};
	for (size_t i = 0; i < sizeof unwanted / sizeof unwanted[0]; i++)
		if (!strcmp(base, unwanted[i]))
			return false;
	/* The go command's own sources are 80 MB that no package outside it reads. */
	if (without_cmd && !strcmp(host, without_cmd))
		return false;
	struct stat st;
	return !lstat(host, &st) &&
	       (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode) || S_ISLNK(st.st_mode)) &&
	       (S_ISLNK(st.st_mode) || !access(host, R_OK));
}

struct files {
	const struct gotool *go;
	const struct package *package;
	uint64_t limit;		  /* bytes that a whole module may take */
	const char *image, *name; /* the test binary, and where it is as os.Executable says */
};

static uint64_t measured, measure_limit;

static int measure_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)ftw;
	if (type == FTW_D && !wanted(NULL, path))
		return FTW_SKIP_SUBTREE;
	if (type == FTW_F)
		measured += (uint64_t)st->st_size + 128;
	return measured > measure_limit ? FTW_STOP : FTW_CONTINUE;
}

/* True if what is wanted of the tree fits. */
static bool fits(const char *root, uint64_t limit)
{
	char *real = realpath(root, NULL); /* Debian's GOROOT/src is a link */
	measured = 0;
	measure_limit = limit;
	bool ok = real && !nftw(real, measure_entry, 16, FTW_PHYS | FTW_ACTIONRETVAL);
	free(real);
	return ok;
}

static void add_if_there(struct cpio *c, const char *path)
{
	if (!access(path, R_OK))
		cpio_add(c, path, path);
}

static bool is_below(const char *dir, const char *root)
{
	size_t n = strlen(root);
	return n && starts_with(dir, root) && (dir[n] == '/' || !dir[n]);
}

/*
 * What tests read: natively they see their whole module, so they get it here too, unless it is
 * large; then their own directory and the testdata of those above. And Go's time zones (below
 * runtime.GOROOT, which go test sets too).
 */
static void add_files(void *arg, struct cpio *c)
{
	const struct files *f = arg;
	const char *dir = f->package->dir;
	char *root = f->package->standard ? xasprintf("%s/src", f->go->goroot)
					  : xstrdup(f->package->root ? f->package->root : "");
	without_cmd = f->package->standard && !starts_with(f->package->import_path, "cmd/")
			  ? xasprintf("%s/cmd", root)
			  : NULL;
	cpio_set_filter(c, wanted, NULL);
	if (is_below(dir, root) && strcmp(root, "/") && fits(root, f->limit)) {
		cpio_add(c, root, root);
	} else {
		cpio_add(c, dir, dir);
		char *up = xstrdup(dir), *slash;
		while (is_below(up, root) && strcmp(up, root) && (slash = strrchr(up, '/'))) {
			*slash = 0;
			char *data = xasprintf("%s/testdata", up);
			add_if_there(c, data);
			free(data);
		}
		free(up);
	}
	char *zones = xasprintf("%s/lib/time/zoneinfo.zip", f->go->goroot);
	if (access(zones, R_OK)) /* a distribution's Go, which uses the system's */
		add_if_there(c, "/usr/share/zoneinfo");
	else if (!is_below(zones, root))
		add_if_there(c, zones);
	free(zones);
	free(root);
	free(without_cmd);
	without_cmd = NULL;
	/* Tests of debug/elf and the like read themselves. */
	struct stat st;
	if (!stat(f->image, &st) && (uint64_t)st.st_size < f->limit)
		cpio_add(c, f->image, f->name);
	cpio_set_filter(c, NULL, NULL);
}

/* What the code means when it is no plain failure; "" if it is. */
static const char *meaning(int code)
{
	switch (code) {
	case 123:
		return " (the kernel failed)";
	case EXIT_TOOL_ERROR:
		return " (the machine failed)";
	case 137:
		return " (out of memory: give more with -m)";
	default:
		return "";
	}
}

static void print_duration(int64_t ms)
{
	printf("%d.%03ds", (int)(ms / 1000), (int)(ms % 1000));
}

/* go vet's part in go test, with the checks that are nearly always right. */
static bool vet(struct test *t, const struct package *p)
{
	struct strv args = {0};
	if (t->flags.vet_off || p->standard)
		return true;
	strv_add(&args, "vet");
	gotool_add_list_flags(&t->go, &t->goflags, &args);
	if (!t->flags.vet || !strcmp(t->flags.vet, "")) {
		static const char *const checks[] = {"-atomic",	  "-bool",	   "-buildtags",
						     "-errorsas", "-ifaceassert",  "-nilfunc",
						     "-printf",	  "-stringintconv"};
		for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
			strv_add(&args, checks[i]);
		if (t->go.minor >= 21)
			strv_add(&args, "-directive");
		if (t->go.minor >= 24)
			strv_add(&args, "-tests");
	} else if (strcmp(t->flags.vet, "all")) {
		char *copy = xstrdup(t->flags.vet), *save = NULL;
		for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save))
			strv_addf(&args, "-%s", w);
		free(copy);
	}
	if (strcmp(p->import_path, "command-line-arguments"))
		strv_add(&args, p->import_path);
	else
		strv_append(&args, &t->packages);
	int status = gotool_run(&t->go, &args, NULL);
	strv_free(&args);
	return !status;
}

static void run_machine(struct test *t, const struct package *p, const char *image)
{
	struct machine m = {.no_stdin = true};
	struct strv words = {0}, args = {0};
	struct output output = {.stream = t->stream};
	const char *base = strrchr(p->import_path, '/');
	char *name = xasprintf("/%s.test", base ? base + 1 : p->import_path);
	struct files files = {
	    .go = &t->go,
	    .package = p,
	    .limit = t->guest.memory / 4 < MODULE_LIMIT ? t->guest.memory / 4 : MODULE_LIMIT,
	    .image = image,
	    .name = name,
	};
	strv_addf(&words, "arg0=%s", name);
	strv_addf(&words, "cwd=%s", p->dir);
	strv_addf(&words, "env=PWD=%s", p->dir);
	strv_addf(&words, "env=GOROOT=%s", t->go.goroot);
	/* Tests of the collector expect no limit unless they set one. */
	strv_addf(&words, "env=GOMEMLIMIT=%s", getenv("GOMEMLIMIT") ? getenv("GOMEMLIMIT") : "off");
	strv_add(&args, "-test.paniconexit0");
	if (t->flags.timeout_ms)
		strv_addf(&args, "-test.timeout=%lldms", (long long)t->flags.timeout_ms);
	strv_append(&args, &t->flags.words);
	guest_prepare(&t->guest, image, &words, &args, add_files, &files, &m);
	m.timeout_ms = t->flags.timeout_ms ? t->flags.timeout_ms + TIMEOUT_MARGIN_MS : 0;
	m.output = collect;
	m.output_arg = &output;
	int64_t start = now_ms();
	int code = t->guest.hypervisor->run(&m);
	int64_t took = now_ms() - start;
	const char *text = output.text.data ? output.text.data : "";
	size_t length = output.text.len;
	if (!t->stream && (code || t->flags.verbose))
		fwrite(text, 1, length, stdout);
	if (code) {
		t->failed = true;
		if (length && text[length - 1] != '\n')
			putchar('\n');
		if (code == EXIT_TIMEOUT)
			printf("*** Test killed: ran too long (%llds).\n",
			       (long long)(m.timeout_ms / 1000));
		else if (t->stream || !length || *meaning(code))
			printf("exit status %d%s\n", code, meaning(code));
		printf("FAIL\t%s\t", p->import_path);
		print_duration(took);
		putchar('\n');
	} else {
		const char *coverage = strstr(text, "coverage: ");
		printf("ok  \t%s\t", p->import_path);
		print_duration(took);
		if (coverage)
			printf("\t%.*s", (int)strcspn(coverage, "\n"), coverage);
		if (strstr(text, "testing: warning: no tests to run"))
			printf(" [no tests to run]");
		putchar('\n');
	}
	fflush(stdout);
	unlink(m.module ? m.module : "");
	free(name);
	buffer_free(&output.text);
	strv_free(&words);
	strv_free(&args);
}

static void test_package(struct test *t, const struct package *p)
{
	session_check();
	fflush(stdout);
	if (p->error) {
		fprintf(stderr, "# %s\n%s\n", p->import_path, p->error);
		printf("FAIL\t%s [setup failed]\n", p->import_path);
		t->failed = true;
		return;
	}
	if (!p->has_tests) {
		printf("?   \t%s\t[no test files]\n", p->import_path);
		return;
	}
	struct build b = {.flags = t->goflags,
			  .test = true,
			  .no_ca = t->guest.no_ca,
			  .network = network_asked(&t->guest.network) ? NETWORK_YES : NETWORK_AUTO};
	if (strcmp(p->import_path, "command-line-arguments"))
		strv_add(&b.packages, p->import_path);
	else
		strv_append(&b.packages, &t->packages);
	b.output = xasprintf("%s/test.elf", session_dir());
	/* As go test does for binaries that nobody keeps: no DWARF, which is most of the link. */
	bool user_ldflags = false;
	for (size_t i = 0; i < t->goflags.flags.n; i++)
		user_ldflags |= starts_with(t->goflags.flags.v[i], "-ldflags");
	if (!user_ldflags) {
		strv_add(&b.testflags, "-ldflags=-w");
		b.flags.strip_debug = true;
	}
	strv_add(&b.testflags, "-vet=off");
	enum build_result result = BUILD_FAILED;
	char *image = build_image(&t->go, &b, &result);
	if (image && !vet(t, p)) {
		free(image);
		image = NULL;
		result = BUILD_FAILED;
	}
	if (image)
		run_machine(t, p, image);
	else if (result == BUILD_NO_TESTS)
		printf("?   \t%s\t[no test files]\n", p->import_path);
	else
		printf("FAIL\t%s [build failed]\n", p->import_path);
	t->failed |= result == BUILD_FAILED;
	if (image)
		unlink(image);
	free(image);
	free(b.output);
	strv_free(&b.packages);
	strv_free(&b.testflags);
}

int command_test(int argc, char **argv)
{
	struct test t = {0};
	struct package_list list = {0};
	const char *why;
	t.flags.timeout_ms = DEFAULT_TIMEOUT_MS;
	guest_defaults(&t.guest, 1024u << 20);
	/* go test's -args ends the flags as -- does. */
	int cut = argc;
	for (int i = 1; i < argc && cut == argc; i++)
		if (!strcmp(argv[i], "-args") || !strcmp(argv[i], "--args"))
			cut = i;
		else if (!strcmp(argv[i], "--"))
			break;
	int n = options_parse(&argp, "test", cut, argv, &t);
	if (n < cut)
		testflags_words(&t.flags, argc - n - 1, argv + n + 1);
	else if (cut < argc)
		testflags_words(&t.flags, argc - cut, argv + cut);
	if (!t.guest.hypervisor->available(&why))
		die("%s", why);
	for (size_t i = 0; i < t.guest.files.n; i++)
		cpio_check_spec(t.guest.files.v[i]);
	t.local = !t.packages.n;
	t.stream = t.local || t.flags.bench;
	if (!t.packages.n)
		strv_add(&t.packages, ".");
	gotool_find(&t.go, &t.packages);
	gotool_list(&t.go, &t.goflags, &t.packages, 0, &list);
	if (!list.n)
		die("test: %s matches no packages", t.packages.v[0]);
	/* With one package and -v, go test streams too. */
	t.stream |= list.n == 1 && t.flags.verbose;
	for (size_t i = 0; i < list.n; i++)
		test_package(&t, &list.v[i]);
	if (t.failed && !t.local)
		puts("FAIL");
	return fflush(stdout) || t.failed ? 1 : 0;
}
