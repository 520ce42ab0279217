package tool

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// What doctor says of an image: by its symbols, and by its note.
var hasDriver = regexp.MustCompile(`virtio: net\b`)
var usesNetwork = regexp.MustCompile(`(?m)^ *network +the program uses it`)

// TestNetworkStackIsLinkedIfSocketsAreUsed builds programs that reach for sockets in every way the
// symbols show, and ones that do not.
func TestNetworkStackIsLinkedIfSocketsAreUsed(t *testing.T) {
	program := func(imports, body string) map[string]string {
		return map[string]string{"main.go": "package main\n\n" + imports + "\n\nfunc main() { " + body + " }\n"}
	}
	files := map[string]map[string]string{
		"nothing":        program(`import "fmt"`, "fmt.Println()"),
		"net unused":     program("import (\n\"fmt\"\n\"net\"\n)", `fmt.Println(net.ParseIP("::1"))`),
		"Dial":           program(`import "net"`, `net.Dial("unix", "/x")`),
		"Interfaces":     program(`import "net"`, `net.Interfaces()`),
		"Socket":         program(`import "syscall"`, "syscall.Socket(2, 1, 0)"),
		"Socketpair":     program(`import "syscall"`, "syscall.Socketpair(1, 1, 0)"),
		"x/sys":          program(`import "golang.org/x/sys/unix"`, "unix.Socket()"),
		"C":              program("// #include <sys/socket.h>\nimport \"C\"", "C.socket(2, 1, 0)"),
		"C pair":         program("// #include <sys/socket.h>\n// void pair(void) { int fd[2]; socketpair(1, 1, 0, fd); }\nimport \"C\"", "C.pair()"),
		"C that has not": program("// #include <stdlib.h>\nimport \"C\"", "C.rand()"),
	}
	// A stand-in of that name: what counts is the symbol.
	files["x/sys"]["go.mod"] = "module example.com/m\n\ngo 1.19\n\nrequire golang.org/x/sys v0.0.0\n\nreplace golang.org/x/sys => ./sys\n"
	files["x/sys"]["sys/go.mod"] = "module golang.org/x/sys\n\ngo 1.19\n"
	files["x/sys"]["sys/unix/unix.go"] = "package unix\n\n//go:noinline\nfunc socket() { println() }\n\nfunc Socket() { socket() }\n"
	without := map[string]bool{"nothing": true, "net unused": true, "C that has not": true}
	for name, f := range files {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath("musl-gcc"); err != nil && name[0] == 'C' {
				t.Skip("no musl-gcc")
			}
			image := filepath.Join(t.TempDir(), "a.elf")
			succeeds(t, call{dir: module(t, f), args: []string{"build", "-o", image}})
			r := succeeds(t, call{args: []string{"doctor", image}})
			for _, says := range []*regexp.Regexp{hasDriver, usesNetwork} {
				if got := says.MatchString(r.out); got == without[name] {
					t.Errorf("%s: %v\n%s", says, got, r.out)
				}
			}
		})
	}
}

func TestNetworkStackAsAsked(t *testing.T) {
	dir := module(t, map[string]string{"hello/main.go": hello, "server/main.go": server})
	image := filepath.Join(dir, "a.elf")
	for _, c := range []struct {
		flag, program string
		want          bool
	}{
		{"--network=yes", "./hello", true}, {"--network=no", "./server", false}, {"--network=auto", "./server", true},
		{"--network=auto", "./hello", false}, {"-ldflags=-s", "./server", true},
	} {
		succeeds(t, call{dir: dir, args: []string{"build", c.flag, "-o", image, c.program}})
		r := succeeds(t, call{args: []string{"doctor", image}})
		// The image says it of itself: with -s there are no symbols.
		if got := usesNetwork.MatchString(r.out); got != c.want {
			t.Errorf("%s %s: the network stack is linked: %v\n%s", c.flag, c.program, got, r.out)
		}
	}
	refuses(t, call{dir: dir, args: []string{"build", "--network", "maybe", "./hello"}}, "maybe", "auto, yes or no")
}
