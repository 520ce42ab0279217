package tool

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestNoSuchPackage(t *testing.T) {
	dir := helloModule(t)
	for _, pkg := range []string{"./nowhere", "nowhere/at/all", "./missing.go"} {
		for _, command := range []string{"build", "run"} {
			r := run(t, call{dir: dir, args: []string{command, pkg}})
			if r.code == 0 || !strings.Contains(r.errors, strings.TrimPrefix(pkg, "./")) {
				t.Errorf("%s %s: exit code %d, stderr:\n%s", command, pkg, r.code, r.errors)
			}
			if strings.Count(r.errors, "\n") != 1 {
				t.Errorf("%s %s: not one line:\n%s", command, pkg, r.errors)
			}
		}
	}
}

func TestNotPackageMain(t *testing.T) {
	dir := module(t, map[string]string{"lib/lib.go": "package lib\n"})
	refuses(t, call{dir: dir, args: []string{"build", "./lib"}}, "example.com/m/lib", "not package main")
	refuses(t, call{dir: dir, args: []string{"run", "./lib"}}, "example.com/m/lib", "not package main")
}

func TestSeveralPackages(t *testing.T) {
	dir := module(t, map[string]string{"a/main.go": hello, "b/main.go": hello})
	refuses(t, call{dir: dir, args: []string{"build", "./..."}}, "2 packages")
}

// TestCompileErrorIsGosOwn holds the message to the one of go build, word for word.
func TestCompileErrorIsGosOwn(t *testing.T) {
	for name, text := range map[string]string{
		"type":   "package main\n\nfunc main() { var x int = \"s\"; undefined() }\n",
		"syntax": "package main\n\nfunc main( { }\n",
		"import": "package main\n\nimport \"example.com/m/none\"\n\nfunc main() { none.F() }\n",
		"unused": "package main\n\nimport \"os\"\n\nfunc main() {}\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir := module(t, map[string]string{"main.go": text})
			cmd := exec.Command("go", "build", "-o", "/dev/null", ".")
			cmd.Dir = dir
			want, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatal("go build compiles it")
			}
			r := run(t, call{dir: dir, args: []string{"build", "."}})
			if r.code == 0 || r.errors != string(want) {
				t.Errorf("exit code %d\nunigornel:\n%s\ngo:\n%s", r.code, r.errors, want)
			}
		})
	}
}

func TestWrongMachine(t *testing.T) {
	dir := helloModule(t)
	refuses(t, call{dir: dir, env: []string{"GOARCH=arm64"}, args: []string{"build"}}, "GOARCH=arm64")
	refuses(t, call{dir: dir, env: []string{"GOOS=windows"}, args: []string{"run", "."}}, "GOOS=windows")
}

func TestForeignFiles(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(t.TempDir(), "text")
	write(t, text, "This is not the ELF file you are looking for, although it is long enough to be one.\n")
	empty := filepath.Join(t.TempDir(), "empty")
	write(t, empty, "")
	refuses(t, call{args: []string{"run", self}}, self, "not an image made by unigornel")
	refuses(t, call{args: []string{"run", machine32(t)}}, "not an image made by unigornel")
	refuses(t, call{args: []string{"run", text}}, text, "no ELF file")
	refuses(t, call{args: []string{"run", empty}}, empty, "empty")
	refuses(t, call{args: []string{"run", "/dev/null"}}, "/dev/null", "not a regular file")
}

// machine32 makes the start of an ELF file for another machine.
func machine32(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "arm")
	write(t, path, "\x7fELF\x01\x01\x01"+strings.Repeat("\x00", 9)+"\x02\x00\x28\x00"+strings.Repeat("\x00", 80))
	return path
}

func TestTruncatedImage(t *testing.T) {
	whole, err := os.ReadFile(image(t))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "part.elf")
	for _, n := range []int{3, 40, 64, 200, 4096, len(whole) / 3, len(whole) / 2, len(whole) - 1} {
		write(t, path, string(whole[:n]))
		refuses(t, call{args: []string{"run", path}}, path)
	}
}

func TestTooLittleMemory(t *testing.T) {
	elf := image(t)
	refuses(t, call{args: []string{"run", "-m", "1M", elf}}, "-m", elf, "needs at least")
	for _, bad := range []string{"", "lots", "-5M", "0", "12Q", "99999999999999999999G"} {
		refuses(t, call{args: []string{"run", "-m=" + bad, elf}}, "-m")
	}
}

func TestUnknownFlags(t *testing.T) {
	dir := helloModule(t)
	for _, command := range []string{"build", "run", "test", "doctor", "version", "xl-config"} {
		refuses(t, call{dir: dir, args: []string{command, "--frobnicate"}}, "--frobnicate", command)
	}
	refuses(t, call{dir: dir, args: []string{"run", "-m"}}, "-m")
	refuses(t, call{dir: dir, args: []string{"run", "--machine", "vax", "."}}, "vax", "microvm")
	refuses(t, call{dir: dir, args: []string{"run", "--accel", "magic", "."}}, "magic")
	refuses(t, call{dir: dir, args: []string{"run", "--hypervisor", "bochs", "."}}, "bochs")
	refuses(t, call{dir: dir, args: []string{"run", "--smp", "0", "."}}, "--smp")
	refuses(t, call{dir: dir, args: []string{"run", "--timeout", "soon", "."}}, "soon")
	refuses(t, call{dir: dir, args: []string{"run", "-e", "=x", "."}}, "KEY=VALUE")
	refuses(t, call{dir: dir, args: []string{"run"}}, "package or an image")
	refuses(t, call{dir: dir, args: []string{"run", ".", "extra"}}, "extra", "--")
	refuses(t, call{dir: dir, args: []string{"fly"}}, "fly")
}

