// Package boot boots images on every machine under test and holds them to what the same program
// does natively. Each test is named for what a user would miss if it failed.
package boot

import (
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"unigornel/tests/machine"
)

const behave = "tests/boot/programs/behave"

var (
	// What must differ between two runs of one crashing program: addresses. Go prints none of
	// these natively twice alike either.
	hexadecimal = regexp.MustCompile(`0x[0-9a-f]+\??`)
)

func withoutAddresses(s string) string { return hexadecimal.ReplaceAllString(s, "0x?") }

// sameAsNative runs behave with args in both worlds and compares the output (after normalise, if
// that is not nil) and the exit code, which must also be the one expected.
func sameAsNative(t *testing.T, code int, normalise func(string) string, o machine.Options) {
	t.Helper()
	p := machine.Build(t, behave)
	native := p.RunNative(t, o)
	if native.Code != code {
		t.Fatalf("natively the exit code is %d, not %d; output:\n%s", native.Code, code, native.Output)
	}
	machine.EachTarget(t, func(t *testing.T, target string) {
		compare(t, native, p.Run(t, target, o), normalise)
	})
}

func compare(t *testing.T, native, got machine.Result, normalise func(string) string) {
	t.Helper()
	want, have := native.Output, got.Output
	if normalise != nil {
		want, have = normalise(want), normalise(have)
	}
	if d := machine.Diff(want, have); d != "" {
		t.Errorf("the output differs from the native one\n%s\nwhole output of the machine:\n%s", d, got.Output)
	}
	if got.Code != native.Code {
		t.Errorf("exit code %d, natively %d", got.Code, native.Code)
	}
}

func args(a ...string) machine.Options { return machine.Options{Args: a} }

func TestExitCodeReachesTheShell(t *testing.T)   { sameAsNative(t, 7, nil, args("exit7")) }
func TestLargestExitCode(t *testing.T)           { sameAsNative(t, 255, nil, args("exit255")) }
func TestReturnFromMainIsSuccess(t *testing.T)   { sameAsNative(t, 0, nil, args("return")) }
func TestPanicPrintsItsTrace(t *testing.T)       { sameAsNative(t, 2, withoutAddresses, args("panic")) }
func TestDeadlockIsDetected(t *testing.T)        { sameAsNative(t, 2, withoutAddresses, args("deadlock")) }
func TestNilDereferenceIsRecovered(t *testing.T) { sameAsNative(t, 0, nil, args("nil")) }
func TestNilDereferenceCrashes(t *testing.T)     { sameAsNative(t, 2, withoutAddresses, args("nil-crash")) }
func TestDivisionByZeroIsRecovered(t *testing.T) { sameAsNative(t, 0, nil, args("divide")) }
func TestDivisionByZeroCrashes(t *testing.T) {
	sameAsNative(t, 2, withoutAddresses, args("divide-crash"))
}
func TestWildPointerIsAFault(t *testing.T) { sameAsNative(t, 2, faultMessage, args("fault")) }
func TestWildPointerMayPanic(t *testing.T) { sameAsNative(t, 0, nil, args("fault-panic")) }
func TestCodeIsNotWritable(t *testing.T)   { sameAsNative(t, 0, nil, args("fault-text")) }
func TestSmallStackLimitIsReported(t *testing.T) {
	sameAsNative(t, 2, overflowMessage, args("recursion-small"))
}
func TestEndlessLoopLeavesOthersTime(t *testing.T) { sameAsNative(t, 0, nil, args("spin")) }
func TestStdoutAndStderrKeepTheirOrder(t *testing.T) {
	sameAsNative(t, 0, nil, args("interleave"))
}
func TestMuchOutputArrivesWhole(t *testing.T) { sameAsNative(t, 0, nil, args("much")) }

func TestArgumentsArriveUnchanged(t *testing.T) {
	sameAsNative(t, 0, nil, args("show", "", "two words", `quote " and '`, `back\slash`, "tab\tand\nnewline",
		"-flag", "--", "env=NOT=KERNEL", "grüße 世界", "$HOME `x`", ","))
}

func TestEnvironmentArrivesUnchanged(t *testing.T) {
	o := args("show")
	o.Env = []string{"TEST_PLAIN=value", "TEST_EMPTY=", "TEST_BLANKS=a  b c", `TEST_QUOTES="a" 'b' \c`, "TEST_EQ=a=b=c",
		"TEST_COMMA=a,b,,c"}
	sameAsNative(t, 0, nil, o)
}

// TestInfiniteRecursion is Go's own limit of 1 GB of stack, which needs a machine that has it.
func TestInfiniteRecursion(t *testing.T) {
	p := machine.Build(t, behave)
	o := args("recursion")
	native := p.RunNative(t, o)
	o.Memory, o.Limit = 2048, 5*time.Minute
	compare(t, native, p.Run(t, "microvm", o), overflowMessage)
}

