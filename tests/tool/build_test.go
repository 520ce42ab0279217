package tool

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func open(t *testing.T, path string) *elf.File {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func symbol(t *testing.T, f *elf.File, name string) elf.Symbol {
	t.Helper()
	all, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no symbol %s", name)
	return elf.Symbol{}
}

// bytesAt returns n bytes of the image at a virtual address.
func bytesAt(t *testing.T, f *elf.File, address, n uint64) []byte {
	t.Helper()
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && address >= p.Vaddr && address+n <= p.Vaddr+p.Filesz {
			b := make([]byte, n)
			if _, err := p.ReadAt(b, int64(address-p.Vaddr)); err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	t.Fatalf("nothing at %#x", address)
	return nil
}

func TestDefaultName(t *testing.T) {
	dir := module(t, map[string]string{"cmd/tool/main.go": hello, "other.go": hello})
	succeeds(t, call{dir: dir, args: []string{"build", "./cmd/tool"}})
	open(t, filepath.Join(dir, "tool.elf"))
	succeeds(t, call{dir: dir, args: []string{"build", "other.go"}})
	open(t, filepath.Join(dir, "other.elf"))
	out := t.TempDir()
	succeeds(t, call{dir: dir, args: []string{"build", "-o", out, "./cmd/tool"}})
	open(t, filepath.Join(out, "tool.elf"))
	succeeds(t, call{args: []string{"build", "-C", dir, "-o", out, "."}})
	open(t, filepath.Join(out, "m.elf"))
}

// TestNothingIsWrittenBeside builds and then compares the source tree and GOROOT's changed parts.
func TestNothingIsWrittenBeside(t *testing.T) {
	dir := helloModule(t)
	before := listing(t, dir)
	succeeds(t, call{dir: dir, args: []string{"build", "-o", filepath.Join(t.TempDir(), "a.elf")}})
	if after := listing(t, dir); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// TestRights checks that no segment is writable and executable, and that boundaries are pages.
func TestRights(t *testing.T) {
	f := open(t, image(t))
	loads := 0
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD {
			continue
		}
		loads++
		if p.Flags&elf.PF_W != 0 && p.Flags&elf.PF_X != 0 {
			t.Errorf("segment at %#x is writable and executable", p.Vaddr)
		}
		if p.Vaddr%4096 != 0 || p.Vaddr != p.Paddr {
			t.Errorf("segment at %#x (physical %#x)", p.Vaddr, p.Paddr)
		}
	}
	if loads != 4 {
		t.Errorf("%d segments, not text, rodata, data and symbols", loads)
	}
	kernelEnd := symbol(t, f, "__kernel_text_end").Value
	if main := symbol(t, f, "main.main").Value; main < kernelEnd {
		t.Errorf("main.main at %#x lies in kernel text (up to %#x)", main, kernelEnd)
	}
	if entry := symbol(t, f, "unigornel_syscall").Value; entry >= kernelEnd {
		t.Errorf("unigornel_syscall at %#x lies outside kernel text (up to %#x)", entry, kernelEnd)
	}
}

// TestSymbolTable reads the table for backtraces as the kernel does.
func TestSymbolTable(t *testing.T) {
	f := open(t, image(t))
	v := bytesAt(t, f, symbol(t, f, "kernel_symbols").Value, 16)
	table := bytesAt(t, f, binary.LittleEndian.Uint64(v), binary.LittleEndian.Uint64(v[8:]))
	if magic := binary.LittleEndian.Uint32(table); magic != 0x4d595355 {
		t.Fatalf("magic %#x", magic)
	}
	count := uint64(binary.LittleEndian.Uint32(table[4:]))
	base := binary.LittleEndian.Uint64(table[8:])
	names := table[16+8*count:]
	found := map[string]uint64{}
	last := uint64(0)
	for i := uint64(0); i < count; i++ {
		address := base + uint64(binary.LittleEndian.Uint32(table[16+4*i:]))
		name := names[binary.LittleEndian.Uint32(table[16+4*count+4*i:]):]
		found[string(name[:bytes.IndexByte(name, 0)])] = address
		if address <= last {
			t.Fatalf("entry %d at %#x is not above %#x", i, address, last)
		}
		last = address
	}
	for _, name := range []string{"main.main", "runtime.mallocgc", "unigornel_syscall"} {
		if found[name] != symbol(t, f, name).Value {
			t.Errorf("%s is at %#x, the table says %#x", name, symbol(t, f, name).Value, found[name])
		}
	}
}

// TestSystemCallsAreCalls looks for the instruction in the runtime and in a module's own assembly.
func TestSystemCallsAreCalls(t *testing.T) {
	dir := module(t, map[string]string{
		"main.go": "package main\n\nfunc raw() int\n\nfunc main() { println(raw()) }\n",
		"raw_amd64.s": "#include \"textflag.h\"\n// SYSCALL in a comment stays.\nTEXT ·raw(SB),NOSPLIT,$0-8\n" +
			"\tMOVQ $39, AX /* getpid */\n\tSYSCALL // one\n\tMOVQ AX, ret+0(FP)\n\tRET\n",
	})
	path := filepath.Join(t.TempDir(), "a.elf")
	succeeds(t, call{dir: dir, args: []string{"build", "-o", path}})
	f := open(t, path)
	for _, name := range []string{"main.raw", "runtime.futex", "syscall.rawVforkSyscall"} {
		all, _ := f.Symbols()
		for _, s := range all {
			if s.Name != name && s.Name != name+".abi0" {
				continue
			}
			if code := bytesAt(t, f, s.Value, s.Size); bytes.Contains(code, []byte{0x0f, 0x05}) {
				t.Errorf("%s still has a SYSCALL instruction: % x", s.Name, code)
			}
		}
	}
	symbol(t, f, "main.raw.abi0")
}

func TestGoFlagsArePassedOn(t *testing.T) {
	dir := module(t, map[string]string{
		"main.go": "package main\n\nvar version string\n\nfunc main() { println(version, tagged) }\n",
		"on.go":   "//go:build special\n\npackage main\n\nconst tagged = \"tag-is-on\"\n",
		"off.go":  "//go:build !special\n\npackage main\n\nconst tagged = \"tag-is-off\"\n",
	})
	path := filepath.Join(t.TempDir(), "a.elf")
	build := func(env []string, args ...string) string {
		succeeds(t, call{dir: dir, env: env, args: append([]string{"build", "-o", path}, args...)})
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	got := build(nil, "-tags", "special", "-ldflags", "-X main.version=set-by-ldflags -s -w", "-trimpath")
	for _, want := range []string{"set-by-ldflags", "tag-is-on"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in the image", want)
		}
	}
	if strings.Contains(got, dir) {
		t.Error("-trimpath: the source directory's name is in the image")
	}
	for _, s := range open(t, path).Sections {
		if strings.HasPrefix(s.Name, ".debug") {
			t.Errorf("-ldflags=-s: section %s", s.Name)
		}
	}
	if got := build([]string{"GOFLAGS=-tags=special"}); !strings.Contains(got, "tag-is-on") {
		t.Error("-tags in GOFLAGS was lost")
	}
	if got := build([]string{"GOFLAGS=-tags=special"}, "-tags="); !strings.Contains(got, "tag-is-off") {
		t.Error("-tags does not come before GOFLAGS")
	}
}

// TestUserOverlay merges an overlay with relative names into ours.
func TestUserOverlay(t *testing.T) {
	dir := module(t, map[string]string{
		"main.go":  hello,
		"other.go": "package main\n\nfunc main() { println(\"from the overlay\") }\n",
		"json":     `{"Replace": {"main.go": "other.go", "other.go": ""}}`,
	})
	path := filepath.Join(t.TempDir(), "a.elf")
	succeeds(t, call{dir: dir, args: []string{"build", "-overlay", "json", "-o", path}})
	b, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(b, []byte("from the overlay")) {
		t.Error("the overlay was not used", err)
	}
	succeeds(t, call{dir: dir, env: []string{"GOFLAGS=-overlay=json"}, args: []string{"build", "-o", path}})
	if b, err := os.ReadFile(path); err != nil || !bytes.Contains(b, []byte("from the overlay")) {
		t.Error("the overlay of GOFLAGS was not used", err)
	}
}

// TestPackedFiles reads the archive in the image.
func TestPackedFiles(t *testing.T) {
	tree := t.TempDir()
	write(t, filepath.Join(tree, "b/file.txt"), "the contents")
	if err := os.Symlink("b/file.txt", filepath.Join(tree, "link")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.elf")
	succeeds(t, call{dir: helloModule(t), args: []string{"build", "--files", tree + ":/srv/www", "-o", path}})
	s := open(t, path).Section(".unigornel.files")
	if s == nil {
		t.Fatal("no section .unigornel.files")
	}
	archive, err := s.Data()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"070701", "srv/www\x00", "srv/www/b/file.txt\x00", "the contents",
		"srv/www/link\x00", "TRAILER!!!\x00"} {
		if !bytes.Contains(archive, []byte(want)) {
			t.Errorf("%q is not in the archive", want)
		}
	}
}

// TestSameInputSameImage: a build is a function of its input.
func TestSameInputSameImage(t *testing.T) {
	dir := helloModule(t)
	var images [2][]byte
	for i := range images {
		path := filepath.Join(t.TempDir(), "a.elf")
		succeeds(t, call{dir: dir, args: []string{"build", "-o", path}})
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		images[i] = b
	}
	if !bytes.Equal(images[0], images[1]) {
		t.Error("two builds of one program differ")
	}
}

func TestHelpTeaches(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"--help"}, {"build", "--help"}, {"run", "-h"}, {"help", "test"},
		{"doctor", "--help"}, {"version", "--help"}, {"xl-config", "--help"}} {
		r := succeeds(t, call{args: args})
		if len(strings.Split(r.out, "\n")) < 3 {
			t.Errorf("unigornel %s prints only:\n%s", strings.Join(args, " "), r.out)
		}
	}
	if r := run(t, call{}); r.code == 0 {
		t.Error("no command: exit code 0")
	}
}

