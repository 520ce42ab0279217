/* The engine: coverage, corpus, mutation. Compiled without coverage itself. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include "engine.h"

/* Edges: the last two basic blocks hashed, and how often, in steps of powers of two. */
#define MAP (1u << 16)
static uint8_t map[MAP], seen[MAP];
static uintptr_t last_block;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
	uintptr_t here = (uintptr_t)__builtin_return_address(0);
	uint32_t i = (uint32_t)((here ^ last_block) * 0x9e3779b1u) >> 16;

	if (map[i] < 255)
		map[i]++;
	last_block = here >> 1;
}

/* What the code compares with: values worth trying. */
#define VALUES 512
static uint64_t values[VALUES];
static uint8_t value_size[VALUES];
static unsigned nvalues;

static void value(uint64_t v, unsigned size)
{
	if (v < 2 || (v >> 40 && v >> 40 != 0xffffff)) /* no pointers */
		return;
	values[nvalues % VALUES] = v;
	value_size[nvalues++ % VALUES] = (uint8_t)size;
}

#define CMP(name, type)                                                                            \
	void name(type a, type b);                                                                 \
	void name(type a, type b)                                                                  \
	{                                                                                          \
		if (a != b) {                                                                      \
			value(a, sizeof a);                                                        \
			value(b, sizeof b);                                                        \
		}                                                                                  \
	}
CMP(__sanitizer_cov_trace_cmp1, uint8_t)
CMP(__sanitizer_cov_trace_cmp2, uint16_t)
CMP(__sanitizer_cov_trace_cmp4, uint32_t)
CMP(__sanitizer_cov_trace_cmp8, uint64_t)
CMP(__sanitizer_cov_trace_const_cmp1, uint8_t)
CMP(__sanitizer_cov_trace_const_cmp2, uint16_t)
CMP(__sanitizer_cov_trace_const_cmp4, uint32_t)
CMP(__sanitizer_cov_trace_const_cmp8, uint64_t)
void __sanitizer_cov_trace_cmpf(float a, float b);
void __sanitizer_cov_trace_cmpf(float a, float b)
{
	(void)a, (void)b;
}
void __sanitizer_cov_trace_cmpd(double a, double b);
void __sanitizer_cov_trace_cmpd(double a, double b)
{
	(void)a, (void)b;
}
void __sanitizer_cov_trace_switch(uint64_t v, void *table);
void __sanitizer_cov_trace_switch(uint64_t v, void *table)
{
	const uint64_t *cases = table;

	(void)v;
	for (uint64_t i = 0; i < cases[0] && i < 16; i++)
		value(cases[2 + i], cases[1] <= 64 ? (unsigned)cases[1] / 8 : 8);
}

static uint64_t state;

static uint32_t roll(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return n ? (uint32_t)((state * 2685821657736338717u) >> 33) % n : 0;
}

struct input {
	size_t size;
	uint8_t *data;
};
static struct input *corpus;
static size_t ncorpus, room;
static uint8_t current[FUZZ_MAX];
static size_t current_size;
static unsigned long runs, edges;

static void corpus_add(const uint8_t *data, size_t size)
{
	if (ncorpus == room) {
		room = room ? 2 * room : 256;
		corpus = realloc(corpus, room * sizeof *corpus);
	}
	corpus[ncorpus].size = size;
	corpus[ncorpus].data = malloc(size ? size : 1);
	memcpy(corpus[ncorpus++].data, data, size);
}

/* Did the last run reach anything new? */
static bool news(void)
{
	bool fresh = false;

	for (unsigned i = 0; i < MAP; i++) {
		if (!map[i])
			continue;
		unsigned n = map[i], step = n < 4     ? n - 1
					    : n < 8   ? 3
					    : n < 16  ? 4
					    : n < 32  ? 5
					    : n < 128 ? 6
						      : 7;
		uint8_t bit = (uint8_t)(1u << step);
		if (!(seen[i] & bit)) {
			edges += !seen[i];
			seen[i] |= bit;
			fresh = true;
		}
	}
	return fresh;
}

/* CPU time: what a run was given on a busy machine, not how long it took. */
static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* An input hangs after so long: of CPU time, so that waiting for a CPU is none; else (it waits) of
 * the clock. */
#define HANG_CPU  30
#define HANG_WALL 1200

