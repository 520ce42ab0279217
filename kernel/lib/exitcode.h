/* Exit codes of the machine that are not the program's own. docs/image.md lists them for users. */
#pragma once

#define EXIT_KERNEL_PANIC  123 /* the kernel itself failed */
#define EXIT_OUT_OF_MEMORY 137 /* 128 + SIGKILL, what Linux's OOM killer leaves */
