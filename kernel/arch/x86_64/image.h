/* Where the linker put what (kernel/image.ld). Virtual addresses are physical ones. */
#pragma once

extern char __image_start[], __image_end[];
extern char __text_start[], __text_end[];
extern char __kernel_text_start[], __kernel_text_end[];
extern char __rodata_start[], __rodata_end[];
extern char __data_start[], __data_end[];
extern char __bss_start[], __bss_end[];
extern char boot_tables_start[], boot_tables_end[];
extern char boot_stack_bottom[], boot_stack_top[];
