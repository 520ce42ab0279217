// Package machine drives build/unigornel for the tests: it builds a Go program once as an image
// and once as an ordinary executable, and runs either with a time limit.
//
// Environment:
//
//	UNIGORNEL_TARGETS  the machines to run on, default "microvm,q35,pc,xen"; xen is left out
//	                   where the lab (tests/xenlab) has not been built
package machine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Slack is what a run may take beyond its own limit: starting QEMU on a busy host.
const Slack = 30 * time.Second

// Root is the top directory of the repository.
func Root() string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "kernel", "image.ld")); err == nil {
			return dir
		}
		if _, err := os.Stat(filepath.Join(dir, "docs", "image.md")); err == nil {
			return dir
		}
	}
	panic("not inside the repository")
}

// Tool is the path of the command under test.
func Tool() string { return filepath.Join(Root(), "build", "unigornel") }

// Program is one Go package as the tests need it.
type Program struct {
	Dir    string // the directory of the module or of the package
	Image  string // ELF that boots
	Native string // ordinary executable
}

var (
	builds  = map[string]*build{}
	buildMu sync.Mutex
)

type build struct {
	once sync.Once
	p    Program
	err  error
}

// Build compiles the package in dir (relative to the repository) for both worlds, once per test
// process.
func Build(t *testing.T, dir string) Program {
	t.Helper()
	return BuildWith(t, dir, "")
}

// BuildWith is Build with the go command of another GOROOT.
func BuildWith(t *testing.T, dir, goroot string) Program {
	t.Helper()
	key := dir + " " + goroot
	buildMu.Lock()
	b := builds[key]
	if b == nil {
		b = &build{}
		builds[key] = b
	}
	buildMu.Unlock()
	b.once.Do(func() { b.p, b.err = compile(dir, goroot) })
	if b.err != nil {
		t.Fatalf("building %s: %v", dir, b.err)
	}
	return b.p
}

func compile(dir, goroot string) (Program, error) {
	src := filepath.Join(Root(), dir)
	out := filepath.Join(Root(), "build", "tests", filepath.FromSlash(dir))
	if goroot != "" {
		out = filepath.Join(out, filepath.Base(goroot))
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return Program{}, err
	}
	p := Program{Dir: src, Image: filepath.Join(out, "image"), Native: filepath.Join(out, "native")}
	commands := [][]string{
		{goCommand(goroot), "build", "-o", p.Native, "."},
		{Tool(), "build", "-o", p.Image, "."},
	}
	for _, c := range commands {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		cmd := exec.CommandContext(ctx, c[0], c[1:]...)
		cmd.Dir = src
		cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false")
		if goroot != "" {
			cmd.Env = append(cmd.Env, "GOROOT=", "PATH="+filepath.Join(goroot, "bin")+":"+os.Getenv("PATH"))
		}
		if !usesC(src) {
			// As images are: no libc between the program and the kernel.
			cmd.Env = append(cmd.Env, "CGO_ENABLED=0")
		}
		text, err := cmd.CombinedOutput()
		cancel()
		if err != nil {
			return Program{}, fmt.Errorf("%s: %v\n%s", strings.Join(c, " "), err, text)
		}
	}
	return p, nil
}

// Hash identifies a file by its contents.
func Hash(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))
}

// Step is one exchange with a program: when the output that no earlier step has consumed matches
// Wait (nil: at once), Send is typed.
type Step struct {
	Wait *regexp.Regexp
	Send string
}

// Result is what came of a run. Output is standard output and standard error as one stream, as on
// a console, with the console's CR LF line ends turned into LF.
type Result struct {
	Output string
	Code   int
	Took   time.Duration
}

// Options of a run; the zero value is right for most.
type Options struct {
	Args    []string
	Env     []string // KEY=VALUE
	Flags   []string // further flags of unigornel run (QEMU only)
	Steps   []Step
	Input   io.Reader     // standard input where there are no Steps; nil is an empty one
	Limit   time.Duration // default two minutes
	Dir     string        // working directory of the command
	Memory  int           // MiB of the machine, default the tool's
	Timeout time.Duration // the tool's own --timeout
	Reached func()        // called when all Steps have been gone through, or cannot be any more
}

