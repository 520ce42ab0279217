package boot

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"unigornel/tests/machine"
)

// TestDebuggerSeesGoAndKernel is the session the README shows.
func TestDebuggerSeesGoAndKernel(t *testing.T) {
	if _, err := exec.LookPath("gdb"); err != nil {
		t.Skip("no gdb on this machine")
	}
	p := machine.Build(t, "examples/hello")
	const port = "21234"
	debugged := make(chan machine.Result, 1)
	ready := make(chan struct{})
	go func() {
		o := machine.Options{Flags: []string{"--gdb=" + port}}
		o.Steps = []machine.Step{{Wait: regexp.MustCompile(`waiting for`)}, {Wait: regexp.MustCompile(`unigornel_gdb_go`)}}
		o.Reached = func() { close(ready) }
		debugged <- p.Run(t, "microvm", o)
	}()
	<-ready
	var args []string
	for _, command := range []string{"set pagination off", "target remote 127.0.0.1:" + port, "break main.main", "set var unigornel_gdb_go = 1",
		"continue", "info source", "break sys_write", "continue", "backtrace 2", "delete", "continue"} {
		args = append(args, "-ex", command)
	}
	r := machine.Exec(t, append(append([]string{"gdb", "-nx", "-q", "-batch"}, args...), p.Image), machine.Options{})
	for _, want := range []string{"main.main ()", filepath.Join("examples", "hello", "main.go"), "sys_write (fd=1", "unigornel_syscall"} {
		if !strings.Contains(r.Output, want) {
			t.Errorf("gdb does not say %q:\n%s", want, r.Output)
		}
	}
	if got := <-debugged; got.Code != 0 || !strings.Contains(got.Output, "Hello from Go!") {
		t.Errorf("exit code %d, output:\n%s", got.Code, got.Output)
	}
}
