// Package tool tests the command itself on the host: what it says and leaves behind when it is given
// bad input or interrupted, and what it puts into images. Few of these tests boot a machine.
package tool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"unigornel/tests/machine"
)

// limit is what any call may take, a first compilation of the standard library included.
const limit = 5 * time.Minute

type result struct {
	code        int
	out, errors string
}

// call describes one use of the tool.
type call struct {
	dir  string   // working directory, "" for the temporary one
	env  []string // added to the environment
	args []string
}

// command prepares the tool with a TMPDIR of its own, which must be empty in the end.
func command(t *testing.T, c call) *exec.Cmd {
	t.Helper()
	tmp := t.TempDir()
	cmd := exec.Command(machine.Tool(), c.args...)
	cmd.Env = append(append(os.Environ(), "TMPDIR="+tmp, "UNIGORNEL_ACCEL=tcg"), c.env...)
	cmd.Dir = c.dir
	if cmd.Dir == "" {
		cmd.Dir = t.TempDir()
	}
	t.Cleanup(func() {
		left, err := os.ReadDir(tmp)
		if err != nil {
			t.Error(err)
		}
		for _, e := range left {
			t.Errorf("%s was left in TMPDIR", e.Name())
		}
	})
	return cmd
}

// startReading starts a command whose output the test reads, or does not: until it has ended nobody else does.
func startReading(t *testing.T, cmd *exec.Cmd) io.ReadCloser {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func run(t *testing.T, c call) result {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := command(t, c)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(limit, func() { cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// refuses demands a non-zero exit code and one line on stderr that has all the words.
func refuses(t *testing.T, c call, words ...string) result {
	t.Helper()
	r := run(t, c)
	if r.code == 0 {
		t.Errorf("unigornel %s: exit code 0", strings.Join(c.args, " "))
	}
	if strings.Count(r.errors, "\n") != 1 || !strings.HasSuffix(r.errors, "\n") {
		t.Errorf("unigornel %s: not one line on stderr:\n%s", strings.Join(c.args, " "), r.errors)
	}
	if r.out != "" {
		t.Errorf("unigornel %s: stdout has\n%s", strings.Join(c.args, " "), r.out)
	}
	for _, w := range words {
		if !strings.Contains(r.errors, w) {
			t.Errorf("unigornel %s: %q is not in: %s", strings.Join(c.args, " "), w, r.errors)
		}
	}
	return r
}

// module writes a module, file by file, and returns its directory.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if _, ok := files["go.mod"]; !ok {
		write(t, filepath.Join(dir, "go.mod"), "module example.com/m\n\ngo 1.19\n")
	}
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

const hello = "package main\n\nfunc main() { println(\"hello\") }\n"

func helloModule(t *testing.T) string { return module(t, map[string]string{"main.go": hello}) }

// image builds the hello program.
func image(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hello.elf")
	succeeds(t, call{dir: helloModule(t), args: []string{"build", "-o", path}})
	return path
}

func succeeds(t *testing.T, c call) result {
	t.Helper()
	r := run(t, c)
	if r.code != 0 || r.errors != "" {
		t.Fatalf("unigornel %s: exit code %d, stderr:\n%s", strings.Join(c.args, " "), r.code, r.errors)
	}
	return r
}

// listing returns names, sizes and times of all files below dir.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.Walk(dir, func(path string, info fs.FileInfo, err error) error {
		if err == nil {
			fmt.Fprintln(&b, path, info.Size(), info.Mode(), info.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// path makes a directory for PATH that has these programs only.
func path(t *testing.T, programs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range programs {
		full, err := exec.LookPath(p)
		if err != nil {
			t.Skip(err)
		}
		if err := os.Symlink(full, filepath.Join(dir, p)); err != nil {
			t.Fatal(err)
		}
	}
	return "PATH=" + dir
}