func goCommand(goroot string) string {
	if goroot == "" {
		return "go"
	}
	return filepath.Join(goroot, "bin", "go")
}

// usesC tells whether a package has C in it.
func usesC(dir string) bool {
	files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil && bytes.Contains(text, []byte("\nimport \"C\"\n")) {
			return true
		}
	}
	return false
}

// RunNative runs the ordinary executable with nothing in its environment but o.Env.
func (p Program) RunNative(t *testing.T, o Options) Result {
	t.Helper()
	return execute(t, append([]string{p.Native}, o.Args...), append([]string{}, o.Env...), o, false)
}

// Run boots the image on one of Targets.
func (p Program) Run(t *testing.T, target string, o Options) Result {
	t.Helper()
	if target == "xen" && len(o.Steps) == 0 {
		o.Input = escaped(o.Input)
	}
	r := execute(t, Command(target, p.Image, o), os.Environ(), o, target != "xen" && len(o.Steps) > 0)
	if target == "xen" {
		r.Output = labNotes.ReplaceAllString(r.Output, "")
	}
	return r
}

// labNotes are the lab's own words, of the dom0 it boots first where there is none saved.
var labNotes = regexp.MustCompile(`(?m)^xenlab: booting dom0 .*\n`)

// Command is the command line of a run: unigornel's, or the Xen lab's.
func Command(target, image string, o Options) []string {
	if target == "xen" {
		return xenCommand(image, o)
	}
	c := []string{Tool(), "run", "--machine", target, "--accel", "tcg"}
	c = append(c, o.Flags...)
	if o.Memory != 0 {
		c = append(c, "-m", fmt.Sprintf("%dM", o.Memory))
	}
	if o.Timeout != 0 {
		c = append(c, "--timeout", o.Timeout.String())
	}
	for _, e := range o.Env {
		c = append(c, "-e", e)
	}
	c = append(c, image)
	if len(o.Args) > 0 {
		c = append(append(c, "--"), o.Args...)
	}
	return c
}

// xenCommand does for the lab what the tool does for QEMU: it writes the kernel's command line
// (docs/image.md).
func xenCommand(image string, o Options) []string {
	var words []string
	c := []string{lab(), "run"}
	if len(o.Steps) == 0 {
		words = append(words, "console=pipe")
		c = append(c, "--raw")
	}
	words = append(words, "quiet")
	for _, e := range o.Env {
		words = append(words, "env="+quote(e))
	}
	if len(o.Args) > 0 {
		words = append(words, "--")
		for _, a := range o.Args {
			words = append(words, quote(a))
		}
	}
	if o.Memory != 0 {
		c = append(c, "--mem", fmt.Sprint(o.Memory))
	}
	if o.Timeout != 0 {
		c = append(c, "--timeout", fmt.Sprint(int(o.Timeout.Seconds())))
	}
	return append(c, "--cmdline", strings.Join(words, " "), image)
}

// quote makes a string one word of the kernel's command line.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// Exec runs any command as the runs above are run: limited, in a session of its own that is killed
// whole if it overstays.
func Exec(t *testing.T, command []string, o Options) Result {
	t.Helper()
	return execute(t, command, append(os.Environ(), o.Env...), o, false)
}

// escaped is the input of a machine with console=pipe: its end is said in so many words.
func escaped(in io.Reader) io.Reader {
	var data []byte
	if in != nil {
		data, _ = io.ReadAll(in) // the readers that tests hand over do not fail
	}
	data = bytes.ReplaceAll(data, []byte{0x10}, []byte{0x10, 0x10})
	return bytes.NewReader(append(data, 0x10, 0x04))
}

