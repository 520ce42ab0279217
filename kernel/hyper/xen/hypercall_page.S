/*
 * The hypercall page: Xen fills it when its address is written to the MSR (hypercall_init) with one
 * entry of 32 bytes for each hypercall. Its own page, because Xen writes all of it.
 */
	.section .text.xen_hypercall_page, "ax"
	.balign 4096
	.globl xen_hypercall_page
	.type xen_hypercall_page, @function
xen_hypercall_page:
	.skip 4096, 0xcc
	.size xen_hypercall_page, 4096

	.section .note.GNU-stack, "", @progbits
