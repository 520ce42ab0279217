/* A guest that ends as badly as a guest can: a fault without anything to handle it. */
	.pushsection .note.Xen, "a", @note
	.balign 4
	.long 4, 4, 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long start
	.popsection

	.text
	.code32
	.globl start
start:
	movl	$0xdecea5ed, %eax
	lidt	none
	ud2
none:
	.fill	6, 1, 0

	.section .note.GNU-stack, "", @progbits
