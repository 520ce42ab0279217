// Package xenlab tests the Xen lab itself: what its users (the boot tests, the tool, people) rely on.
package xenlab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"unigornel/tests/machine"
)

const behave = "tests/boot/programs/behave"

var lab = filepath.Join(machine.Root(), "tests", "xenlab", "xenlab")

// TestMain leaves everything out where the lab has not been built.
func TestMain(m *testing.M) {
	for _, target := range machine.Targets() {
		if target == "xen" {
			os.Exit(m.Run())
		}
	}
	fmt.Println("the lab has not been built (tests/xenlab/xenlab build)")
}

func run(t *testing.T, o machine.Options, args ...string) machine.Result {
	t.Helper()
	return machine.Exec(t, append([]string{lab}, args...), o)
}

func expect(t *testing.T, r machine.Result, code int, text string) {
	t.Helper()
	if r.Code != code {
		t.Errorf("exit code %d, want %d", r.Code, code)
	}
	if !strings.Contains(r.Output, text) {
		t.Errorf("%q is not in the output", text)
	}
	if t.Failed() {
		t.Logf("output:\n%s", r.Output)
	}
}

func TestExitCodeIsTheGuests(t *testing.T) {
	t.Parallel()
	p := machine.Build(t, behave)
	expect(t, run(t, machine.Options{}, "run", "--cmdline", "-- exit7", p.Image), 7, "leaving")
}

func TestDom0ModeIsTheSameToPrograms(t *testing.T) {
	t.Parallel()
	p := machine.Build(t, behave)
	expect(t, run(t, machine.Options{}, "dom0", "--cmdline", "-- exit7", p.Image), 7, "leaving")
}

func TestDom0ModeTakesInput(t *testing.T) {
	t.Parallel()
	p := machine.Build(t, "examples/echo")
	r := run(t, machine.Options{Input: strings.NewReader("one\ntwo")}, "dom0", p.Image)
	expect(t, r, 0, "2: TWO | owt")
}

func TestToolUsesTheLab(t *testing.T) {
	t.Parallel()
	p := machine.Build(t, behave)
	o := machine.Options{Env: []string{"UNIGORNEL_XENLAB=" + lab}}
	expect(t, machine.Exec(t, []string{machine.Tool(), "run", "--hypervisor", "xen", p.Image, "--", "exit255"}, o), 255, "")
}

// A guest that faults without a handler leaves no record: its own status, and Xen's register dump.
func TestCrashIsToldApart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range [][]string{
		{"gcc", "-c", "-o", dir + "/crash.o", filepath.Join(machine.Root(), "tests/xenlab/crash/crash.S")},
		{"ld", "-e", "start", "-Ttext=0x100000", "--build-id=none", "-o", dir + "/crash", dir + "/crash.o"},
	} {
		if text, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", c[0], err, text)
		}
	}
	expect(t, run(t, machine.Options{}, "run", dir+"/crash"), 126, "00000000decea5ed")
}

func TestTimeoutIsToldApart(t *testing.T) {
	t.Parallel()
	p := machine.Build(t, behave)
	r := run(t, machine.Options{}, "run", "--timeout", "3", "--cmdline", "-- forever", p.Image)
	expect(t, r, 124, "timeout after 3 s")
}

func TestOwnErrorsAreToldApart(t *testing.T) {
	t.Parallel()
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("this is no image\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	expect(t, run(t, machine.Options{}, "run", "/no/such/image"), 125, "cannot read /no/such/image")
	expect(t, run(t, machine.Options{}, "run", "--nonsense", text), 125, "unknown option --nonsense")
	expect(t, run(t, machine.Options{}, "run", "--mem", "much", text), 125, "--mem is a number")
	expect(t, run(t, machine.Options{}, "run", text), 125, "xl could not create the domain")
}

// Runs share the saved machine and nothing else.
func TestRunsAtOnceDoNotMix(t *testing.T) {
	p := machine.Build(t, "examples/echo")
	var wg sync.WaitGroup
	for i := 0; i < 3; i++ {
		wg.Add(1)
		go func(word string) {
			defer wg.Done()
			o := machine.Options{Input: strings.NewReader(word + "\n"), Limit: 4 * time.Minute}
			r := run(t, o, "run", p.Image)
			if r.Code != 0 || !strings.Contains(r.Output, "1: "+strings.ToUpper(word)) {
				t.Errorf("%s: exit code %d, output:\n%s", word, r.Code, r.Output)
			}
		}(fmt.Sprintf("word%d", i))
	}
	wg.Wait()
}