static void watch(long cpu, unsigned wall)
{
	setitimer(ITIMER_PROF, &(struct itimerval){.it_value.tv_sec = cpu}, NULL);
	alarm(wall);
}

static bool run(const uint8_t *data, size_t size)
{
	/* A copy of just this size: a read past its end is seen. */
	uint8_t *copy = malloc(size ? size : 1);

	memcpy(copy, data, size);
	memset(map, 0, sizeof map);
	last_block = 0;
	watch(HANG_CPU, HANG_WALL);
	LLVMFuzzerTestOneInput(copy, size);
	watch(0, 0);
	free(copy);
	runs++;
	return news();
}

static void mutate(void)
{
	const struct input *in = &corpus[roll((uint32_t)ncorpus)];
	uint8_t *b = current;
	size_t n = in->size;

	memcpy(b, in->data, n);
	if (roll(4) == 0) { /* the tail of another */
		const struct input *other = &corpus[roll((uint32_t)ncorpus)];
		size_t from = roll((uint32_t)other->size), at = roll((uint32_t)n + 1);
		size_t take = other->size - from;
		if (at + take > FUZZ_MAX)
			take = FUZZ_MAX - at;
		memcpy(b + at, other->data + from, take);
		n = at + take;
	}
	for (unsigned k = 1 + roll(1 + roll(8)); k; k--) {
		size_t at = n ? roll((uint32_t)n) : 0;
		switch (roll(10)) {
		case 0:
			if (n)
				b[at] ^= (uint8_t)(1u << roll(8));
			break;
		case 1:
			if (n)
				b[at] = (uint8_t)roll(256);
			break;
		case 2:
			if (n)
				b[at] = (uint8_t)(b[at] + roll(35) - 17);
			break;
		case 3: { /* interesting numbers, either byte order */
			static const uint16_t nice[] = {0,    1,      2,      0xff,   0x100, 0x7f,
							0x80, 0x7fff, 0x8000, 0xffff, 1500,  65000};
			uint16_t v = nice[roll(12)];
			if (at + 2 <= n) {
				b[at] = (uint8_t)(v >> 8);
				b[at + 1] = (uint8_t)v;
			}
			break;
		}
		case 4: { /* remove */
			size_t take = 1 + roll(roll(4) ? 8 : 64);
			if (take <= n && at + take <= n) {
				memmove(b + at, b + at + take, n - at - take);
				n -= take;
			}
			break;
		}
		case 5: { /* insert */
			size_t more = 1 + roll(roll(4) ? 8 : 64);
			if (n + more <= FUZZ_MAX) {
				memmove(b + at + more, b + at, n - at);
				for (size_t i = 0; i < more; i++)
					b[at + i] = (uint8_t)roll(256);
				n += more;
			}
			break;
		}
		case 6: { /* repeat */
			size_t more = 1 + roll(64);
			if (at + more <= n && n + more <= FUZZ_MAX) {
				memmove(b + at + more, b + at, n - at);
				n += more;
			}
			break;
		}
		case 7: { /* move */
			size_t take = 1 + roll(32), to = n ? roll((uint32_t)n) : 0;
			if (at + take <= n && to + take <= n)
				memmove(b + to, b + at, take);
			break;
		}
		default:
			if (nvalues) {
				unsigned i = roll(nvalues < VALUES ? nvalues : VALUES);
				uint64_t v = values[i];
				unsigned size = value_size[i];
				if (at + size > n)
					break;
				for (unsigned j = 0, swap = roll(2); j < size; j++)
					b[at + j] = (uint8_t)(v >> 8 * (swap ? size - 1 - j : j));
			}
		}
	}
	current_size = n;
}

/* The input at fault is left behind. */
static void died(int sig)
{
	char path[100];

	mkdir("build", 0755);
	mkdir("build/fuzz", 0755);
	snprintf(path, sizeof path, "build/fuzz/crash-%s", fuzz_name);
	FILE *f = fopen(path, "wb");
	if (f) {
		fwrite(current, 1, current_size, f);
		fclose(f);
	}
	fprintf(stderr, "%s: %s at input %lu, kept as %s\n", fuzz_name,
		sig == SIGALRM || sig == SIGPROF ? "hangs" : "fails", runs, path);
	if (sig) {
		signal(sig, SIG_DFL);
		raise(sig);
	}
}

