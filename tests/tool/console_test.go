package tool

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

const copies = `package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	n, err := io.Copy(os.Stdout, os.Stdin)
	if len(os.Args) > 1 {
		fmt.Printf("%d bytes, %v, %q\n", n, err, os.Args[1:])
	}
}
`

func copier(t *testing.T) string {
	t.Helper()
	elf := filepath.Join(t.TempDir(), "copy.elf")
	succeeds(t, call{dir: module(t, map[string]string{"main.go": copies}), args: []string{"build", "-o", elf}})
	return elf
}

// TestBinaryThroughThePipe sends every byte, the escape's own among them, there and back.
func TestBinaryThroughThePipe(t *testing.T) {
	elf := copier(t)
	input := make([]byte, 50000)
	if _, err := rand.Read(input); err != nil {
		t.Fatal(err)
	}
	input = append(input, 0x10, 0x04, 0x10, 0x10, 0x00, 0x04, 0x10) // ends in an escape byte
	for _, target := range []string{"microvm", "q35", "pc"} {
		for _, in := range [][]byte{nil, []byte("x"), []byte("no newline"), input} {
			cmd := command(t, call{args: []string{"run", "--timeout", "60s", "--machine", target, elf}})
			var out bytes.Buffer
			cmd.Stdin, cmd.Stdout = bytes.NewReader(in), &out
			if err := cmd.Run(); err != nil {
				t.Errorf("%s: %v", target, err)
			}
			if !bytes.Equal(out.Bytes(), in) {
				t.Errorf("%s: %d bytes came back of %d", target, out.Len(), len(in))
			}
		}
	}
}

func TestArgumentsAndEnvironment(t *testing.T) {
	elf := copier(t)
	args := []string{"plain", "two words", "", `"quoted"`, `back\slash`, "new\nline", "ünï", "--", strings.Repeat("long", 1000)}
	r := succeeds(t, call{args: append([]string{"run", elf, "--"}, args...)})
	if want := fmt.Sprintf("0 bytes, <nil>, %q\n", args); r.out != want {
		t.Errorf("the program got\n%swant\n%s", r.out, want)
	}
	dir := module(t, map[string]string{"main.go": "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\n" +
		"func main() { fmt.Printf(\"%q %q\\n\", os.Getenv(\"A\"), os.Getenv(\"FROM_HOST\")) }\n"})
	r = succeeds(t, call{dir: dir, env: []string{"FROM_HOST=it is"}, args: []string{"run", "-e", "A=b=c \"d\"", "-e", "FROM_HOST", "."}})
	if r.out != "\"b=c \\\"d\\\"\" \"it is\"\n" {
		t.Error(r.out)
	}
	refuses(t, call{args: []string{"run", elf, "--", strings.Repeat("x", 9000)}}, "8190", "--files")
}

func TestFilesInTheMachine(t *testing.T) {
	tree := t.TempDir()
	write(t, filepath.Join(tree, "a/b.txt"), "from the host")
	dir := module(t, map[string]string{"main.go": "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\n" +
		"func main() {\n\tfor _, f := range os.Args[1:] {\n\t\tb, err := os.ReadFile(f)\n\t\tfmt.Println(string(b), err)\n\t}\n}\n"})
	elf := filepath.Join(t.TempDir(), "a.elf")
	succeeds(t, call{dir: dir, args: []string{"build", "--files", tree + ":/packed", "-o", elf}})
	r := succeeds(t, call{dir: dir, args: []string{"run", "--files", tree, "--files", tree + ":/beside", "--files",
		filepath.Join(tree, "a/b.txt") + ":/one", elf, "--", "/a/b.txt", "/packed/a/b.txt", "/beside/a/b.txt", "/one"}})
	if want := strings.Repeat("from the host <nil>\n", 4); r.out != want {
		t.Errorf("%s", r.out)
	}
}

