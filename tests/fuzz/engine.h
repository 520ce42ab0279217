/*
 * A small coverage-guided fuzzer for targets with libFuzzer's interface, for compilers that have
 * -fsanitize-coverage=trace-pc,trace-cmp but no libFuzzer (gcc). Everything follows from the seed:
 * the same seed and corpus repeat a run, so a finding that needs the inputs before it can be found
 * again.
 *
 *   fuzz_NAME [SECONDS [SEED]]   mutate the corpus (tests/fuzz/corpus/NAME.pack, and the
 *                                files in tests/fuzz/corpus/NAME if it is there) for so many
 *                                seconds of CPU time
 *   fuzz_NAME -keep SECONDS      and write inputs that reach new code into that folder
 *   fuzz_NAME FILE...            run these
 *   fuzz_NAME -pack OUT FILE...  those of them that together reach what all reach, in one file
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

extern const char fuzz_name[];
/* Called once, before the first input. */
void fuzz_setup(void);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
#define FUZZ_MAX 4096
