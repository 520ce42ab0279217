package tool

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// children lists the processes whose environment has the tool's TMPDIR: all that it started.
func children(tmp string) []string {
	var found []string
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range all {
		env, err := os.ReadFile(p + "/environ")
		if err != nil || !bytes.Contains(env, []byte("TMPDIR="+tmp+"\x00")) {
			continue
		}
		stat, _ := os.ReadFile(p + "/stat")
		if fields := strings.Fields(string(stat)); len(fields) > 2 && fields[2] == "Z" {
			continue
		}
		line, _ := os.ReadFile(p + "/cmdline")
		found = append(found, string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
	}
	return found
}

// interrupted starts the tool, signals it after the delay, and demands its exit code, a clean TMPDIR
// (see command) and no process left. False if the tool had ended by itself before.
func interrupted(t *testing.T, delay time.Duration, sig syscall.Signal, c call) bool {
	t.Helper()
	cmd := command(t, c)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(delay)
	cmd.Process.Signal(sig)
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		cmd.Process.Kill()
		t.Fatalf("after %v: still running 20 s after the signal\n%s", delay, out.String())
	}
	code := cmd.ProcessState.ExitCode()
	if code != 128+int(sig) && code != 0 && !(code == -1 && delay < 10*time.Millisecond) {
		t.Errorf("after %v: exit code %d\n%s", delay, code, out.String())
	}
	for _, e := range cmd.Env {
		if strings.HasPrefix(e, "TMPDIR="+os.TempDir()) && !strings.Contains(e, "\n") {
			deadline := time.Now().Add(3 * time.Second)
			left := children(strings.TrimPrefix(e, "TMPDIR="))
			for len(left) > 0 && time.Now().Before(deadline) {
				time.Sleep(20 * time.Millisecond)
				left = children(strings.TrimPrefix(e, "TMPDIR="))
			}
			for _, l := range left {
				t.Errorf("after %v: left running: %s", delay, l)
			}
		}
	}
	return code == 128+int(sig)
}

// TestInterruptedBuild presses Ctrl-C at many moments of a build that compiles.
func TestInterruptedBuild(t *testing.T) {
	out := t.TempDir()
	hits := 0
	for i, ms := range []int{0, 5, 20, 50, 80, 120, 160, 200, 250, 300, 400, 600} {
		// A new program each time, so that go has something to do.
		dir := module(t, map[string]string{"main.go": fmt.Sprintf(
			"package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(%d, %d) }\n", i, time.Now().UnixNano())})
		if interrupted(t, time.Duration(ms)*time.Millisecond, syscall.SIGINT,
			call{dir: dir, args: []string{"build", "-o", filepath.Join(out, "a.elf")}}) {
			hits++
		}
	}
	if hits < 3 {
		t.Errorf("only %d of the signals came in time", hits)
	}
	left, _ := os.ReadDir(out)
	for _, e := range left {
		if e.Name() != "a.elf" {
			t.Errorf("%s was left beside the output", e.Name())
		}
	}
}

const waits = "package main\n\nimport (\n\t\"fmt\"\n\t\"time\"\n)\n\nfunc main() {\n\tfmt.Println(\"up\")\n\ttime.Sleep(time.Hour)\n}\n"

// TestInterruptedRun stops machines while QEMU starts, while the program boots and while it waits.
func TestInterruptedRun(t *testing.T) {
	dir := module(t, map[string]string{"main.go": waits})
	elf := filepath.Join(t.TempDir(), "waits.elf")
	succeeds(t, call{dir: dir, args: []string{"build", "-o", elf}})
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		for _, ms := range []int{10, 60, 150, 400, 1500} {
			if !interrupted(t, time.Duration(ms)*time.Millisecond, sig, call{dir: dir, args: []string{"run", elf}}) {
				t.Errorf("%v after %d ms: the exit code is not %d", sig, ms, 128+int(sig))
			}
		}
	}
}

func TestTimeout(t *testing.T) {
	dir := module(t, map[string]string{"main.go": waits})
	start := time.Now()
	r := run(t, call{dir: dir, args: []string{"run", "--timeout", "1500ms", "."}})
	if r.code != 124 || !strings.Contains(r.out, "up") {
		t.Errorf("exit code %d after %v\n%s%s", r.code, time.Since(start), r.out, r.errors)
	}
}

// TestKilledToolsAreTidiedUpAfter: what a tool that was killed left is removed by a later one, what a
// running one uses is not.
func TestKilledToolsAreTidiedUpAfter(t *testing.T) {
	dir := module(t, map[string]string{"main.go": waits})
	elf := filepath.Join(t.TempDir(), "waits.elf")
	succeeds(t, call{dir: dir, args: []string{"build", "-o", elf}})
	killed := command(t, call{args: []string{"run", elf}})
	tmp := t.TempDir()
	killed.Env = append(killed.Env, "TMPDIR="+tmp)
	running := command(t, call{args: []string{"run", elf}})
	running.Env = append(running.Env, "TMPDIR="+tmp)
	if killed.Start() != nil || running.Start() != nil {
		t.Fatal("cannot start")
	}
	time.Sleep(time.Second)
	killed.Process.Kill()
	killed.Wait()
	left, _ := filepath.Glob(tmp + "/*")
	if len(left) != 2 {
		t.Fatalf("%v in TMPDIR, not two directories", left)
	}
	old := time.Now().Add(-time.Hour)
	for _, l := range left {
		if err := os.Chtimes(l, old, old); err != nil {
			t.Fatal(err)
		}
	}
	later := command(t, call{args: []string{"run", "--timeout", "1s", elf}})
	later.Env = append(later.Env, "TMPDIR="+tmp)
	later.Run()
	if left, _ := filepath.Glob(tmp + "/*"); len(left) != 1 {
		t.Errorf("%v in TMPDIR, not one directory", left)
	}
	running.Process.Signal(syscall.SIGINT)
	running.Wait()
	if left, _ := filepath.Glob(tmp + "/*"); len(left) != 0 {
		t.Errorf("%v in TMPDIR", left)
	}
	if c := children(tmp); len(c) != 0 {
		t.Errorf("left running: %v", c)
	}
}

// TestInterruptedWhileNobodyReads: the output's reader has stopped reading, and Ctrl-C or --timeout
// must work all the same.
func TestInterruptedWhileNobodyReads(t *testing.T) {
	dir := module(t, map[string]string{"main.go": "package main\n\nimport \"fmt\"\n\nfunc main() {\n\tfor {\n\t\tfmt.Println(\"again and again\")\n\t}\n}\n"})
	elf := filepath.Join(t.TempDir(), "a.elf")
	succeeds(t, call{dir: dir, args: []string{"build", "-o", elf}})
	for _, c := range []struct {
		args []string
		code int
	}{{[]string{"run", elf}, 130}, {[]string{"run", "--timeout", "3s", elf}, 124}} {
		cmd := command(t, call{args: c.args})
		startReading(t, cmd) // nothing of it
		time.Sleep(2 * time.Second)
		if c.code == 130 {
			cmd.Process.Signal(syscall.SIGINT)
		}
		start := time.Now()
		cmd.Wait()
		if got := cmd.ProcessState.ExitCode(); got != c.code || time.Since(start) > 10*time.Second {
			t.Errorf("%v: exit code %d after %v", c.args, got, time.Since(start))
		}
	}
}
