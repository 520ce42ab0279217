// chat is a room for everyone who opens its page, over WebSockets.
//
//	unigornel run -p 8080:80 ./chat
//
// and open http://localhost:8080 in two windows.
package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

//go:embed page.html
var page []byte

const (
	remembered = 50 // lines that a newcomer is shown
	queued     = 64 // lines that a slow guest may be behind
	maxName    = 24
	alive      = 30 * time.Second // between pings
)

// line is what passes over the sockets, as JSON.
type line struct {
	From string    `json:"from,omitempty"` // nobody: the room itself
	Text string    `json:"text"`
	Time time.Time `json:"time"`
	Here int       `json:"here"` // guests in the room
}

// guest is one who has the page open.
type guest struct {
	name string
	out  chan line
}

// room knows who is there and what was said.
type room struct {
	mu     sync.Mutex
	guests map[*guest]bool
	said   []line
}

// say tells everyone. One who does not keep up is sent away.
func (r *room) say(from, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tell(line{From: from, Text: text, Time: time.Now()})
}

// tell is say for those who hold mu.
func (r *room) tell(l line) {
	l.Here = len(r.guests)
	if l.From != "" {
		r.said = append(r.said, l)
		if len(r.said) > remembered {
			r.said = r.said[1:]
		}
	}
	for g := range r.guests {
		select {
		case g.out <- l:
		default:
			delete(r.guests, g)
			close(g.out)
		}
	}
}

// enter lets someone in under the name, or one like it that nobody has.
func (r *room) enter(name string) *guest {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := func(name string) bool {
		for g := range r.guests {
			if g.name == name {
				return true
			}
		}
		return false
	}
	g := &guest{name: name, out: make(chan line, remembered+queued)}
	for i := 2; taken(g.name); i++ {
		g.name = fmt.Sprintf("%s %d", name, i)
	}
	for _, l := range r.said {
		g.out <- l
	}
	r.guests[g] = true
	r.tell(line{Text: g.name + " is here", Time: time.Now()})
	return g
}

func (r *room) leave(g *guest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.guests[g] {
		delete(r.guests, g)
		close(g.out)
	}
	r.tell(line{Text: g.name + " has left", Time: time.Now()})
}

// cleanName makes something presentable of what someone calls themselves.
func cleanName(name string) string {
	name = strings.Join(strings.Fields(name), " ")
	for len(name) > maxName {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	if name == "" || !utf8.ValidString(name) {
		return "somebody"
	}
	return name
}

// serve is one guest's visit.
func (r *room) serve(w http.ResponseWriter, req *http.Request) {
	s, err := upgrade(w, req)
	if err != nil {
		log.Printf("%s: %v", req.RemoteAddr, err)
		return
	}
	g := r.enter(cleanName(req.URL.Query().Get("name")))
	written := make(chan struct{})
	go func() {
		defer close(written)
		defer s.conn.Close() // ends the reading below
		ping := time.NewTicker(alive)
		defer ping.Stop()
		for {
			var err error
			select {
			case l, ok := <-g.out:
				if !ok {
					s.close(closeNormal, "")
					return
				}
				var text []byte
				if text, err = json.Marshal(l); err == nil {
					err = s.send(opText, text)
				}
			case <-ping.C:
				err = s.send(opPing, nil)
			}
			if err != nil {
				return
			}
		}
	}()
	for {
		s.conn.SetReadDeadline(time.Now().Add(2 * alive))
		text, err := s.read()
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				log.Printf("%s: %v", g.name, err)
			}
			break
		}
		if text = strings.TrimSpace(text); text != "" {
			r.say(g.name, text)
		}
	}
	r.leave(g)
	<-written
}

func main() {
	listen := flag.String("listen", ":80", "address to listen on")
	flag.Parse()
	r := &room{guests: map[*guest]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/chat", r.serve)
	mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path != "/" {
			http.NotFound(w, req)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(page)
	})
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("The room is open on %v. Ctrl-C stops the machine.\n", l.Addr())
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(s.Serve(l))
}
