package block

import (
	"encoding/binary"
	"io"
	"math/rand"
	"net"
	"path/filepath"
	"sync"
	"testing"
)

// cachedDisk is a disk with a cache that a power cut empties, for QEMU by way of the NBD protocol
// (https://github.com/NetworkBlockDevice/nbd, doc/proto.md). Written sectors are safe once a flush
// that began after them has ended; of the others a power cut leaves some, and some not.
type cachedDisk struct {
	mu      sync.Mutex
	data    []byte         // what reads see
	durable []byte         // what a power cut leaves for sure
	dirty   map[int64]bool // sectors that differ
	flushes int
	path    string
}

const (
	nbdSector  = 512
	nbdHas     = 1 << 0
	nbdFlush   = 1 << 2
	nbdZeroes  = 1 << 6
	nbdRequest = 0x25609513
	nbdReply   = 0x67446698
	nbdOption  = 0x49484156454f5054
	nbdAnswer  = 0x3e889045565a9
)

func newCachedDisk(t *testing.T, size int) *cachedDisk {
	d := &cachedDisk{data: make([]byte, size), durable: make([]byte, size), dirty: map[int64]bool{}}
	d.path = filepath.Join(t.TempDir(), "nbd")
	l, err := net.Listen("unix", d.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			d.serve(c)
			c.Close()
		}
	}()
	return d
}

// powerCut forgets what was not flushed, but for some sectors that happened to be written already.
func (d *cachedDisk) powerCut() (lost int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for s := range d.dirty {
		at := s * nbdSector
		if rand.Intn(3) == 0 {
			copy(d.durable[at:at+nbdSector], d.data[at:])
		} else {
			lost++
		}
	}
	d.dirty = map[int64]bool{}
	copy(d.data, d.durable)
	return lost
}

func (d *cachedDisk) serve(c net.Conn) {
	be := binary.BigEndian
	c.Write(be.AppendUint16(append([]byte("NBDMAGIC"), "IHAVEOPT"...), 1|2)) // fixed newstyle, no zeroes
	head := make([]byte, 28)
	if _, err := io.ReadFull(c, head[:4]); err != nil {
		return
	}
	const flags = nbdHas | nbdFlush | nbdZeroes
	for {
		if _, err := io.ReadFull(c, head[:16]); err != nil || be.Uint64(head) != nbdOption {
			return
		}
		option, data := be.Uint32(head[8:]), make([]byte, be.Uint32(head[12:]))
		if _, err := io.ReadFull(c, data); err != nil {
			return
		}
		answer := func(kind uint32, data []byte) {
			b := be.AppendUint64(nil, nbdAnswer)
			b = be.AppendUint32(be.AppendUint32(b, option), kind)
			c.Write(append(be.AppendUint32(b, uint32(len(data))), data...))
		}
		switch option {
		case 6, 7: // info, go
			export := be.AppendUint64([]byte{0, 0}, uint64(len(d.data)))
			answer(3, be.AppendUint16(export, flags))
			answer(1, nil)
		default:
			answer(0x80000001, nil)
		}
		if option == 7 {
			break
		}
	}
	for {
		if _, err := io.ReadFull(c, head); err != nil || be.Uint32(head) != nbdRequest {
			return
		}
		command, handle := be.Uint16(head[6:]), head[8:16]
		at, n := int64(be.Uint64(head[16:])), int64(be.Uint32(head[24:]))
		var data []byte
		fail := uint32(0)
		d.mu.Lock()
		switch command {
		case 0: // read
			data = append(data, d.data[at:at+n]...)
		case 1, 6: // write, write zeroes
			from := make([]byte, n)
			if command == 1 {
				d.mu.Unlock()
				_, err := io.ReadFull(c, from)
				d.mu.Lock()
				if err != nil {
					d.mu.Unlock()
					return
				}
			}
			copy(d.data[at:], from)
			for s := at / nbdSector; s*nbdSector < at+n; s++ {
				d.dirty[s] = true
			}
		case 3: // flush
			for s := range d.dirty {
				copy(d.durable[s*nbdSector:(s+1)*nbdSector], d.data[s*nbdSector:])
			}
			d.dirty = map[int64]bool{}
			d.flushes++
		case 2: // disconnect
			d.mu.Unlock()
			return
		default:
			fail = 22 // EINVAL
		}
		d.mu.Unlock()
		b := be.AppendUint32(be.AppendUint32(nil, nbdReply), fail)
		if _, err := c.Write(append(append(b, handle...), data...)); err != nil {
			return
		}
	}
}
