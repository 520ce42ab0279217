/* The flags of `go test` that go to the test binary, and those that cannot work in a machine. */
#pragma once
#include <argp.h>
#include "util.h"

struct testflags {
	struct strv words; /* for the test binary, "-test.run=X" and the like */
	bool verbose;	   /* -v or -list: output is shown also where tests pass */
	bool bench;
	bool vet_off;
	char *vet;	    /* -vet=LIST */
	int64_t timeout_ms; /* -timeout; 0: none */
};

/* Child parser; its input is a struct testflags. */
extern const struct argp testflags_argp;

/* The words behind "--": flags of the test binary, with or without "test." in front, and whatever
 * else is meant for it. */
void testflags_words(struct testflags *t, int argc, char **argv);
