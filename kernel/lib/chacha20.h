/* The ChaCha20 block function, RFC 8439 section 2.3. Pure. */
#pragma once
#include <stdint.h>

#define CHACHA20_KEY   32
#define CHACHA20_BLOCK 64

/* One block of key stream. nonce: three words, little endian as they stand in the state. */
void chacha20_block(uint8_t out[CHACHA20_BLOCK], const uint8_t key[CHACHA20_KEY], uint32_t counter,
		    const uint32_t nonce[3]);
