/*
 * Random numbers: a ChaCha20 generator with fast key erasure (D. J. Bernstein, "Fast-key-erasure
 * random-number generators", 2017): every request replaces the key, so that what is read from
 * memory later does not give away what was generated before.
 *
 * Lock: one internal spin lock. Never blocks, never fails.
 */
#pragma once
#include <stddef.h>

/* Seeds from what the machine offers. After clock_init. */
void random_init(void);
void random_bytes(void *p, size_t n);
/* Stirs bytes into the key, from a device or a seed in the boot module. source names it for
 * random_source, NULL: of doubtful worth. It cannot make the generator worse. */
void random_mix(const void *p, size_t n, const char *source);
/* What the seed came from: "rdseed", "rdrand", a source of random_mix, else "timing jitter". */
const char *random_source(void);
