// playground is a small console that shows a Go runtime at work inside a machine of its own:
// goroutines, channels, select, timers, and panics that are recovered. Type "help".
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

const welcome = `Welcome to the playground: a Go program with a machine to itself.
Type "help" for what there is to try, "quit" or Ctrl-D to leave.`

const help = `  primes N         the first N primes, through a chain of N goroutines
  spawn N          N goroutines that each add to one sum
  race             five gophers run, a select calls each one home
  timer 3s TEXT    says TEXT three seconds from now; the prompt stays yours
  wait             waits until all timers have gone off
  divide A B       try 7 0: the division panics and is recovered
  nil              follows a nil pointer, and is recovered
  memory N         allocates N MiB in pieces and lets the collector have them
  machine          what this program finds itself on
  crash            a panic that nobody recovers: exit code 2
  quit [CODE]      ends the machine with an exit code`

// command is something the user can type. A panic in run is caught by the console.
type command struct {
	args int // at least so many
	run  func(c *console, args []string)
}

var commands = map[string]command{
	"primes":  {1, (*console).primes},
	"spawn":   {1, (*console).spawn},
	"race":    {0, (*console).race},
	"timer":   {2, (*console).timer},
	"wait":    {0, func(c *console, _ []string) { c.timers.Wait() }},
	"divide":  {2, (*console).divide},
	"nil":     {0, (*console).followNil},
	"memory":  {1, (*console).memory},
	"machine": {0, (*console).machine},
	"crash":   {0, (*console).crash},
	"quit":    {0, (*console).quit},
	"help":    {0, func(c *console, _ []string) { c.say("%s", help) }},
}

// console holds what commands share. Lines of output go through say, which may be called by
// any goroutine.
type console struct {
	out    chan string
	timers sync.WaitGroup
	done   chan struct{} // closed when the printer has written everything
}

func newConsole() *console {
	c := &console{out: make(chan string), done: make(chan struct{})}
	go func() {
		defer close(c.done)
		for line := range c.out {
			fmt.Println(line)
		}
	}()
	return c
}

func (c *console) say(format string, args ...any) { c.out <- fmt.Sprintf(format, args...) }

// exit writes what is still to be written and ends the program.
func (c *console) exit(code int) {
	close(c.out)
	<-c.done
	os.Exit(code)
}

// do runs one line the user typed. Whatever panics in it ends that line only.
func (c *console) do(line string) {
	defer func() {
		if r := recover(); r != nil {
			c.say("recovered: %v", r)
		}
	}()
	words := strings.Fields(line)
	if len(words) == 0 {
		return
	}
	cmd, ok := commands[words[0]]
	switch {
	case !ok:
		c.say("there is no %q here; try help", words[0])
	case len(words)-1 < cmd.args:
		c.say("%s wants %d more; see help", words[0], cmd.args-(len(words)-1))
	default:
		cmd.run(c, words[1:])
	}
}

// number parses s, and panics with a readable message if it is none between 0 and max.
func number(s string, max int) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > max {
		panic(fmt.Sprintf("%q is not a number between 0 and %d", s, max))
	}
	return n
}

// primes is the sieve of channels: each prime found adds a goroutine that filters its multiples.
func (c *console) primes(args []string) {
	n := number(args[0], 2000)
	quit := make(chan struct{})
	defer close(quit)
	source := make(chan int)
	go func() {
		for i := 2; ; i++ {
			select {
			case source <- i:
			case <-quit:
				return
			}
		}
	}()
	var found []string
	for in := source; len(found) < n; {
		p := <-in
		found = append(found, strconv.Itoa(p))
		next := make(chan int)
		go func(in <-chan int) {
			for {
				select {
				case i := <-in:
					if i%p == 0 {
						continue
					}
					select {
					case next <- i:
					case <-quit:
						return
					}
				case <-quit:
					return
				}
			}
		}(in)
		in = next
	}
	c.say("%s", strings.Join(found, " "))
}

func (c *console) spawn(args []string) {
	n := number(args[0], 1_000_000)
	sums := make(chan int, 64)
	for i := 1; i <= n; i++ {
		go func(i int) { sums <- i }(i)
	}
	total := 0
	for i := 0; i < n; i++ {
		total += <-sums
	}
	c.say("%d goroutines brought %d", n, total)
}

func (c *console) race(_ []string) {
	names := []string{"Ada", "Ben", "Cleo", "Dan", "Eve"}
	finish := make(chan string)
	for i, name := range names {
		go func(i int, name string) {
			for lap := 0; lap < 5; lap++ {
				time.Sleep(time.Duration(10*(i+1)+lap) * time.Millisecond)
			}
			finish <- name
		}(i, name)
	}
	timeout := time.After(30 * time.Second)
	var home []string
	for len(home) < len(names) {
		select {
		case name := <-finish:
			home = append(home, name)
			c.say("%s is home", name)
		case <-timeout:
			panic("the race took over 30 seconds")
		}
	}
	sort.Strings(home)
	c.say("all are home: %s", strings.Join(home, ", "))
}

func (c *console) timer(args []string) {
	d, err := time.ParseDuration(args[0])
	if err != nil {
		panic(err)
	}
	text := strings.Join(args[1:], " ")
	c.timers.Add(1)
	time.AfterFunc(d, func() {
		defer c.timers.Done()
		c.say("* %s", text)
	})
	c.say("in %v: %s", d, text)
}

func (c *console) divide(args []string) {
	a, b := number(args[0], 1<<40), number(args[1], 1<<40)
	c.say("%d", a/b)
}

func (c *console) followNil(_ []string) {
	var p *struct{ next, value *int }
	c.say("%d", *p.value)
}

func (c *console) memory(args []string) {
	n := number(args[0], 1<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := 0; i < n; i++ {
		piece := make([]byte, 1<<20)
		for j := 0; j < len(piece); j += 4096 {
			piece[j] = byte(i)
		}
	}
	runtime.ReadMemStats(&after)
	c.say("%d MiB allocated, the collector ran %d times", n, after.NumGC-before.NumGC)
}

func (c *console) machine(_ []string) {
	host, err := os.Hostname()
	if err != nil {
		host = err.Error()
	}
	c.say("%s on %s/%s, %d CPU, host name %s, process %d, %v",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), host, os.Getpid(),
		time.Now().Format(time.RFC1123))
}

func (c *console) crash(_ []string) {
	done := make(chan struct{})
	go func() { panic("as you wished") }() // in a goroutine of its own: no recover can reach it
	<-done
}

func (c *console) quit(args []string) {
	code := 0
	if len(args) > 0 {
		code = number(args[0], 255)
	}
	c.say("Goodbye.")
	c.exit(code)
}

func main() {
	c := newConsole()
	c.say("%s", welcome)
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		c.do(in.Text())
	}
	if err := in.Err(); err != nil {
		c.say("console: %v", err)
		c.exit(1)
	}
	c.say("Goodbye.")
	c.exit(0)
}
