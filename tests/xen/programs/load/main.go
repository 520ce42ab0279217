// load serves streams over HTTP on port 8080 and moves others to a disk and back, all at a time.
//
//	/           a line
//	/bytes?n=N  a stream
//	POST /sum   length and sha256 of the body
//	/disk?path=DEV&n=N&chunk=C  writes a stream to the device in chunks, each with fsync, reads it back: its sha256
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"

	"unigornel/tests/net/stream"
)

func number(r *http.Request, name string) int64 {
	n, _ := strconv.ParseInt(r.FormValue(name), 10, 64)
	return n
}

func disk(path string, n, chunk int64) (string, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	source := stream.New(n)
	for at := int64(0); at < n; at += chunk {
		if _, err := io.CopyN(f, source, chunk); err != nil {
			return "", err
		}
		if err := f.Sync(); err != nil {
			return "", err
		}
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(f, 0, n)); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "Hello World!\n") })
	http.HandleFunc("/bytes", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", r.FormValue("n"))
		io.CopyBuffer(w, struct{ io.Reader }{stream.New(number(r, "n"))}, make([]byte, 256<<10))
	})
	http.HandleFunc("/sum", func(w http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		n, err := io.CopyBuffer(h, struct{ io.Reader }{r.Body}, make([]byte, 256<<10))
		fmt.Fprintf(w, "%d %x %v\n", n, h.Sum(nil), err)
	})
	http.HandleFunc("/disk", func(w http.ResponseWriter, r *http.Request) {
		sum, err := disk(r.FormValue("path"), number(r, "n"), number(r, "chunk"))
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		fmt.Fprintln(w, sum)
	})
	fmt.Println("LOAD-READY")
	if err := http.ListenAndServe(":8080", nil); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
