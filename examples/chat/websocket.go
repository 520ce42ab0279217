package main

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// The part of RFC 6455 that a chat needs: text messages, fragmented or not, pings, and closing.

const (
	opContinuation, opText, opBinary = 0, 1, 2
	opClose, opPing, opPong          = 8, 9, 10

	// Section 1.3: what is hashed with the client's key.
	magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

	maxMessage = 16 << 10
	patience   = 10 * time.Second // for the peer to take what is sent to it
)

// Status codes, section 7.4.1.
const (
	closeNormal    = 1000
	closeProtocol  = 1002
	closeUnhandled = 1003
	closeNotUTF8   = 1007
	closeTooBig    = 1009
)

// protocolError ends a connection with the status code it has.
type protocolError struct {
	code uint16
	what string
}

func (e protocolError) Error() string { return fmt.Sprintf("%d: %s", e.code, e.what) }

// socket is the server's end of a WebSocket. One goroutine reads; any may write.
type socket struct {
	conn   net.Conn
	in     *bufio.Reader
	write  sync.Mutex
	closed bool // a close frame has been sent; guarded by write
}

// hasToken looks for an element of a comma-separated header.
func hasToken(header, token string) bool {
	for _, t := range strings.Split(header, ",") {
		if strings.EqualFold(strings.TrimSpace(t), token) {
			return true
		}
	}
	return false
}

// upgrade answers the opening handshake (section 4.2). On failure it has answered with an error.
func upgrade(w http.ResponseWriter, r *http.Request) (*socket, error) {
	key := r.Header.Get("Sec-WebSocket-Key")
	decoded, err := base64.StdEncoding.DecodeString(key)
	switch {
	case r.Method != http.MethodGet || !hasToken(r.Header.Get("Connection"), "upgrade") || !hasToken(r.Header.Get("Upgrade"), "websocket"):
		w.Header().Set("Upgrade", "websocket")
		http.Error(w, "this is for WebSockets", http.StatusUpgradeRequired)
		return nil, errors.New("no upgrade was asked for")
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		w.Header().Set("Sec-WebSocket-Version", "13")
		http.Error(w, "version 13 is spoken here", http.StatusUpgradeRequired)
		return nil, errors.New("another version")
	case err != nil || len(decoded) != 16:
		http.Error(w, "no valid Sec-WebSocket-Key", http.StatusBadRequest)
		return nil, errors.New("no key")
	}
	// Pages of other sites must not speak for their visitors (section 10.2).
	if origin := r.Header.Get("Origin"); origin != "" && !strings.HasSuffix(origin, "://"+r.Host) {
		http.Error(w, "from another site", http.StatusForbidden)
		return nil, errors.New("from another site: " + origin)
	}
	h, ok := w.(http.Hijacker)
	if !ok {
		http.Error(w, "not on this connection", http.StatusHTTPVersionNotSupported)
		return nil, errors.New("the connection cannot be taken over")
	}
	conn, rw, err := h.Hijack()
	if err != nil {
		return nil, err
	}
	hash := sha1.Sum([]byte(key + magic))
	conn.SetDeadline(time.Time{})
	conn.SetWriteDeadline(time.Now().Add(patience))
	_, err = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(hash[:]))
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &socket{conn: conn, in: rw.Reader}, nil
}

// send writes one frame.
func (s *socket) send(op byte, data []byte) error {
	s.write.Lock()
	defer s.write.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	s.closed = op == opClose
	frame := []byte{0x80 | op}
	switch n := len(data); {
	case n < 126:
		frame = append(frame, byte(n))
	case n <= 0xffff:
		frame = append(frame, 126, byte(n>>8), byte(n))
	default:
		frame = append(frame, 127)
		frame = append(frame, make([]byte, 8)...)
		binary.BigEndian.PutUint64(frame[2:], uint64(n))
	}
	s.conn.SetWriteDeadline(time.Now().Add(patience))
	_, err := s.conn.Write(append(frame, data...))
	return err
}

// close sends a close frame and ends the connection.
func (s *socket) close(code uint16, why string) {
	s.send(opClose, append([]byte{byte(code >> 8), byte(code)}, why...))
	s.conn.Close()
}

// frame reads one frame (section 5.2), of at most limit bytes.
func (s *socket) frame(limit int) (op byte, final bool, data []byte, err error) {
	var h [2]byte
	if _, err = io.ReadFull(s.in, h[:]); err != nil {
		return
	}
	op, final = h[0]&15, h[0]&0x80 != 0
	length := uint64(h[1] & 127)
	var extended [8]byte
	switch length {
	case 126:
		if _, err = io.ReadFull(s.in, extended[6:]); err != nil {
			return
		}
		length = binary.BigEndian.Uint64(extended[:])
	case 127:
		if _, err = io.ReadFull(s.in, extended[:]); err != nil {
			return
		}
		length = binary.BigEndian.Uint64(extended[:])
	}
	switch {
	case h[0]&0x70 != 0:
		err = protocolError{closeProtocol, "reserved bits are set"}
	case h[1]&0x80 == 0:
		err = protocolError{closeProtocol, "a client's frame must be masked"}
	case op >= opClose && (length > 125 || !final):
		err = protocolError{closeProtocol, "a control frame must be short and whole"}
	case length > uint64(limit):
		err = protocolError{closeTooBig, "the message is too long"}
	}
	if err != nil {
		return
	}
	masked := make([]byte, 4+length)
	if _, err = io.ReadFull(s.in, masked); err != nil {
		return
	}
	data = masked[4:]
	for i := range data {
		data[i] ^= masked[i&3]
	}
	return
}

// read returns the next text message. Pings are answered meanwhile. io.EOF: the peer has closed.
func (s *socket) read() (string, error) {
	text, err := s.message()
	var p protocolError
	if errors.As(err, &p) {
		s.close(p.code, p.what)
	}
	return text, err
}

func (s *socket) message() (string, error) {
	var message []byte
	for started := false; ; {
		op, final, data, err := s.frame(maxMessage - len(message))
		if err != nil {
			return "", err
		}
		switch {
		case op == opPing:
			if err := s.send(opPong, data); err != nil {
				return "", err
			}
			continue
		case op == opPong:
			continue
		case op == opClose:
			s.close(closeNormal, "")
			return "", io.EOF
		case op == opBinary:
			return "", protocolError{closeUnhandled, "text is spoken here"}
		case op > opBinary:
			return "", protocolError{closeProtocol, "no such kind of frame"}
		case started != (op == opContinuation):
			return "", protocolError{closeProtocol, "a fragment out of place"}
		}
		started = true
		message = append(message, data...)
		if !final {
			continue
		}
		if !utf8.Valid(message) {
			return "", protocolError{closeNotUTF8, "this is no UTF-8"}
		}
		return string(message), nil
	}
}
