// Package xen runs programs as guests of a real Xen (the lab, tests/xenlab), with what Xen's toolstack gives them and
// does to them. This network namespace is the outer machine, which reaches them through dom0's bridge.
//
// It needs root, for the namespace and a tap device.
package xen

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"unigornel/tests/machine"
	"unigornel/tests/netns"
)

var lab = filepath.Join(machine.Root(), "tests", "xenlab", "xenlab")

func TestMain(m *testing.M) {
	if !hasLab() {
		fmt.Println("the lab has not been built (tests/xenlab/xenlab build)")
		return
	}
	netns.Main(m, "tests/xen")
}

func hasLab() bool {
	for _, target := range machine.Targets() {
		if target == "xen" {
			return true
		}
	}
	return false
}

// guest is a command that a machine's console is attached to.
type guest struct {
	*machine.Process
	t *testing.T
}

// start runs a command until the test ends.
func start(t *testing.T, command ...string) guest {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "UNIGORNEL_XENLAB="+lab)
	g := guest{machine.Start(t, cmd), t}
	t.Cleanup(func() {
		// A request, then Ctrl-C's insistence.
		if !g.Interrupt(20*time.Second) && !g.Interrupt(20*time.Second) {
			g.Kill()
		}
	})
	return g
}

// boot starts a program as a guest, by the tool.
func boot(t *testing.T, program string, flags []string, arguments ...string) guest {
	t.Helper()
	p := machine.Build(t, program)
	command := append([]string{machine.Tool(), "run", "--hypervisor", "xen"}, flags...)
	return start(t, append(append(command, p.Image, "--"), arguments...)...)
}

// answers waits for a server.
func (g guest) answers(url string) {
	g.t.Helper()
	g.Until("answers "+url, 2*time.Minute, func() bool {
		_, err := machine.Get(url, 5*time.Second)
		return err == nil
	})
}

// labRun is a run of the lab itself, in whose dom0 there is something to do.
type labRun struct {
	guest
	dir string
}

// inLab starts a run with these options.
func inLab(t *testing.T, options ...string) labRun {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	return labRun{start(t, append([]string{lab, "run", "--dir", dir}, options...)...), dir}
}

// exec is a command for dom0.
func (r labRun) exec(command ...string) *exec.Cmd {
	return exec.Command(lab, append([]string{"exec", r.dir}, command...)...)
}

// dom0 runs a command there, which must succeed.
func (r labRun) dom0(command ...string) string {
	r.t.Helper()
	out, err := r.exec(command...).CombinedOutput()
	if err != nil {
		r.t.Fatalf("dom0: %s: %v\n%s\nguest:\n%s", strings.Join(command, " "), err, out, r.Said())
	}
	return string(out)
}

// shell runs a line of shell there with input; its output and exit code.
func (r labRun) shell(input io.Reader, line string) (string, int) {
	r.t.Helper()
	cmd := r.exec("sh", "-c", line)
	cmd.Stdin = input
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	return machine.Console(string(out)), cmd.ProcessState.ExitCode()
}

// xl runs Xen's toolstack there.
func (r labRun) xl(command ...string) string {
	r.t.Helper()
	return r.dom0(append([]string{"xl"}, command...)...)
}

// end ends a run with --hold; its exit code is the guest's.
func (r labRun) end() int {
	r.t.Helper()
	if out, err := exec.Command(lab, "end", r.dir).CombinedOutput(); err != nil {
		r.t.Fatalf("xenlab end: %v\n%s", err, out)
	}
	return r.Code(time.Minute)
}
