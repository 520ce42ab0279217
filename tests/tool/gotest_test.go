package tool

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// variable is what differs between two runs of the same tests.
var variable = regexp.MustCompile(`\t?[0-9.]+m?s\b|0x[0-9a-f]+|goroutine [0-9]+`)

// untested is go test's line for a package without tests. Go 1.22 prints it when it gets there, before others that are named
// earlier and still run.
var untested = regexp.MustCompile(`(?m)^\?.*\n`)

func normal(s string) string {
	s = variable.ReplaceAllString(s, "")
	return untested.ReplaceAllString(s, "") + strings.Join(untested.FindAllString(s, -1), "")
}

const passing = `package good

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var custom = flag.Int("custom", 0, "")

func TestFiles(t *testing.T) {
	b, err := os.ReadFile("testdata/x")
	if err != nil || string(b) != "data" {
		t.Error(string(b), err)
	}
	if _, err := os.Stat("../good/good.go"); err != nil {
		t.Error(err)
	}
	wd, err := os.Getwd()
	if err != nil || filepath.Base(wd) != "good" {
		t.Error(wd, err)
	}
	if _, err := time.LoadLocation("Europe/Brussels"); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(t.TempDir(), "new"), b, 0o600); err != nil {
		t.Error(err)
	}
}

func TestFlag(t *testing.T) { t.Log("custom is", *custom) }

func TestSkipped(t *testing.T) { t.Skip("as it says") }
`

// testModule has packages for each way a package of tests can end.
func testModule(t *testing.T) string {
	return module(t, map[string]string{
		"good/good.go":        "package good\n",
		"good/good_test.go":   passing,
		"good/testdata/x":     "data",
		"bad/bad_test.go":     "package bad\n\nimport \"testing\"\n\nfunc TestBad(t *testing.T) { t.Error(\"as it should\") }\n",
		"none/none.go":        "package none\n",
		"broken/broken.go":    "package broken\n",
		"broken/b_test.go":    "package broken\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) { undefined() }\n",
		"panics/p_test.go":    "package panics\n\nimport \"testing\"\n\nfunc TestP(t *testing.T) { panic(\"now\") }\n",
		"exits/exits_test.go": "package exits\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestExit(t *testing.T) { os.Exit(0) }\n",
	})
}

func goTest(t *testing.T, dir string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command("go", append([]string{"test", "-count=1"}, args...)...)
	cmd.Dir = dir
	out, _ := cmd.Output()
	return string(out), cmd.ProcessState.ExitCode()
}

// TestSameAsGoTest compares stdout and exit code with go test's.
func TestSameAsGoTest(t *testing.T) {
	dir := testModule(t)
	for _, args := range [][]string{
		{"./good"}, {"./bad"}, {"./none"}, {"./broken"}, {"-v", "./good"}, {"-run", "Skip", "-v", "./good"},
		{"-run=Nothing", "./good"}, {"./good", "-run", "Flag", "-v"}, {"./good", "./bad", "./none"},
		{"-cover", "./good"}, {"-v", "./good", "-args", "-custom=5"}, {"-list", ".", "./good"}, {"-short", "./none", "./exits"},
	} {
		name := strings.Join(args, " ")
		want, code := goTest(t, dir, args...)
		r := run(t, call{dir: dir, args: append([]string{"test"}, args...)})
		if r.code != code || (normal(r.out) != normal(want) && !strings.Contains(want, "goroutine")) {
			t.Errorf("%s: exit code %d, with go test %d\nunigornel:\n%s\ngo:\n%s\nstderr:\n%s", name, r.code, code, r.out,
				want, r.errors)
		}
	}
}

func TestFlagsBehindTheDashes(t *testing.T) {
	dir := testModule(t)
	r := run(t, call{dir: dir, args: []string{"test", "./good", "--", "-custom", "7", "-run=Flag", "-v"}})
	if r.code != 0 || !strings.Contains(r.out, "custom is 7") || strings.Contains(r.out, "TestFiles") {
		t.Errorf("exit code %d\n%s%s", r.code, r.out, r.errors)
	}
}

func TestHereWithoutPackages(t *testing.T) {
	dir := testModule(t)
	want, code := goTest(t, filepath.Join(dir, "bad"))
	r := run(t, call{dir: filepath.Join(dir, "bad"), args: []string{"test"}})
	if r.code != code || normal(r.out) != normal(want) {
		t.Errorf("exit code %d, with go test %d\nunigornel:\n%s\ngo:\n%s", r.code, code, r.out, want)
	}
}

func TestPanickingTest(t *testing.T) {
	r := run(t, call{dir: testModule(t), args: []string{"test", "./panics"}})
	if r.code != 1 || !strings.Contains(r.out, "panic: now") || !strings.Contains(r.out, "FAIL\texample.com/m/panics") {
		t.Errorf("exit code %d\n%s%s", r.code, r.out, r.errors)
	}
}

// TestModuleOutsideTheTree builds against a module cache that must stay as it is, with assembly of
// its own (go does not allow overlays there).
func TestSyscallsInAModule(t *testing.T) {
	dir := module(t, map[string]string{
		"go.mod":     "module example.com/m\n\ngo 1.19\n\nrequire example.com/raw v0.0.0\n\nreplace example.com/raw => ./raw\n",
		"main.go":    "package main\n\nimport \"example.com/raw\"\n\nfunc main() { println(raw.Getpid()) }\n",
		"raw/go.mod": "module example.com/raw\n\ngo 1.19\n",
		"raw/raw.go": "package raw\n\nfunc Getpid() int\n",
		"raw/raw_amd64.s": "//go:build gc\n\n#include \"textflag.h\"\n\nTEXT ·Getpid(SB),NOSPLIT,$0-8\n\tMOVQ $39, AX\n\tSYSCALL\n" +
			"\tMOVQ AX, ret+0(FP)\n\tRET\n",
	})
	before := listing(t, dir)
	elf := filepath.Join(t.TempDir(), "a.elf")
	succeeds(t, call{dir: dir, args: []string{"build", "-o", elf}})
	if after := listing(t, dir); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	r := succeeds(t, call{args: []string{"run", elf}})
	if r.out != "1\n" {
		t.Errorf("getpid: %q", r.out)
	}
	b, err := os.ReadFile(elf)
	if err != nil || len(b) == 0 {
		t.Error(err)
	}
}

// TestNetworkOfEachPackage runs two packages, each in a machine with a network.
func TestNetworkOfEachPackage(t *testing.T) {
	const text = `package p

import (
	"net"
	"testing"
)

func TestAddress(t *testing.T) {
	a, err := net.Dial("udp", "10.0.2.2:9")
	if err != nil || a.LocalAddr().(*net.UDPAddr).IP.String() != "10.0.2.15" {
		t.Error(a, err)
	}
}
`
	dir := module(t, map[string]string{"a/a_test.go": text, "b/b_test.go": text, "c/c_test.go": "package c\n\nimport \"testing\"\n\nfunc TestNothing(*testing.T) {}\n"})
	r := run(t, call{dir: dir, args: []string{"test", "./..."}})
	if r.code != 0 || strings.Count(r.out, "ok  ") != 3 {
		t.Errorf("exit code %d, stdout:\n%s\nstderr:\n%s", r.code, r.out, r.errors)
	}
}
