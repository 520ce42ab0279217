package boot

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"unigornel/tests/machine"
)

// sandbox is a place where what a command leaves behind shows.
type sandbox struct {
	temp string // its TMPDIR
	out  string // where images may go
}

func newSandbox(t *testing.T) sandbox {
	t.Helper()
	dir := t.TempDir()
	s := sandbox{filepath.Join(dir, "tmp"), filepath.Join(dir, "out")}
	for _, d := range []string{s.temp, s.out} {
		if err := os.Mkdir(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s sandbox) checkEmpty(t *testing.T) {
	t.Helper()
	for _, d := range []string{s.temp, s.out} {
		left, err := filepath.Glob(filepath.Join(d, "*"))
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v %v", left, err)
		}
	}
}

// pathWith is a directory to be a whole PATH, with links to the named commands; others are missing.
func pathWith(t *testing.T, commands ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, c := range commands {
		where, err := exec.LookPath(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(where, filepath.Join(dir, c)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestBadInputIsOneLineAndAFailure(t *testing.T) {
	image := machine.Build(t, behave).Image
	tests := filepath.Join(machine.Root(), "tests")
	data := filepath.Join(tests, "boot", "testdata")
	dir := t.TempDir()
	truncated := filepath.Join(dir, "truncated")
	text := filepath.Join(dir, "text")
	whole, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{truncated: whole[:len(whole)/3], text: []byte("hello\n")} {
		if err := os.WriteFile(name, b, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	oldGo := pathWith(t, "ld", "gcc", "as", "objcopy", "qemu-system-x86_64", "sh")
	fake := `#!/bin/sh
case "$*" in
version*) echo go version go1.18.3 linux/amd64 ;;
*-json*) echo '{"GOVERSION":"go1.18.3","GOROOT":"/usr/lib/go-1.18","GOOS":"linux","GOARCH":"amd64"}' ;;
*) echo go1.18.3 ;;
esac
`
	if err := os.WriteFile(filepath.Join(oldGo, "go"), []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	hello := "./boot/programs/behave"

	for _, c := range []struct {
		name string
		args []string
		env  []string
		want string // a regular expression that the message matches
	}{
		{"NoSuchPackage", []string{"run", "./nope"}, nil, `nope`},
		{"NoSuchImage", []string{"run", "/no/such/image"}, nil, `/no/such/image`},
		{"NotMain", []string{"run", filepath.Join(data, "library")}, nil, `main`},
		{"WrongArchitecture", []string{"build", "-o", "OUT/x", hello}, []string{"GOARCH=arm64"}, `amd64`},
		{"WrongSystem", []string{"build", "-o", "OUT/x", hello}, []string{"GOOS=windows"}, `linux`},
		{"ForeignELF", []string{"run", "/bin/true"}, nil, `/bin/true`},
		{"NotELF", []string{"run", text}, nil, `text`},
		{"TruncatedImage", []string{"run", truncated}, nil, `truncated`},
		{"TooLittleMemory", []string{"run", "-m", "1M", image}, nil, `(?i)memory|-m`},
		{"NoMemorySize", []string{"run", "-m", "much", image}, nil, `much`},
		{"UnknownFlag", []string{"run", "--no-such-flag", image}, nil, `no-such-flag`},
		{"UnknownCommand", []string{"launch"}, nil, `launch`},
		{"UnknownMachine", []string{"run", "--machine", "vax", image}, nil, `vax`},
		{"BadTimeout", []string{"run", "--timeout", "soon", image}, nil, `soon`},
		{"BadEnvironment", []string{"run", "-e", "=x", image}, nil, `=x`},
		{"UnreadableFiles", []string{"run", "--files", "/no/such/directory", image}, nil, `/no/such/directory`},
		{"NoQEMU", []string{"run", image}, []string{"PATH=" + pathWith(t, "go", "ld", "gcc")}, `qemu`},
		{"NoGo", []string{"run", hello}, []string{"PATH=" + pathWith(t, "ld", "gcc", "qemu-system-x86_64")}, `(?i)\bgo\b`},
		{"OldGo", []string{"run", hello}, []string{"PATH=" + oldGo}, `1\.19`},
		{"NoOutputDirectory", []string{"build", "-o", "/no/such/directory/x", hello}, nil, `/no/such/directory`},
		{"TestOfNoPackage", []string{"test", "./nope"}, nil, `nope`},
	} {
		c := c
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			box := newSandbox(t)
			args := append([]string{machine.Tool()}, c.args...)
			for i := range args {
				args[i] = strings.Replace(args[i], "OUT", box.out, 1)
			}
			r := machine.Exec(t, args, machine.Options{Dir: tests, Env: append([]string{"TMPDIR=" + box.temp}, c.env...)})
			if r.Code == 0 {
				t.Errorf("success; output:\n%s", r.Output)
			}
			if !regexp.MustCompile(c.want).MatchString(r.Output) {
				t.Errorf("the message says nothing of %q:\n%s", c.want, r.Output)
			}
			// `test` reports as go test does: a summary line follows.
			if n := strings.Count(strings.TrimSpace(r.Output), "\n"); n > 0 && c.args[0] != "test" {
				t.Errorf("%d lines instead of one:\n%s", n+1, r.Output)
			}
			box.checkEmpty(t)
		})
	}
}

func TestCompileErrorsAreGosOwn(t *testing.T) {
	box := newSandbox(t)
	r := machine.Exec(t, []string{machine.Tool(), "run", "./boot/testdata/broken"},
		machine.Options{Dir: filepath.Join(machine.Root(), "tests"), Env: []string{"TMPDIR=" + box.temp}})
	if n := strings.Count(r.Output, "undefined: undefinedFunction"); n != 1 {
		t.Errorf("the compiler's message is there %d times:\n%s", n, r.Output)
	}
	if r.Code == 0 {
		t.Error("success")
	}
	box.checkEmpty(t)
}

// TestFullDisk links onto a file system with no room. Making one takes root.
func TestFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting a small file system takes root")
	}
	for _, where := range []string{"out", "temporary"} {
		box := newSandbox(t)
		full := box.out
		if where == "temporary" {
			full = box.temp
		}
		script := `mount -t tmpfs -o size=64k none "$1" && "$2" build -o "$3/image" ./hello; code=$?; ls -A "$3"; exit $code`
		r := machine.Exec(t, []string{"unshare", "-m", "sh", "-c", script, "sh", full, machine.Tool(), box.out},
			machine.Options{Dir: filepath.Join(machine.Root(), "examples"), Env: []string{"TMPDIR=" + box.temp}})
		if r.Code == 0 {
			t.Errorf("%s: success on a full disk:\n%s", where, r.Output)
		}
		if !strings.Contains(strings.ToLower(r.Output), "no space left") {
			t.Errorf("%s: the message does not name the reason:\n%s", where, r.Output)
		}
		if strings.Contains(r.Output, "\nimage\n") {
			t.Errorf("%s: half an image is left behind", where)
		}
		box.checkEmpty(t)
	}
}

// TestInterruptLeavesNothingBehind presses Ctrl-C at moments of a build and of a run.
func TestInterruptLeavesNothingBehind(t *testing.T) {
	image := machine.Build(t, behave).Image
	for _, c := range []struct {
		name  string
		after []time.Duration
		args  []string
	}{
		{"Build", []time.Duration{20 * time.Millisecond, 150 * time.Millisecond, 500 * time.Millisecond}, []string{"build", "-a", "-o", "OUT/x", "./hello"}},
		{"Run", []time.Duration{5 * time.Millisecond, 50 * time.Millisecond, 300 * time.Millisecond, 2 * time.Second}, []string{"run", "--accel", "tcg", image, "--", "busy"}},
	} {
		c := c
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, after := range c.after {
				box := newSandbox(t)
				args := append([]string{machine.Tool()}, c.args...)
				for i := range args {
					args[i] = strings.Replace(args[i], "OUT", box.out, 1)
				}
				var session int
				r := machine.Exec(t, args, machine.Options{
					Dir: filepath.Join(machine.Root(), "examples"),
					Env: []string{"TMPDIR=" + box.temp},
					After: func(p *os.Process) {
						session = p.Pid
						time.Sleep(after)
						syscall.Kill(-p.Pid, syscall.SIGINT) // the terminal's Ctrl-C reaches the whole group
					},
				})
				// Before the tool has a handler the signal itself ends it, which is 130 as well.
				if r.Code != 130 {
					t.Errorf("after %v: exit code %d, want 130; output:\n%s", after, r.Code, r.Output)
				}
				if left := inSession(session); len(left) > 0 {
					t.Errorf("after %v: still running: %v", after, left)
				}
				box.checkEmpty(t)
			}
		})
	}
}

// inSession lists the processes of a session by their command names (proc_pid_stat(5)).
func inSession(session int) []string {
	var left []string
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range stats {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // gone meanwhile
		}
		line := string(b)
		end := strings.LastIndex(line, ")")
		fields := strings.Fields(line[end+1:])
		if len(fields) > 3 && fields[3] == strconv.Itoa(session) && fields[0] != "Z" {
			left = append(left, line[:end+1])
		}
	}
	return left
}
