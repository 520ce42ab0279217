/* What gcc calls for its builtins where the CPU it compiles for has no instruction; libgcc itself
 * is not linked. GCC internals manual, section "Integer library routines". */
#include <stdint.h>

int __popcountdi2(int64_t a);

int __popcountdi2(int64_t a)
{
	uint64_t x = (uint64_t)a;

	x -= x >> 1 & 0x5555555555555555ul;
	x = (x & 0x3333333333333333ul) + (x >> 2 & 0x3333333333333333ul);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0ful;
	return (int)(x * 0x0101010101010101ul >> 56);
}
