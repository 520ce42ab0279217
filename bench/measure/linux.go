package measure

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Linux is a kernel for guests.
type Linux struct {
	Name    string
	Kernel  string
	Modules string // the folder of what it needs for its network, "" if that is built in
}

// Linuxes are the kernels that are in the cache.
func Linuxes(cache string) []Linux {
	var found []Linux
	for _, l := range []Linux{
		{"debian", filepath.Join(cache, "debian", "vmlinux"), filepath.Join(cache, "debian", "modules")},
		{"tiny", filepath.Join(cache, "tiny", "vmlinux-tiny"), ""},
	} {
		if _, err := os.Stat(l.Kernel); err != nil {
			fmt.Printf("(no %s guest: %v)\n", l.Name, err)
			continue
		}
		found = append(found, l)
	}
	return found
}

// NetworkInitrd writes an initial RAM disk with a program as /init, and the modules of a folder where it looks for them
// (bench/guest). The folder "" has none.
func NetworkInitrd(to, program, modules string) error {
	files := []File{{Name: "init", Path: program}}
	if modules != "" {
		found, err := filepath.Glob(filepath.Join(modules, "*.ko"))
		if err != nil {
			return err
		}
		for _, m := range found {
			files = append(files, File{Name: "m/" + filepath.Base(m), Path: m})
		}
	}
	return Initrd(to, []string{"m"}, files...)
}

// QEMU is the command that boots the kernel in the machine that the tool would choose, with its console on the standard
// output, these words on its command line (bench/guest knows BENCH_LINUX) and further devices. The clock's rate is TSCKHz.
func (l Linux) QEMU(initrd string, mib int, khz uint64, words []string, devices ...string) []string {
	line := fmt.Sprintf("console=ttyS0 quiet mitigations=off panic=-1 tsc_early_khz=%d BENCH_LINUX=1 %s", khz, strings.Join(words, " "))
	return append([]string{"qemu-system-x86_64", "-M", "microvm", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "1",
		"-m", fmt.Sprint(mib), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio",
		"-kernel", l.Kernel, "-initrd", initrd, "-append", line}, devices...)
}

// Unigornel is the command of the tool for the same machine with an image.
func Unigornel(root, image string, mib int, flags ...string) []string {
	return append(append([]string{filepath.Join(root, "build", "unigornel"), "run", "--machine", "microvm", "--accel", "tcg",
		"-m", fmt.Sprintf("%dM", mib), "--smp", "1"}, flags...), image)
}