static void died_asan(void)
{
	died(0);
}

void __sanitizer_set_death_callback(void (*callback)(void));

static void file_run(const char *path)
{
	FILE *f = fopen(path, "rb");

	if (!f) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	current_size = fread(current, 1, sizeof current, f);
	fclose(f);
	run(current, current_size);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void corpus_load(const char *dir)
{
	char *names[8192], path[400];
	size_t n = 0;
	DIR *d = opendir(dir);

	while (d && n < 8192) {
		struct dirent *e = readdir(d);
		if (!e)
			break;
		if (e->d_name[0] != '.')
			names[n++] = strdup(e->d_name);
	}
	if (d)
		closedir(d);
	qsort(names, n, sizeof *names, by_name);
	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		file_run(path);
		corpus_add(current, current_size);
		free(names[i]);
	}
}

/* A pack: inputs one after the other, each after its size in two bytes, the low one first. */
static void pack_load(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t size[2];

	while (f && fread(size, 2, 1, f) == 1) {
		current_size = (size_t)(size[0] | size[1] << 8);
		if (current_size > sizeof current ||
		    fread(current, 1, current_size, f) != current_size)
			break;
		run(current, current_size);
		corpus_add(current, current_size);
	}
	if (f)
		fclose(f);
}

static int pack(const char *path, char **files, int n)
{
	FILE *f = fopen(path, "wb");
	unsigned kept = 0;

	if (!f) {
		perror(path);
		return 1;
	}
	for (int i = 0; i < n; i++) {
		unsigned long before = edges;
		file_run(files[i]);
		if (edges == before)
			continue;
		uint8_t size[2] = {(uint8_t)current_size, (uint8_t)(current_size >> 8)};
		fwrite(size, 2, 1, f);
		fwrite(current, 1, current_size, f);
		kept++;
	}
	printf("%s: %u of %d inputs\n", path, kept, n);
	return fclose(f) != 0;
}

static void keep(const char *dir)
{
	char path[300];
	uint64_t h = 1469598103934665603u;

	for (size_t i = 0; i < current_size; i++)
		h = (h ^ current[i]) * 1099511628211u;
	snprintf(path, sizeof path, "%s/%016llx", dir, (unsigned long long)h);
	FILE *f = fopen(path, "wb");
	if (f) {
		fwrite(current, 1, current_size, f);
		fclose(f);
	}
}

int main(int argc, char **argv)
{
	char dir[200], packed[220];
	bool keeping = argc > 1 && strcmp(argv[1], "-keep") == 0;

	if (keeping)
		argc--, argv++;
	snprintf(dir, sizeof dir, "tests/fuzz/corpus/%s", fuzz_name);
	signal(SIGABRT, died);
	signal(SIGALRM, died);
	signal(SIGPROF, died);
	__sanitizer_set_death_callback(died_asan);
	fuzz_setup();
	if (argc > 1 && access(argv[1], R_OK) == 0) {
		for (int i = 1; i < argc; i++)
			file_run(argv[i]);
		printf("%s: %lu inputs\n", fuzz_name, runs);
		return 0;
	}
	if (argc > 2 && strcmp(argv[1], "-pack") == 0)
		return pack(argv[2], argv + 3, argc - 3);
	long seconds = argc > 1 ? atol(argv[1]) : 10;
	unsigned seed = argc > 2 ? (unsigned)atol(argv[2]) : (unsigned)time(NULL);
	printf("%s: seed %u\n", fuzz_name, seed);
	fflush(stdout);
	state = seed * 6364136223846793005u + 1442695040888963407u;
	snprintf(packed, sizeof packed, "%s.pack", dir);
	pack_load(packed);
	corpus_load(dir);
	if (!ncorpus)
		corpus_add((const uint8_t *)"", 0);
	if (keeping)
		mkdir(dir, 0755);
	double end = cpu_seconds() + (double)seconds;
	size_t start = ncorpus;
	do {
		mutate();
		if (run(current, current_size)) {
			corpus_add(current, current_size);
			if (keeping)
				keep(dir);
		}
	} while (cpu_seconds() < end);
	printf("%s: %lu inputs, %lu edges, corpus %zu + %zu, %.0f CPU seconds\n", fuzz_name, runs,
	       edges, start, ncorpus - start, cpu_seconds());
	return 0;
}
