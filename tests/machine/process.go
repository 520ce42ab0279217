package machine

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Process is a command that runs beside the test: a machine that serves, one that is managed from outside.
type Process struct {
	t     *testing.T
	cmd   *exec.Cmd
	out   *output
	ended chan struct{}
}

// Start starts a command that was not given its outputs. It has a session of its own, and does not outlive the tests;
// who wants it to end with the test has to say so (t.Cleanup).
func Start(t *testing.T, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{t: t, cmd: cmd, out: newOutput(), ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.out, p.out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		cmd.Wait() // its result stays in cmd.ProcessState
		close(p.ended)
	}()
	return p
}

// Said is what it has printed so far, as a console's Result.Output.
func (p *Process) Said() string { return Console(p.out.String()) }

// Ended tells whether it has ended; then it has said everything.
func (p *Process) Ended() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// ends waits for its end, and tells whether that came in time.
func (p *Process) ends(limit time.Duration) bool {
	select {
	case <-p.ended:
		return true
	case <-time.After(limit):
		return p.Ended()
	}
}

// Code waits for its end, which must come in time.
func (p *Process) Code(limit time.Duration) int {
	p.t.Helper()
	if !p.ends(limit) {
		p.t.Fatalf("it still runs after %v; it said:\n%s", limit, p.Said())
	}
	return p.cmd.ProcessState.ExitCode()
}

// State says how it ended, once it has.
func (p *Process) State() string { return p.cmd.ProcessState.String() }

// Interrupt is Ctrl-C, but for the one process alone: it passes it on to its children as it likes. It tells whether
// that ended it in time.
func (p *Process) Interrupt(limit time.Duration) bool {
	if p.Ended() {
		return true
	}
	p.cmd.Process.Signal(syscall.SIGINT)
	return p.ends(limit)
}

// Kill ends it with all its children.
func (p *Process) Kill() {
	if !p.Ended() {
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.ended
	}
}

// Until waits for something to become true while it runs.
func (p *Process) Until(what string, limit time.Duration, f func() bool) {
	p.t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(50 * time.Millisecond) {
		ended := p.Ended() // before it is asked the last time
		switch {
		case f():
			return
		case ended:
			p.t.Fatalf("%s: it ended (%s); it said:\n%s", what, p.State(), p.Said())
		case time.Now().After(end):
			p.t.Fatalf("%s: not within %v; it said:\n%s", what, limit, p.Said())
		}
	}
}

// Says waits until it has said the text.
func (p *Process) Says(text string, limit time.Duration) {
	p.t.Helper()
	p.Until(fmt.Sprintf("says %q", text), limit, func() bool { return strings.Contains(p.Said(), text) })
}