// faultMessage keeps of a fatal fault what says what happened and where; the goroutine headers of
// the trace carry addresses, and below main.main the runtime's own frames.
func faultMessage(s string) string {
	s = regexp.MustCompile(`pc=0x[0-9a-f]+`).ReplaceAllString(s, "pc=?")
	if i := strings.Index(s, "\ngoroutine "); i >= 0 {
		s = s[:i]
	}
	return s
}

func overflowMessage(s string) string {
	s = withoutAddresses(s)
	if i := strings.Index(s, "runtime stack:"); i >= 0 {
		s = s[:i]
	}
	return s
}

// An example, what is typed at it, and what of its output must differ.
type example struct {
	name      string
	steps     []machine.Step
	normalise func(string) string
}

var examples = []example{
	{"hello", nil, nil},
	{"sleep", nil, nil},
	{"cgo", nil, nil},
	{"echo", []machine.Step{
		{Wait: regexp.MustCompile(`Ctrl-D`), Send: "hello machine\n"},
		{Wait: regexp.MustCompile(`enihcam`), Send: "\n"},
		{Wait: regexp.MustCompile(`2: `), Send: "eins zwei\n"},
		{Wait: regexp.MustCompile(`iewz`), Send: ""},
	}, nil},
	{"playground", []machine.Step{
		{Wait: regexp.MustCompile(`help|Ctrl-D`), Send: "primes 25\n"},
		{Wait: regexp.MustCompile(`97`), Send: "divide 7 0\n"},
		{Wait: regexp.MustCompile(`recovered`), Send: "nil\n"},
		{Wait: regexp.MustCompile(`recovered`), Send: "timer 200ms tea is ready\n"},
		{Wait: regexp.MustCompile(`in 200ms.*\n[^*]*\* tea is ready`), Send: "spawn 10000\n"},
		{Wait: regexp.MustCompile(`brought`), Send: "memory 20\n"},
		{Wait: regexp.MustCompile(`collector`), Send: "quit 9\n"},
	}, func(s string) string {
		// How often the collector runs depends on its pace.
		return regexp.MustCompile(`ran \d+ times`).ReplaceAllString(s, "ran N times")
	}},
}

func TestExamplesPrintWhatTheyPrintNatively(t *testing.T) {
	for _, e := range examples {
		e := e
		t.Run(e.name, func(t *testing.T) {
			p := machine.Build(t, "examples/"+e.name)
			hash := machine.Hash(t, p.Image)
			native := p.RunNative(t, machine.Options{Steps: e.steps})
			t.Run("on", func(t *testing.T) {
				machine.EachTarget(t, func(t *testing.T, target string) { e.check(t, p, target, native) })
			})
			if h := machine.Hash(t, p.Image); h != hash {
				t.Errorf("the image changed from %s to %s while it ran", hash, h)
			}
		})
	}
}

func (e example) check(t *testing.T, p machine.Program, target string, native machine.Result) {
	t.Helper()
	got := p.Run(t, target, machine.Options{Steps: terminalEnd(e.steps)})
	got.Output = withoutEcho(got.Output, e.steps)
	compare(t, native, got, e.normalise)
}

// TestOldestGo builds the examples with Go 1.19.
func TestOldestGo(t *testing.T) {
	goroot := machine.OldestGo(t)
	for _, e := range examples {
		e := e
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			p := machine.BuildWith(t, "examples/"+e.name, goroot)
			e.check(t, p, "microvm", p.RunNative(t, machine.Options{Steps: e.steps}))
		})
	}
}

// terminalEnd replaces the end of the input by what a person types for it: Ctrl-D.
func terminalEnd(steps []machine.Step) []machine.Step {
	if len(steps) == 0 {
		return nil
	}
	s := append([]machine.Step{}, steps...)
	s[len(s)-1].Send += "\x04"
	return append(s, machine.Step{Wait: regexp.MustCompile("no such text, wait for the end")})
}

// withoutEcho takes out what the console echoed of the typed lines: once each, in order.
func withoutEcho(output string, steps []machine.Step) string {
	var b strings.Builder
	for _, s := range steps {
		if strings.TrimRight(s.Send, "\n") == "" && s.Send != "\n" {
			continue
		}
		if s.Send == "\n" {
			// An empty line echoes as one.
			if i := strings.Index(output, "\n\n"); i >= 0 {
				b.WriteString(output[:i+1])
				output = output[i+2:]
			}
			continue
		}
		if i := strings.Index(output, s.Send); i >= 0 {
			b.WriteString(output[:i])
			output = output[i+len(s.Send):]
		}
	}
	return b.String() + output
}