func TestDoctorAndVersion(t *testing.T) {
	r := succeeds(t, call{args: []string{"doctor"}})
	for _, want := range []string{"go version", "QEMU emulator", "Everything needed is here"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("%q is not in:\n%s", want, r.out)
		}
	}
	r = run(t, call{env: []string{path(t, "go", "ld", "as", "ar")}, args: []string{"doctor"}})
	if r.code == 0 || !strings.Contains(r.out, "apt-get install qemu-system-x86") {
		t.Errorf("without QEMU: exit code %d\n%s", r.code, r.out)
	}
	r = succeeds(t, call{args: []string{"version"}})
	if !strings.HasPrefix(r.out, "unigornel ") {
		t.Error(r.out)
	}
}

// TestNoCache: a home directory that cannot be written to costs time only.
func TestNoCache(t *testing.T) {
	succeeds(t, call{dir: helloModule(t), env: []string{"XDG_CACHE_HOME=/proc/nowhere", "GOCACHE=" + goCache(t)},
		args: []string{"build", "-o", filepath.Join(t.TempDir(), "a.elf")}})
}

func goCache(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// TestDirectoryOfAnotherModule names a package from outside of any module, which go refuses.
func TestDirectoryOfAnotherModule(t *testing.T) {
	dir := module(t, map[string]string{"cmd/hi/main.go": hello, "cmd/hi/hi_test.go": "package main\n"})
	outside := t.TempDir()
	write(t, filepath.Join(outside, "site", "index.html"), "here")
	rel, err := filepath.Rel(outside, filepath.Join(dir, "cmd", "hi"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(rel, "..") {
		t.Fatal(rel)
	}
	succeeds(t, call{dir: outside, args: []string{"build", "--files", "site", rel}})
	if _, err := os.Stat(filepath.Join(outside, "hi.elf")); err != nil {
		t.Error(err)
	}
	succeeds(t, call{dir: outside, args: []string{"build", "-o", "b.elf", filepath.Join(dir, "cmd", "hi")}})
	if _, err := os.Stat(filepath.Join(outside, "b.elf")); err != nil {
		t.Error(err)
	}
	refuses(t, call{dir: outside, args: []string{"build", "./site"}}, "go.mod")
	// A module within a module, and one that the outer one names itself.
	write(t, filepath.Join(dir, "inner", "go.mod"), "module example.com/inner\n\ngo 1.19\n")
	write(t, filepath.Join(dir, "inner", "main.go"), hello)
	succeeds(t, call{dir: dir, args: []string{"build", "-o", filepath.Join(outside, "c.elf"), "./inner"}})
	write(t, filepath.Join(dir, "go.mod"), "module example.com/m\n\ngo 1.19\n\nrequire example.com/inner v0.0.0\n\nreplace example.com/inner => ./inner\n")
	succeeds(t, call{dir: dir, args: []string{"build", "-o", filepath.Join(outside, "d.elf"), "./inner"}})
}

// TestFetchedToolchain builds with a Go that the go command fetched into the module cache. It is 1.25 because that is the first
// that refuses overlays there.
func TestFetchedToolchain(t *testing.T) {
	const version = "go1.25.0"
	fetch := exec.Command("go", "version")
	fetch.Dir = t.TempDir()
	fetch.Env = append(os.Environ(), "GOTOOLCHAIN="+version)
	if out, err := fetch.Output(); err != nil || !strings.Contains(string(out), version) {
		t.Skipf("%s cannot be had here: %v", version, err)
	}
	dir := module(t, map[string]string{"main.go": "package main\n\nimport \"runtime\"\n\nfunc main() { println(runtime.Version()) }\n"})
	r := succeeds(t, call{dir: dir, env: []string{"GOTOOLCHAIN=" + version}, args: []string{"run", "--accel", "tcg", "."}})
	if !strings.Contains(r.out, version) {
		t.Errorf("not built with %s:\n%s", version, r.out)
	}
}