func execute(t *testing.T, command, env []string, o Options, terminal bool) Result {
	t.Helper()
	limit := o.Limit
	if limit == 0 {
		limit = 2 * time.Minute
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = env
	cmd.Dir = o.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out := newOutput()
	var stdin io.WriteCloser
	var copied chan struct{} // closed when the terminal's output has been read to its end
	start := time.Now()
	switch {
	case terminal:
		master, slave, err := openPty()
		if err != nil {
			t.Fatal(err)
		}
		defer master.Close()
		cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
		cmd.SysProcAttr.Setctty = true
		err = cmd.Start()
		slave.Close()
		if err != nil {
			t.Fatalf("%s: %v", command[0], err)
		}
		copied = make(chan struct{})
		go func() {
			io.Copy(out, master) // ends with EIO when the last process has closed its side
			close(copied)
		}()
		stdin = keepOpen{master}
	default:
		cmd.Stdout, cmd.Stderr = out, out
		if len(o.Steps) > 0 {
			var err error
			if stdin, err = cmd.StdinPipe(); err != nil {
				t.Fatal(err)
			}
		} else {
			cmd.Stdin = o.Input
		}
		if err := cmd.Start(); err != nil {
			t.Fatalf("%s: %v", command[0], err)
		}
	}
	timer := time.AfterFunc(limit, func() {
		out.timedOut()
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	})
	defer timer.Stop()
	if stdin != nil {
		go func() {
			for _, s := range o.Steps {
				if s.Wait != nil && !out.wait(s.Wait) {
					break
				}
				if _, err := io.WriteString(stdin, s.Send); err != nil {
					break
				}
			}
			if o.Reached != nil {
				o.Reached()
			}
			stdin.Close()
		}()
	}
	err := cmd.Wait()
	if copied != nil {
		select {
		case <-copied:
		case <-time.After(5 * time.Second):
			t.Errorf("%s: something still holds the terminal", strings.Join(command, " "))
		}
	}
	out.close()
	r := Result{Output: Console(out.String()), Took: time.Since(start)}
	if out.late {
		t.Fatalf("%s: still running after %v; output so far:\n%s", strings.Join(command, " "), limit, r.Output)
	}
	switch e := err.(type) {
	case nil:
	case *exec.ExitError:
		r.Code = e.ExitCode()
		if ws := e.Sys().(syscall.WaitStatus); ws.Signaled() {
			r.Code = 128 + int(ws.Signal())
		}
	default:
		t.Fatalf("%s: %v", strings.Join(command, " "), err)
	}
	return r
}

// keepOpen is a terminal that typing does not hang up.
type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

// Targets are the machines under test.
func Targets() []string {
	if s := os.Getenv("UNIGORNEL_TARGETS"); s != "" {
		return strings.Split(s, ",")
	}
	targets := []string{"microvm", "q35", "pc"}
	if haveXen() {
		targets = append(targets, "xen")
	}
	return targets
}

// lab is the command of the Xen lab.
func lab() string { return filepath.Join(Root(), "tests", "xenlab", "xenlab") }

// haveXen tells whether the Xen lab has been built on this machine.
func haveXen() bool {
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return false
		}
		cache = filepath.Join(home, ".cache")
	}
	_, err := os.Stat(filepath.Join(cache, "unigornel", "xenlab", "current"))
	return err == nil
}

// EachTarget runs f as a parallel subtest for every machine under test.
func EachTarget(t *testing.T, f func(t *testing.T, target string)) {
	for _, target := range Targets() {
		target := target
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			f(t, target)
		})
	}
}

// Diff compares two outputs and shows the lines that differ as diff(1) does, - native, + machine;
// "" means none.
func Diff(want, got string) string {
	if want == got {
		return ""
	}
	files := []string{}
	for _, text := range []string{want, got} {
		f, err := os.CreateTemp("", "unigornel-diff")
		if err != nil {
			return err.Error()
		}
		defer os.Remove(f.Name())
		f.WriteString(text)
		f.Close()
		files = append(files, f.Name())
	}
	// It exits with 1 where the files differ, as they do.
	out, _ := exec.Command("diff", "--text", "-U0", "--label", "native", "--label", "machine", files[0], files[1]).CombinedOutput()
	if lines := strings.SplitAfter(string(out), "\n"); len(lines) > 40 {
		return strings.Join(lines[:40], "") + fmt.Sprintf("(and %d more lines)\n", len(lines)-40)
	}
	return string(out)
}
