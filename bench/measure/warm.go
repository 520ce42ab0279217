package measure

import "syscall"

// Warm touches as much of the host's memory as the next guest will have, and gives it back. Where this
// machine is a guest itself, its own host may have taken free memory away, and whoever touches that first
// waits for it: the guest that happened to come first, not the one with the slower kernel.
func Warm(mib int) {
	const page, hugePages = 4096, 14 // MADV_HUGEPAGE, as QEMU advises for its guests' memory
	m, err := syscall.Mmap(-1, 0, (mib+64)<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return // as good as without
	}
	defer syscall.Munmap(m)
	syscall.Madvise(m, hugePages)
	for i := 0; i < len(m); i += page {
		m[i] = 1
	}
}
