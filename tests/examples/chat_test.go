package examples

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

var chat = program{dir: "examples/chat", ports: []port{{80, false, "-listen"}}, ready: "open on"}

// peer is the client's end of a WebSocket, made of bytes so that it can do everything wrong.
type peer struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// dial connects as a browser does; the key and the answer to it are the example of RFC 6455, 1.3.
func dial(t *testing.T, s *server, name string) *peer {
	t.Helper()
	p := connect(t, s, "GET /chat?name="+name+" HTTP/1.1\r\nHost: room\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOrigin: http://room\r\n\r\n")
	head := p.head()
	if !strings.HasPrefix(head, "HTTP/1.1 101 ") || !strings.Contains(head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") {
		t.Fatalf("the handshake is answered with\n%s", head)
	}
	return p
}

func connect(t *testing.T, s *server, request string) *peer {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr[80])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	return &peer{t, c, bufio.NewReader(c)}
}

// head reads a response up to the empty line.
func (p *peer) head() string {
	p.t.Helper()
	var b strings.Builder
	for !strings.HasSuffix(b.String(), "\r\n\r\n") {
		line, err := p.in.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			p.t.Fatalf("%v after\n%s", err, b.String())
		}
	}
	return b.String()
}

// send writes one frame with this first byte, masked.
func (p *peer) send(first byte, data string) {
	p.t.Helper()
	frame := []byte{first}
	if len(data) < 126 {
		frame = append(frame, 0x80|byte(len(data)))
	} else {
		frame = append(frame, 0x80|126, byte(len(data)>>8), byte(len(data)))
	}
	mask := []byte{0x12, 0x34, 0x56, 0x78}
	frame = append(frame, mask...)
	for i := 0; i < len(data); i++ {
		frame = append(frame, data[i]^mask[i&3])
	}
	if _, err := p.conn.Write(frame); err != nil {
		p.t.Fatal(err)
	}
}

// receive reads one frame.
func (p *peer) receive() (first byte, data []byte) {
	p.t.Helper()
	var h [2]byte
	_, err := io.ReadFull(p.in, h[:])
	n := int(h[1])
	if err == nil && n == 126 {
		var l [2]byte
		_, err = io.ReadFull(p.in, l[:])
		n = int(binary.BigEndian.Uint16(l[:]))
	}
	if err == nil {
		data = make([]byte, n)
		_, err = io.ReadFull(p.in, data)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return h[0], data
}

// line reads one line of the room, as "from: text (guests)".
func (p *peer) line() string {
	p.t.Helper()
	first, data := p.receive()
	var l struct {
		From, Text string
		Here       int
	}
	if err := json.Unmarshal(data, &l); first != 0x81 || err != nil {
		p.t.Fatalf("frame %x %q: %v", first, data, err)
	}
	return fmt.Sprintf("%s: %.40s (%d)", l.From, l.Text, l.Here)
}

func (p *peer) expect(lines ...string) {
	p.t.Helper()
	for _, want := range lines {
		if got := p.line(); got != want {
			p.t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestChat(t *testing.T) {
	chat.everywhere(t, func(t *testing.T, s *server) {
		if _, body := get(t, nil, "http://"+s.Addr[80]); !strings.Contains(string(body), "new WebSocket") {
			t.Errorf("the page is\n%s", body)
		}
		ann := dial(t, s, "Ann")
		ann.expect(": Ann is here (1)")
		ben := dial(t, s, "Ben")
		both := func(line string) { ann.expect(line); ben.expect(line) }
		both(": Ben is here (2)")
		ann.send(0x81, "hello, Ben")
		both("Ann: hello, Ben (2)")
		ben.send(0x81, "grüße 世界")
		both("Ben: grüße 世界 (2)")
		long := strings.Repeat("0123456789", 1000)
		ben.send(0x81, long)
		both("Ben: " + long[:40] + " (2)")
		// In fragments, with a ping between them.
		ann.send(0x01, "in ")
		ann.send(0x89, "are you there?")
		if first, data := ann.receive(); first != 0x8a || string(data) != "are you there?" {
			t.Errorf("a ping is answered with %x %q", first, data)
		}
		ann.send(0x00, "three ")
		ann.send(0x80, "parts")
		both("Ann: in three parts (2)")
		second := dial(t, s, "Ann")
		second.expect("Ann: hello, Ben (2)", "Ben: grüße 世界 (2)", "Ben: "+long[:40]+" (2)", "Ann: in three parts (2)", ": Ann 2 is here (3)")
		both(": Ann 2 is here (3)")
		second.send(0x88, "\x03\xe8")
		if first, data := second.receive(); first != 0x88 || string(data) != "\x03\xe8" {
			t.Errorf("closing is answered with %x %q", first, data)
		}
		both(": Ann 2 has left (2)")
		ben.conn.Close()
		ann.expect(": Ben has left (1)")
	})
}

// TestChatWithBadPeers counts on the status codes of RFC 6455, 7.4.1.
func TestChatWithBadPeers(t *testing.T) {
	chat.everywhere(t, func(t *testing.T, s *server) {
		for _, c := range []struct {
			name string
			do   func(p *peer)
			code uint16
		}{
			{"unmasked", func(p *peer) { p.conn.Write([]byte("\x81\x02hi")) }, 1002},
			{"reserved bits", func(p *peer) { p.send(0xc1, "hi") }, 1002},
			{"unknown frame", func(p *peer) { p.send(0x83, "hi") }, 1002},
			{"lost fragment", func(p *peer) { p.send(0x80, "hi") }, 1002},
			{"fragment in fragment", func(p *peer) { p.send(0x01, "hi"); p.send(0x01, "hi") }, 1002},
			{"fragmented ping", func(p *peer) { p.send(0x09, "hi") }, 1002},
			{"binary", func(p *peer) { p.send(0x82, "hi") }, 1003},
			{"no UTF-8", func(p *peer) { p.send(0x81, "\xff\xfe") }, 1007},
			{"too long", func(p *peer) { p.conn.Write([]byte{0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0}) }, 1009},
			{"longer than anything", func(p *peer) { p.conn.Write([]byte("\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff")) }, 1009},
		} {
			p := dial(t, s, "Bad")
			p.expect(": Bad is here (1)")
			c.do(p)
			if first, data := p.receive(); first != 0x88 || len(data) < 2 || binary.BigEndian.Uint16(data) != c.code {
				t.Errorf("%s: %x %q, want a close with %d", c.name, first, data, c.code)
			}
			if _, err := p.in.ReadByte(); err == nil {
				t.Errorf("%s: it goes on", c.name)
			}
			for end := time.Now().Add(10 * time.Second); !strings.Contains(s.Said(), fmt.Sprintf("Bad: %d", c.code)); time.Sleep(5 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatalf("%s: the server does not notice", c.name)
				}
			}
			time.Sleep(20 * time.Millisecond)
			// What it said last is forgotten with it: nobody was left to hear.
		}
		for request, want := range map[string]string{
			"GET /chat HTTP/1.1\r\nHost: room\r\n\r\n":                                                                                                                                                  "426",
			"GET /chat HTTP/1.1\r\nHost: room\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n":                                                                                                     "426",
			"GET /chat HTTP/1.1\r\nHost: room\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n":                                                                        "400",
			"GET /chat HTTP/1.1\r\nHost: room\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://other\r\n\r\n": "403",
		} {
			if head := connect(t, s, request).head(); !strings.HasPrefix(head, "HTTP/1.1 "+want) {
				t.Errorf("%q is answered with\n%s", request, head)
			}
		}
	})
}
