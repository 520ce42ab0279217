package examples

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"unigornel/tests/machine"
)

var rawhttp = program{dir: "examples/rawhttp", ports: []port{{80, false, "-listen"}}, ready: "serving at"}

// serves asks one of the two servers for all that it has.
func serves(t *testing.T, s *server, stack string) {
	url := "http://" + s.Addr[80]
	if _, body := get(t, nil, url); !strings.HasPrefix(string(body), "Hello from the "+stack+" stack of ") {
		t.Errorf("the page is\n%s", body)
	}
	want := bytes.Repeat([]byte("0123456789abcde\n"), 1<<20)
	if _, body := get(t, nil, url+"/bulk"); !bytes.Equal(body, want) {
		t.Errorf("the 16 MiB are %d bytes, or others", len(body))
	}
	var all sync.WaitGroup
	for i := 0; i < 20; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for j := 0; j < 5; j++ {
				if _, body := get(t, nil, url); !strings.Contains(string(body), "Hello") {
					t.Errorf("many at a time: %q", body)
				}
			}
		}()
	}
	all.Wait()
}

func TestOneServerOnTheKernelsStack(t *testing.T) {
	rawhttp.everywhere(t, func(t *testing.T, s *server) { serves(t, s, "kernel") })
}

// The stack written in Go has the machine's only interface for itself.
func TestOneServerOnGosStack(t *testing.T) {
	for _, how := range []struct {
		name string
		args []string
	}{
		{"dhcp", nil},
		{"static", []string{"-address", "10.0.2.15/24", "-gateway", "10.0.2.2"}},
	} {
		p := rawhttp
		p.flags = []string{"--raw"}
		p.args = append([]string{"-stack", "go"}, how.args...)
		for _, target := range targets() {
			target := target
			t.Run(how.name+"/"+target, func(t *testing.T) {
				t.Parallel()
				serves(t, p.start(t, target), "go")
			})
		}
	}
}

func TestNoStackOfThatName(t *testing.T) {
	for _, target := range append([]string{"native"}, targets()...) {
		r := rawhttp.runs(t, target, "-stack", "none")
		if r.Code != 1 || !strings.Contains(r.Output, `there is no stack "none"`) {
			t.Errorf("%s: exit code %d: %s", target, r.Code, machine.Console(r.Output))
		}
	}
}
