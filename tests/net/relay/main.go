// relay carries Ethernet frames between two interfaces, as a bridge would, but badly: it loses, doubles, damages,
// delays and reorders them, each direction alike. It stands in for netem, which not every kernel has.
//
//	relay -loss 0.01 -delay 25ms eth1 eth2
package main

import (
	"container/heap"
	"flag"
	"fmt"
	"math/rand"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

var (
	loss    = flag.Float64("loss", 0, "share of frames that are lost")
	double  = flag.Float64("duplicate", 0, "share of frames that come twice")
	damage  = flag.Float64("corrupt", 0, "share of frames with one bit wrong")
	reorder = flag.Float64("reorder", 0, "share of frames that overtake: they skip half of the delay, or wait 1 ms without one")
	delay   = flag.Duration("delay", 0, "one-way delay")
	limit   = flag.Int("limit", 4000, "frames under way in one direction; more are lost, as in a router's queue")
	seed    = flag.Int64("seed", 1, "of the random numbers")
)

func fatal(v ...any) {
	fmt.Fprintln(os.Stderr, append([]any{"relay:"}, v...)...)
	os.Exit(1)
}

// open gives a packet socket that sees and sends every frame of the interface.
func open(name string) int {
	i, err := net.InterfaceByName(name)
	if err != nil {
		fatal(name, err)
	}
	fd, err := syscall.Socket(syscall.AF_PACKET, syscall.SOCK_RAW, 0x0300)
	if err != nil {
		fatal(err)
	}
	syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, 33 /* SO_RCVBUFFORCE */, 64<<20)
	syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, 32 /* SO_SNDBUFFORCE */, 64<<20)
	if err := syscall.Bind(fd, &syscall.SockaddrLinklayer{Protocol: 0x0300, Ifindex: i.Index}); err != nil {
		fatal(name, err)
	}
	// Whatever was queued before the bind may be of other interfaces.
	mreq := struct {
		index      int32
		kind, alen uint16
		address    [8]byte
	}{index: int32(i.Index), kind: 1 /* PACKET_MR_PROMISC */}
	if _, _, e := syscall.Syscall6(syscall.SYS_SETSOCKOPT, uintptr(fd), 263 /* SOL_PACKET */, 1 /* PACKET_ADD_MEMBERSHIP */, uintptr(unsafe.Pointer(&mreq)), unsafe.Sizeof(mreq), 0); e != 0 {
		fatal(name, e)
	}
	return fd
}

// frame is under way until due.
type frame struct {
	due  time.Time
	seq  uint64
	data []byte
}

type flight []frame

func (f flight) Len() int { return len(f) }
func (f flight) Less(i, j int) bool {
	if f[i].due.Equal(f[j].due) {
		return f[i].seq < f[j].seq
	}
	return f[i].due.Before(f[j].due)
}
func (f flight) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *flight) Push(x any)   { *f = append(*f, x.(frame)) }
func (f *flight) Pop() any {
	old := *f
	x := old[len(old)-1]
	*f = old[:len(old)-1]
	return x
}

// direction carries frames from one socket to the other.
type direction struct {
	mu   sync.Mutex
	wake chan struct{}
	q    flight
	seq  uint64
	rnd  *rand.Rand
	to   int
}

func (d *direction) put(data []byte) {
	if d.rnd.Float64() < *loss || d.q.Len() >= *limit {
		return
	}
	data = append([]byte{}, data...)
	if d.rnd.Float64() < *damage && len(data) > 14 {
		bit := d.rnd.Intn((len(data) - 14) * 8)
		data[14+bit/8] ^= 1 << (bit % 8)
	}
	wait := *delay
	if d.rnd.Float64() < *reorder {
		if wait > 0 {
			wait /= 2
		} else {
			wait = time.Millisecond
		}
	}
	d.seq++
	heap.Push(&d.q, frame{time.Now().Add(wait), d.seq, data})
}

func (d *direction) receive(from int) {
	b := make([]byte, 65536)
	for {
		n, sa, err := syscall.Recvfrom(from, b, 0)
		if err == syscall.EINTR || err == syscall.ENETDOWN {
			continue
		}
		if err != nil {
			fatal(err)
		}
		if ll, ok := sa.(*syscall.SockaddrLinklayer); ok && ll.Pkttype == 4 /* PACKET_OUTGOING */ {
			continue
		}
		if *delay == 0 && *reorder == 0 && *double == 0 && *damage == 0 {
			if d.rnd.Float64() >= *loss {
				syscall.Write(d.to, b[:n])
			}
			continue
		}
		d.mu.Lock()
		d.put(b[:n])
		if d.rnd.Float64() < *double {
			d.put(b[:n])
		}
		d.mu.Unlock()
		select {
		case d.wake <- struct{}{}:
		default:
		}
	}
}

func (d *direction) send() {
	timer := time.NewTimer(time.Hour)
	for {
		d.mu.Lock()
		wait := time.Hour
		for d.q.Len() > 0 {
			if wait = time.Until(d.q[0].due); wait > 0 {
				break
			}
			f := heap.Pop(&d.q).(frame)
			d.mu.Unlock()
			syscall.Write(d.to, f.data)
			d.mu.Lock()
			wait = time.Hour
		}
		d.mu.Unlock()
		timer.Reset(wait)
		select {
		case <-d.wake:
		case <-timer.C:
		}
	}
}

func main() {
	flag.Parse()
	if flag.NArg() != 2 {
		fatal("usage: relay [flags] INTERFACE INTERFACE")
	}
	a, b := open(flag.Arg(0)), open(flag.Arg(1))
	for i, p := range [][2]int{{a, b}, {b, a}} {
		d := &direction{wake: make(chan struct{}, 1), rnd: rand.New(rand.NewSource(*seed + int64(i))), to: p[1]}
		go d.receive(p[0])
		go d.send()
	}
	fmt.Println("RELAY-READY")
	select {}
}
