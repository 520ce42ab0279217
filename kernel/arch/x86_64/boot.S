/*
 * The PVH entry (Xen's docs/misc/pvh.pandoc; hvm/start_info.h): 32-bit protected mode, paging off,
 * EBX = physical address of hvm_start_info. Builds page tables good for the first 4 GiB, both at
 * their own address and in the direct map, enters long mode and calls boot_main.
 */
	.pushsection .note.Xen, "a", @note
	.balign 4
	.long 4, 4, 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long pvh_start
	.popsection

	.section .text.boot, "ax"
	.code32
	.globl pvh_start
pvh_start:
	cld
	cli
	movl	%ebx, %ebp

	/* PML4[0] and PML4[256] -> one PDPT -> four page directories of 2 MiB pages. */
	movl	$boot_pml4, %edi
	movl	$boot_pdpt + 3, (%edi)
	movl	$boot_pdpt + 3, 2048(%edi)
	movl	$boot_pdpt, %edi
	movl	$boot_pd + 3, %eax
	movl	$4, %ecx
1:	movl	%eax, (%edi)
	addl	$4096, %eax
	addl	$8, %edi
	loop	1b
	movl	$boot_pd, %edi
	movl	$0x83, %eax /* present, writable, 2 MiB */
	movl	$2048, %ecx
2:	movl	%eax, (%edi)
	addl	$0x200000, %eax
	addl	$8, %edi
	loop	2b

	movl	$boot_pml4, %eax
	movl	%eax, %cr3
	movl	%cr4, %eax
	orl	$0x6a0, %eax /* PAE, PGE, OSFXSR, OSXMMEXCPT */
	movl	%eax, %cr4
	movl	$0xc0000080, %ecx /* EFER: LME, NXE, SCE */
	rdmsr
	orl	$0x901, %eax
	wrmsr
	movl	%cr0, %eax
	andl	$~0x4, %eax
	orl	$0x80010023, %eax /* PG, WP, NE, MP, PE; EM off */
	movl	%eax, %cr0
	lgdt	boot_gdtr
	ljmp	$8, $3f

	.code64
3:	movw	$16, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	xorl	%eax, %eax
	movw	%ax, %fs
	movw	%ax, %gs
	leaq	boot_stack_top(%rip), %rsp
	movl	%ebp, %edi
	xorl	%ebp, %ebp
	call	boot_main
4:	hlt
	jmp	4b

	.section .rodata.boot, "a"
	.balign 8
boot_gdt:
	.quad	0, 0x00af9b000000ffff, 0x00cf93000000ffff
boot_gdtr:
	.word	23
	.quad	boot_gdt

	/* Given to the page allocator once the final tables stand (boot_memory_*). */
	.section .bss.boot, "aw", @nobits
	.balign 4096
	.globl boot_tables_start, boot_tables_end
boot_tables_start:
boot_pml4:
	.skip	4096
boot_pdpt:
	.skip	4096
boot_pd:
	.skip	4 * 4096
boot_tables_end:
	.globl boot_stack_bottom, boot_stack_top
boot_stack_bottom:
	.skip	16384
boot_stack_top:

	.section .note.GNU-stack, "", @progbits