func TestFlagsThatCannotWork(t *testing.T) {
	dir := helloModule(t)
	refuses(t, call{dir: dir, args: []string{"build", "-race"}}, "-race")
	refuses(t, call{dir: dir, args: []string{"build", "-buildmode=plugin"}}, "-buildmode")
	refuses(t, call{dir: dir, args: []string{"test", "-json"}}, "-json", "test2json")
	refuses(t, call{dir: dir, args: []string{"test", "-cpuprofile", "x"}}, "-cpuprofile")
	refuses(t, call{dir: dir, args: []string{"test", "-fuzz", "x"}}, "-fuzz")
	succeeds(t, call{dir: dir, args: []string{"build", "-race=false", "-o", filepath.Join(t.TempDir(), "a")}})
}

func TestUnreadableFiles(t *testing.T) {
	dir := helloModule(t)
	for _, command := range []string{"build", "run", "test"} {
		refuses(t, call{dir: dir, args: []string{command, "--files", "/no/such/dir", "."}}, "/no/such/dir")
		refuses(t, call{dir: dir, args: []string{command, "--files", dir + ":relative", "."}}, "absolute")
	}
	if os.Getuid() == 0 {
		return // root reads everything
	}
	secret := filepath.Join(dir, "secret")
	write(t, secret, "x")
	if err := os.Chmod(secret, 0); err != nil {
		t.Fatal(err)
	}
	refuses(t, call{dir: dir, args: []string{"run", "--files", secret, "."}}, secret)
	refuses(t, call{dir: dir, args: []string{"run", "--files", dir, "."}}, secret)
}

func TestMissingPrograms(t *testing.T) {
	dir := helloModule(t)
	elf := image(t)
	refuses(t, call{dir: dir, env: []string{path(t, "ld", "as", "ar")}, args: []string{"build"}}, "no go command", "golang-go")
	refuses(t, call{dir: dir, env: []string{path(t, "go", "as", "ar")}, args: []string{"build"}}, "ld", "binutils")
	refuses(t, call{dir: dir, env: []string{path(t, "go", "ld", "as", "ar")}, args: []string{"run", elf}}, "qemu-system-x86")
	refuses(t, call{dir: dir, env: []string{path(t, "go")}, args: []string{"run", "--hypervisor", "xen", elf}}, "xl")
}

func TestCgoWithoutMusl(t *testing.T) {
	dir := module(t, map[string]string{"main.go": "package main\n\n// int f(void) { return 1; }\nimport \"C\"\n\nfunc main() { println(C.f()) }\n"})
	refuses(t, call{dir: dir, env: []string{path(t, "go", "ld", "as", "ar", "gcc"), "CGO_ENABLED=1"}, args: []string{"build"}},
		"musl-gcc", "apt-get install musl-tools")
}

func TestGoTooOld(t *testing.T) {
	bin := t.TempDir()
	script := "#!/bin/sh\necho '{\"GOROOT\":\"/usr/lib/go\",\"GOVERSION\":\"go1.18.10\",\"GOOS\":\"linux\",\"GOARCH\":\"amd64\"}'\n"
	write(t, filepath.Join(bin, "go"), script)
	if err := os.Chmod(filepath.Join(bin, "go"), 0o755); err != nil {
		t.Fatal(err)
	}
	refuses(t, call{dir: helloModule(t), env: []string{"PATH=" + bin + ":" + os.Getenv("PATH")}, args: []string{"build"}},
		"go1.18.10", "too old", "1.19")
}

func TestToolchainThatCannotBeHad(t *testing.T) {
	if out, err := exec.Command("go", "env", "GOTOOLCHAIN").Output(); err != nil || strings.TrimSpace(string(out)) == "" {
		t.Skip("the installed Go is older than 1.21 and knows of no other toolchains")
	}
	dir := helloModule(t)
	refuses(t, call{dir: dir, env: []string{"GOTOOLCHAIN=go1.999.9", "GOPROXY=off"}, args: []string{"build"}}, "go1.999.9")
}

// TestDiskFullWhileLinking links onto a file system that is too small.
func TestDiskFullWhileLinking(t *testing.T) {
	small := t.TempDir()
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("mounting needs root: ", err)
	}
	defer syscall.Unmount(small, 0)
	refuses(t, call{dir: helloModule(t), args: []string{"build", "-o", small + "/a.elf"}}, "no space left", "a.elf")
	left, err := os.ReadDir(small)
	if err != nil || len(left) != 0 {
		t.Errorf("%v was left on the full disk (%v)", left, err)
	}
}

func TestOutputThatCannotBeWritten(t *testing.T) {
	refuses(t, call{dir: helloModule(t), args: []string{"build", "-o", "/no/such/dir/a.elf"}}, "/no/such/dir/a.elf")
}

func TestBrokenOverlay(t *testing.T) {
	dir := helloModule(t)
	write(t, filepath.Join(dir, "overlay"), "{ this is no JSON")
	refuses(t, call{dir: dir, args: []string{"build", "-overlay", "overlay"}}, "overlay")
	refuses(t, call{dir: dir, args: []string{"build", "-overlay", "none"}}, "none")
}