func TestConsoleInputIsEditedByLine(t *testing.T) {
	p := machine.Build(t, behave)
	machine.EachTarget(t, func(t *testing.T, target string) {
		r := p.Run(t, target, machine.Options{Args: []string{"lines"}, Steps: []machine.Step{
			{Wait: regexp.MustCompile(`ready`), Send: "plain\n"},
			{Wait: regexp.MustCompile(`line 1 is`), Send: "mistaxe\x7f\x7fke\n"},   // backspace
			{Wait: regexp.MustCompile(`line 2 is`), Send: "forget this\x15kept\n"}, // Ctrl-U
			{Wait: regexp.MustCompile(`line 3 is`), Send: "with return\r"},         // a terminal's Enter
			{Wait: regexp.MustCompile(`line 4 is`), Send: "unfinished\x04 line\n"}, // Ctrl-D amid a line sends it
			{Wait: regexp.MustCompile(`line 5 is`), Send: "\x04"},                  // and alone ends the input
			{Wait: regexp.MustCompile("no such text, wait for the end")},
		}})
		for _, want := range []string{`line 1 is "plain"`, `line 2 is "mistake"`, `line 3 is "kept"`, `line 4 is "with return"`,
			`line 5 is "unfinished line"`, "end of input <nil>"} {
			if !strings.Contains(r.Output, want) {
				t.Errorf("no %q in the output:\n%s", want, r.Output)
			}
		}
		if r.Code != 0 {
			t.Errorf("exit code %d", r.Code)
		}
	})
}

func TestPipedInputEndsWithItsPipe(t *testing.T) {
	p := machine.Build(t, behave)
	machine.EachTarget(t, func(t *testing.T, target string) {
		r := p.Run(t, target, machine.Options{Args: []string{"lines"}, Input: strings.NewReader("one\ntwo\n")})
		for _, want := range []string{`line 1 is "one"`, `line 2 is "two"`, "end of input <nil>"} {
			if !strings.Contains(r.Output, want) {
				t.Errorf("no %q in the output:\n%s", want, r.Output)
			}
		}
	})
}

func TestTimeoutEndsTheMachine(t *testing.T) {
	p := machine.Build(t, behave)
	machine.EachTarget(t, func(t *testing.T, target string) {
		limit, programs := 8*time.Second, []string{"forever", "busy"}
		if target == "xen" {
			// The lab's time counts from before its dom0 runs.
			limit, programs = 40*time.Second, []string{"busy"}
		}
		for _, what := range programs {
			r := p.Run(t, target, machine.Options{Args: []string{what}, Timeout: limit})
			if r.Code != 124 {
				t.Errorf("%s: exit code %d, want 124; output:\n%s", what, r.Code, r.Output)
			}
			if !strings.Contains(r.Output, "running") {
				t.Errorf("%s: nothing of the program's output:\n%s", what, r.Output)
			}
			if r.Took > limit+machine.Slack {
				t.Errorf("%s: took %v", what, r.Took)
			}
		}
	})
}

func TestOutOfMemoryExplainsItself(t *testing.T) {
	p := machine.Build(t, behave)
	machine.EachTarget(t, func(t *testing.T, target string) {
		r := p.Run(t, target, machine.Options{Args: []string{"hoard"}, Memory: 64})
		if r.Code != 137 {
			t.Errorf("exit code %d, want 137", r.Code)
		}
		if !strings.Contains(r.Output, "out of memory") {
			t.Errorf("no word about memory:\n%s", r.Output)
		}
	})
}

func TestStartingAProcessIsAnError(t *testing.T) {
	p := machine.Build(t, behave)
	r := p.Run(t, "microvm", args("process"))
	for _, want := range []string{`exec.Command: "" `, "os.StartProcess: ", "syscall.Exec: ", "executable file not found", "still here"} {
		if !strings.Contains(r.Output, want) {
			t.Errorf("no %q in the output:\n%s", want, r.Output)
		}
	}
	if strings.Contains(r.Output, "<nil>") {
		t.Errorf("a process was started:\n%s", r.Output)
	}
	if r.Code != 0 {
		t.Errorf("exit code %d", r.Code)
	}
}

// TestSocketsWithoutANetworkStack is a program whose use of sockets the tool cannot see.
func TestSocketsWithoutANetworkStack(t *testing.T) {
	p := machine.Build(t, behave)
	machine.EachTarget(t, func(t *testing.T, target string) {
		r := p.Run(t, target, args("socket"))
		if want := strings.Repeat(syscall.ENOSYS.Error()+"\n", 3) + "still here\n"; !strings.HasSuffix(r.Output, want) || r.Code != 0 {
			t.Errorf("exit code %d, output:\n%s", r.Code, r.Output)
		}
		if n := strings.Count(r.Output, "build it with --network yes"); n != 1 {
			t.Errorf("the remedy is told %d times:\n%s", n, r.Output)
		}
	})
}
