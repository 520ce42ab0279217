// Package xen_test runs programs as guests of a real Xen (the lab, tests/xenlab), with this network namespace as the
// outer machine that reaches them through dom0's bridge.
//
// It needs root, for the namespace and a tap device.
package xen_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"unigornel/tests/machine"
)

var lab = filepath.Join(machine.Root(), "tests", "xenlab", "xenlab")

// TestMain runs the tests again in a network namespace, which takes all its devices with it when it ends.
func TestMain(m *testing.M) {
	const inside = "UNIGORNEL_XEN_INSIDE"
	if os.Getenv(inside) != "" {
		if err := ip("link set lo up"); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		if _, err := os.Stat("/dev/net/tun"); err != nil {
			fmt.Println("tests/xen needs tap devices, and this system has none: skipped:", err)
			return
		}
		os.Exit(m.Run())
	}
	if !hasLab() {
		fmt.Println("the lab has not been built (tests/xenlab/xenlab build)")
		return
	}
	if os.Getuid() != 0 {
		fmt.Println("tests/xen needs root, to make a network namespace and a tap device: skipped")
		return
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil {
		if errors.Is(err, syscall.EPERM) {
			fmt.Println("tests/xen may not make a network namespace here: skipped")
			return
		}
		fmt.Println(err)
		os.Exit(1)
	}
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
	t      *testing.T
	cmd    *exec.Cmd
	mu     sync.Mutex
	output bytes.Buffer
	ended  chan struct{}
}

func (g *guest) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.output.Write(b)
}

func (g *guest) said() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return machine.Console(g.output.String())
}

// start runs a command until the test ends.
func start(t *testing.T, command ...string) *guest {
	t.Helper()
	g := &guest{t: t, ended: make(chan struct{})}
	g.cmd = exec.Command(command[0], command[1:]...)
	g.cmd.Env = append(os.Environ(), "UNIGORNEL_XENLAB="+lab)
	g.cmd.Stdout, g.cmd.Stderr = g, g
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := g.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		g.cmd.Wait()
		close(g.ended)
	}()
	t.Cleanup(g.stop)
	return g
}

// boot starts a program as a guest, by the tool.
func boot(t *testing.T, program string, flags []string, arguments ...string) *guest {
	t.Helper()
	p := machine.Build(t, program)
	command := append([]string{machine.Tool(), "run", "--hypervisor", "xen"}, flags...)
	return start(t, append(append(command, p.Image, "--"), arguments...)...)
}

// stop ends what still runs, in two steps: a request, then Ctrl-C's insistence.
func (g *guest) stop() {
	for i := 0; i < 2; i++ {
		select {
		case <-g.ended:
			return
		default:
			g.cmd.Process.Signal(syscall.SIGINT)
		}
		select {
		case <-g.ended:
			return
		case <-time.After(20 * time.Second):
		}
	}
	syscall.Kill(-g.cmd.Process.Pid, syscall.SIGKILL)
	<-g.ended
}

// code waits for the end.
func (g *guest) code(limit time.Duration) int {
	g.t.Helper()
	select {
	case <-g.ended:
	case <-time.After(limit):
		g.t.Fatalf("it still runs after %v; it said:\n%s", limit, g.said())
	}
	return g.cmd.ProcessState.ExitCode()
}

// until waits for something to become true of a guest that runs.
func (g *guest) until(what string, limit time.Duration, f func() bool) {
	g.t.Helper()
	for end := time.Now().Add(limit); !f(); time.Sleep(50 * time.Millisecond) {
		select {
		case <-g.ended:
			g.t.Fatalf("%s: it ended (%v); it said:\n%s", what, g.cmd.ProcessState, g.said())
		default:
		}
		if time.Now().After(end) {
			g.t.Fatalf("%s: not within %v; it said:\n%s", what, limit, g.said())
		}
	}
}

func (g *guest) says(text string, limit time.Duration) {
	g.t.Helper()
	g.until(fmt.Sprintf("says %q", text), limit, func() bool { return strings.Contains(g.said(), text) })
}

// answers waits for a server.
func (g *guest) answers(url string) {
	g.t.Helper()
	g.until("answers "+url, 2*time.Minute, func() bool {
		_, err := get(url, 5*time.Second)
		return err == nil
	})
}

func get(url string, limit time.Duration) (string, error) {
	client := http.Client{Timeout: limit, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(r.Body); err != nil {
		return "", err
	}
	if r.StatusCode != 200 {
		return "", fmt.Errorf("%s: %s: %s", url, r.Status, b.String())
	}
	return b.String(), nil
}

// dom0 runs a command there during a run with --dir.
func dom0(t *testing.T, dir string, command ...string) string {
	t.Helper()
	out, err := exec.Command(lab, append([]string{"exec", dir}, command...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("dom0: %s: %v\n%s", strings.Join(command, " "), err, out)
	}
	return string(out)
}
