/*
 * Damages a good cpio archive at random, unpacks what is left into a tree, and lets the sanitizers
 * watch: parser, path walk and tree must take anything without a bad access, a leak or a hang.
 *
 *   fuzz_cpio [SECONDS [SEED]]
 *
 * With -DLIBFUZZER (clang -fsanitize=fuzzer) it is libFuzzer's target instead.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/fcntl.h>
#include "vfs/inode.h"
#include "vfs/unpack.h"
#include "../unit/vfs/shims.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *error = NULL;
	char text[64];
	/* A copy of just this size: a read past its end is seen. */
	uint8_t *copy = malloc(size ? size : 1);
	memcpy(copy, data, size);
	vfs_test_setup(NULL);
	int err = unpack_cpio(copy, size, NULL, &error);
	if (err && (!error || !strlen(error)))
		abort();
	long fd = sys_open(U("/tmp/a/file"), O_RDONLY | O_NONBLOCK, 0);
	if (fd >= 0)
		sys_read((int)fd, U(text), sizeof text);
	vfs_test_teardown(NULL);
	vfs_test_remove_all();
	free(copy);
	return 0;
}

#ifndef LIBFUZZER
static uint8_t archive[8192];
static size_t used;

static void add(const char *name, unsigned mode, unsigned links, const char *data)
{
	size_t n = strlen(name) + 1, size = strlen(data);
	used += (size_t)sprintf(
	    (char *)archive + used, "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X",
	    links > 1 ? 9 : (unsigned)used, mode, 0, 0, links, 1, size, 0, 0, 0, 0, n, 0);
	memcpy(archive + used, name, n);
	used = (used + n + 3) & ~3ul;
	memcpy(archive + used, data, size);
	used = (used + size + 3) & ~3ul;
}

static void make_archive(void)
{
	memset(archive, 0, sizeof archive);
	used = 0;
	add(".", 040755, 1, "");
	add("./tmp/a", 041777, 1, "");
	add("tmp/a/file", 0100644, 1, "some text that is not very long");
	add("/tmp/a/one", 0100600, 2, "");
	add("tmp/a/two", 0100600, 2, "shared by two names");
	add("tmp/link", 0120777, 1, "a");
	add("tmp/link/through", 0100644, 1, "x");
	add("tmp/a/b/c/d", 040700, 1, "");
	add("tmp/fifo", 010644, 1, "");
	add("tmp/null", 020666, 1, "");
	add("TRAILER!!!", 0, 1, "");
}

static void damage(void)
{
	static const char digits[] = "0123456789abcdefABCDEF/.";
	for (long k = random() % 10; k >= 0; k--) {
		size_t at = (size_t)random() % used;
		switch (random() % 4) {
		case 0:
			archive[at] = (uint8_t)random();
			break;
		case 1: { /* a piece elsewhere */
			size_t to = (size_t)random() % used, n = (size_t)random() % 130;
			if (at + n <= used && to + n <= used)
				memmove(archive + to, archive + at, n);
			break;
		}
		default:
			archive[at] = (uint8_t)digits[(size_t)random() % (sizeof digits - 1)];
		}
	}
	if (random() % 4 == 0)
		used = (size_t)random() % (used + 1);
}

/* CPU time: what a run was given on a busy machine, not how long it took. */
static long cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (long)t.tv_sec;
}

int main(int argc, char **argv)
{
	long seconds = argc > 1 ? atol(argv[1]) : 10, rounds = 0;
	unsigned seed = argc > 2 ? (unsigned)atol(argv[2]) : (unsigned)time(NULL);
	long end = cpu_seconds() + seconds;
	printf("fuzz_cpio: seed %u\n", seed);
	srandom(seed);
	do {
		make_archive();
		if (rounds)
			damage();
		LLVMFuzzerTestOneInput(archive, used);
		rounds++;
	} while (cpu_seconds() < end);
	printf("fuzz_cpio: %ld archives, %ld CPU seconds\n", rounds, cpu_seconds());
	return 0;
}
#endif
