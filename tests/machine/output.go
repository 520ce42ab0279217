package machine

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
)

// Console undoes what a terminal does to line ends.
func Console(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// output collects what a process writes and lets steps wait for a part of it.
type output struct {
	mu     sync.Mutex
	cond   *sync.Cond
	buf    bytes.Buffer
	seen   int // consumed by earlier steps
	closed bool
	late   bool
}

func newOutput() *output {
	o := &output{}
	o.cond = sync.NewCond(&o.mu)
	return o
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cond.Broadcast()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.cond.Broadcast()
}

func (o *output) timedOut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.late = true
}

// wait returns when re has matched, or false when the process is gone.
func (o *output) wait(re *regexp.Regexp) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for {
		if m := re.FindIndex(o.buf.Bytes()[o.seen:]); m != nil {
			o.seen += m[1]
			return true
		}
		if o.closed {
			return false
		}
		o.cond.Wait()
	}
}