// terminal opens a pseudo terminal and returns both ends.
func terminal(t *testing.T) (*os.File, *os.File) {
	t.Helper()
	m, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	var unlock, n int32
	syscall.Syscall(syscall.SYS_IOCTL, m.Fd(), syscall.TIOCSPTLCK, uintptr(unsafe.Pointer(&unlock)))
	syscall.Syscall(syscall.SYS_IOCTL, m.Fd(), syscall.TIOCGPTN, uintptr(unsafe.Pointer(&n)))
	s, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	return m, s
}

func getModes(t *testing.T, f *os.File) syscall.Termios {
	t.Helper()
	var modes syscall.Termios
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), syscall.TCGETS, uintptr(unsafe.Pointer(&modes))); e != 0 {
		t.Fatal(e)
	}
	return modes
}

// dialogue runs the image on a terminal, types each answer when its prompt has appeared, and returns
// the exit code and the screen. The terminal's modes must be what they were.
func dialogue(t *testing.T, elf string, steps ...[2]string) (int, string) {
	t.Helper()
	m, s := terminal(t)
	defer m.Close()
	defer s.Close()
	before := getModes(t, s)
	cmd := command(t, call{args: []string{"run", "--timeout", "60s", elf}})
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s, s, s
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	screen := make(chan []byte, 100)
	go func() {
		for {
			b := make([]byte, 4096)
			n, err := m.Read(b)
			if err != nil {
				return
			}
			screen <- b[:n]
		}
	}()
	var all, since bytes.Buffer
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case b := <-screen:
			all.Write(b)
			since.Write(b)
			for len(steps) > 0 && strings.Contains(since.String(), steps[0][0]) {
				since.Reset()
				time.Sleep(100 * time.Millisecond)
				io.WriteString(m, steps[0][1])
				steps = steps[1:]
			}
		case <-ended:
			time.Sleep(100 * time.Millisecond)
			for len(screen) > 0 {
				all.Write(<-screen)
			}
			if after := getModes(t, s); after != before {
				t.Errorf("the terminal's modes are %+v, before %+v", after, before)
			}
			if len(steps) > 0 {
				t.Errorf("%q never appeared", steps[0][0])
			}
			return cmd.ProcessState.ExitCode(), all.String()
		}
	}
}

const asks = `package main

import (
	"bufio"
	"fmt"
	"os"
)

func main() {
	fmt.Println("ready")
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		fmt.Printf("got %q\n", in.Text())
	}
	fmt.Println("end")
	os.Exit(9)
}
`

func TestTerminal(t *testing.T) {
	elf := filepath.Join(t.TempDir(), "asks.elf")
	succeeds(t, call{dir: module(t, map[string]string{"main.go": asks}), args: []string{"build", "-o", elf}})
	code, screen := dialogue(t, elf, [2]string{"ready", "one\r"}, [2]string{`got "one"`, "twoo\x7f\r"},
		[2]string{`got "two"`, "\x04"})
	if code != 9 || !strings.Contains(screen, "end\r\n") || !strings.Contains(screen, "one\r\n") {
		t.Errorf("exit code %d\n%s", code, screen)
	}
	code, screen = dialogue(t, elf, [2]string{"ready", "\x03"})
	if code != 130 {
		t.Errorf("Ctrl-C: exit code %d\n%s", code, screen)
	}
}

// TestNobodyReads closes the output's far end, as `| head` does.
func TestNobodyReads(t *testing.T) {
	dir := module(t, map[string]string{"main.go": "package main\n\nfunc main() {\n\tfor {\n\t\tprint(\"\")\n\t\twrite()\n\t}\n}\n",
		"write.go": "package main\n\nimport \"fmt\"\n\nfunc write() { fmt.Println(\"again and again\") }\n"})
	cmd := command(t, call{dir: dir, args: []string{"run", "--timeout", "60s", "."}})
	out := startReading(t, cmd)
	io.ReadFull(out, make([]byte, 10))
	out.Close()
	start := time.Now()
	err := cmd.Wait()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 128+13 || time.Since(start) > 20*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}
