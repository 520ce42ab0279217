// Package diff runs programs natively and in a machine and compares what they print and their exit
// codes. The two kernels may differ only in what a program here does not print.
package diff

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"unigornel/tests/machine"
)

// nativeEnvironment is what the native runs get: nothing but a temporary directory on a tmpfs,
// which is what a machine's file system is.
func nativeEnvironment() []string {
	if st, err := os.Stat("/dev/shm"); err == nil && st.IsDir() {
		return []string{"TMPDIR=/dev/shm"}
	}
	return nil
}

// The kernel's answers, area by area, on the machine the tool uses by default. Other machines differ
// in devices, which are not what is asked about here.
func TestKernelAnswersAsLinux(t *testing.T) {
	p := machine.Build(t, "tests/diff/programs/abi")
	list, err := exec.Command(p.Native, "list").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, area := range strings.Fields(string(list)) {
		area := area
		t.Run(area, func(t *testing.T) {
			t.Parallel()
			compare(t, p, area)
		})
	}
}

// Computation, collections, reflection, compression and the like, with checksums.
func TestPrograms(t *testing.T) {
	for _, name := range []string{"work", "cgo", "rounding", "stackless"} {
		name := name
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compare(t, machine.Build(t, "tests/diff/programs/"+name))
		})
	}
}

// A machine says by which signal it was ended; natively the shell does.
var withoutDeath = regexp.MustCompile(`(?m)^unigornel: killed by SIG\w+\n`)

func compare(t *testing.T, p machine.Program, args ...string) {
	t.Helper()
	native := p.RunNative(t, machine.Options{Args: args, Env: nativeEnvironment()})
	got := p.Run(t, "microvm", machine.Options{Args: args})
	if d := machine.Diff(native.Output, withoutDeath.ReplaceAllString(got.Output, "")); d != "" {
		t.Errorf("the output differs from the native one\n%s", d)
	}
	if native.Code != got.Code {
		t.Errorf("exit code %d, natively %d; the output ends\n%s", got.Code, native.Code, tail(got.Output, 1500))
	}
}

func tail(s string, n int) string {
	if len(s) > n {
		return s[len(s)-n:]
	}
	return s
}
