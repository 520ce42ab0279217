package xenlab

import (
	"bufio"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"unigornel/tests/machine"
)

// Every line is typed only when the one before was answered, so each is an event of its own that finds the guest
// idle: one that is slept through stops everything. The machine is busy meanwhile, which is when interrupts fall
// between any two instructions.
func TestThousandsOfLinesAreAnswered(t *testing.T) {
	lines := 1000
	if testing.Short() {
		lines = 200
	}
	p := machine.Build(t, "examples/echo")
	stop := make(chan struct{})
	defer close(stop)
	for i := 0; i < runtime.NumCPU(); i++ {
		go func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
			}
		}()
	}

	cmd := exec.Command(lab, "run", "--timeout", "900", p.Image)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// Terminated, the lab takes its machine along.
	defer cmd.Wait()
	defer exec.Command("kill", fmt.Sprint(cmd.Process.Pid)).Run()
	answers := make(chan string, 16)
	go func() {
		defer close(answers)
		for s := bufio.NewScanner(out); s.Scan(); {
			if strings.Contains(s.Text(), ": ") {
				answers <- s.Text()
			}
		}
	}()
	for i := 1; i <= lines; i++ {
		fmt.Fprintf(in, "word %d\n", i)
		want := fmt.Sprintf("%d: WORD %d | ", i, i)
		select {
		case got := <-answers:
			if !strings.Contains(got, want) {
				t.Fatalf("line %d: %q, want %q", i, got, want)
			}
		case <-time.After(9 * time.Minute): // the first one may wait for the lab to be built:
			t.Fatalf("line %d is not answered", i)
		}
	}
	in.Close()
	for range answers {
	}
}
