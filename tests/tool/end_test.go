package tool

import (
	"bufio"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asked is a program that does as its argument says when it is asked to end.
const asked = `package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	c := make(chan os.Signal, 1)
	switch os.Args[1] {
	case "handle":
		signal.Notify(c, syscall.SIGTERM)
	case "ignore":
		signal.Ignore(syscall.SIGTERM)
	}
	time.Sleep(100 * time.Millisecond) // the machine has found its button
	fmt.Println("up")
	s := <-c
	fmt.Println("got", s)
	time.Sleep(300 * time.Millisecond)
	fmt.Println("cleaned up")
	os.Exit(7)
}

func init() { go time.Sleep(time.Hour) } // no deadlock
`

func askedImage(t *testing.T) string {
	t.Helper()
	dir := module(t, map[string]string{"main.go": asked})
	elf := filepath.Join(t.TempDir(), "asked.elf")
	succeeds(t, call{dir: dir, args: []string{"build", "-o", elf}})
	return elf
}

// ended starts a machine, sends the tool signals once the program is up (the second, if there is one,
// half a second after the first), and returns how it ended, what it printed and how long that took.
func ended(t *testing.T, args []string, signals ...syscall.Signal) (code int, out string, took time.Duration) {
	t.Helper()
	cmd := command(t, call{args: args})
	r, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	lines := bufio.NewReader(r)
	for !strings.Contains(out, "up\n") {
		line, err := lines.ReadString('\n')
		out += line
		if err != nil {
			break
		}
	}
	start := time.Now()
	for i, s := range signals {
		if i > 0 {
			time.Sleep(500 * time.Millisecond)
		}
		cmd.Process.Signal(s)
	}
	rest, _ := io.ReadAll(lines)
	if err := cmd.Wait(); err != nil {
		if _, ok := err.(*exec.ExitError); !ok {
			t.Fatal(err)
		}
	}
	return cmd.ProcessState.ExitCode(), out + string(rest), time.Since(start)
}

// TestAskedToEnd: SIGTERM and Ctrl-C for the tool are SIGTERM for the program, which may end as it
// likes; the power button of every machine does it.
func TestAskedToEnd(t *testing.T) {
	elf := askedImage(t)
	for _, machine := range []string{"microvm", "q35", "pc"} {
		args := []string{"run", "--machine", machine, elf, "--"}
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			code, out, took := ended(t, append(args, "handle"), sig)
			if code != 7 || !strings.Contains(out, "got terminated\ncleaned up\n") || took > 10*time.Second {
				t.Errorf("%s, %v, a handler: exit code %d after %v\n%s", machine, sig, code, took, out)
			}
		}
		code, out, took := ended(t, append(args, "none"), syscall.SIGTERM)
		if code != 143 || !strings.Contains(out, "killed by SIGTERM") || took > 10*time.Second {
			t.Errorf("%s, SIGTERM, no handler: exit code %d after %v\n%s", machine, code, took, out)
		}
	}
	code, out, _ := ended(t, []string{"run", elf, "--", "none"}, syscall.SIGINT)
	if code != 130 {
		t.Errorf("Ctrl-C, no handler: exit code %d\n%s", code, out)
	}
}

// TestGracePeriod: a program that will not end is ended, by the machine itself.
func TestGracePeriod(t *testing.T) {
	elf := askedImage(t)
	code, out, took := ended(t, []string{"run", "--grace", "2s", elf, "--", "ignore"}, syscall.SIGTERM)
	if code != 143 || took < 1500*time.Millisecond || took > 6*time.Second {
		t.Errorf("exit code %d after %v\n%s", code, took, out)
	}
	if !strings.Contains(out, "has not ended 2 s after SIGTERM") {
		t.Errorf("no word of why:\n%s", out)
	}
}

// TestSecondSignalKills: who presses Ctrl-C again will not wait.
func TestSecondSignalKills(t *testing.T) {
	elf := askedImage(t)
	code, out, took := ended(t, []string{"run", elf, "--", "ignore"}, syscall.SIGINT, syscall.SIGINT)
	if code != 130 || took > 5*time.Second {
		t.Errorf("exit code %d after %v\n%s", code, took, out)
	}
}

func TestGraceIsATime(t *testing.T) {
	elf := askedImage(t)
	refuses(t, call{args: []string{"run", "--grace", "soon", elf}}, "--grace", "soon")
	refuses(t, call{args: []string{"run", "--grace", "48h", elf}}, "--grace", "48h")
}
