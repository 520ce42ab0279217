#include "textflag.h"

// func callOn(top, number, a, b, c uintptr) (result uintptr)
TEXT ·callOn(SB), NOSPLIT, $0-48
	MOVQ number+8(FP), AX
	MOVQ a+16(FP), DI
	MOVQ b+24(FP), SI
	MOVQ c+32(FP), DX
	MOVQ SP, R12
	MOVQ top+0(FP), SP
	SYSCALL
	MOVQ R12, SP
	MOVQ AX, result+40(FP)
	RET
