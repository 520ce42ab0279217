package boot

import (
	"debug/elf"
	"fmt"
	"strings"
	"testing"

	"unigornel/tests/machine"
)

func symbol(t *testing.T, image, name string) uint64 {
	t.Helper()
	f, err := elf.Open(image)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if s.Name == name {
			return s.Value
		}
	}
	t.Fatalf("%s has no symbol %s", image, name)
	return 0
}

// A fault of the kernel shows where it happened on both sides of the border, and ends the machine.
func TestKernelFaultIsReported(t *testing.T) {
	p := machine.Build(t, "tests/boot/programs/crash")
	root := symbol(t, p.Image, "tree_root")
	machine.EachTarget(t, func(t *testing.T, target string) {
		r := p.Run(t, target, args(fmt.Sprintf("%#x", root)))
		if r.Code != 123 {
			t.Errorf("exit code %d", r.Code)
		}
		// In this order: what, the address, the kernel's functions, the program's.
		rest := r.Output
		for _, want := range []string{
			"unigornel: kernel panic: ", "page fault", "cr2 ffff900012340000",
			"path_walk+0x", "the program, in openat", "main.intoTheKernel+0x",
			"main.main+0x", "runtime.main+0x",
		} {
			i := strings.Index(rest, want)
			if i < 0 {
				t.Fatalf("no %q where it belongs in:\n%s", want, r.Output)
			}
			rest = rest[i+len(want):]
		}
	})
}

// --trace shows calls as strace does: decoded arguments, results, errors by name, signals.
func TestTracePrintsSystemCalls(t *testing.T) {
	p := machine.Build(t, behave)
	o := args("nil")
	o.Flags = []string{"--trace"}
	r := p.Run(t, "microvm", o)
	for _, want := range []string{
		"rt_sigprocmask(SIG_SETMASK, ",
		"mmap(NULL, ",
		", PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x",
		"--- SIGSEGV {si_code=1, si_addr=",
		"rt_sigreturn() = ?",
		"exit_group(0) = ?",
	} {
		if !strings.Contains(r.Output, want) {
			t.Errorf("no %q in:\n%.4000s", want, r.Output)
		}
	}
}
