package net_test

import (
	"fmt"
	"io"
	"math/rand"
	"net"
	"sync"
	"testing"
	"time"
)

// echoed sends n random bytes in pieces of all sizes to an echo server and expects them back as they were.
func echoed(address string, n int, seed int64) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	wrote := make(chan error, 1)
	go func() {
		content, sizes := rand.New(rand.NewSource(seed)), rand.New(rand.NewSource(seed+1))
		for left := n; left > 0; {
			k := 1 + sizes.Intn(1<<sizes.Intn(18))
			if k > left {
				k = left
			}
			b := make([]byte, k)
			content.Read(b)
			if _, err := c.Write(b); err != nil {
				wrote <- err
				return
			}
			left -= k
		}
		wrote <- nil
	}()
	content := rand.New(rand.NewSource(seed))
	b, want := make([]byte, 1<<16), make([]byte, 1<<16)
	for got := 0; got < n; {
		c.SetReadDeadline(time.Now().Add(20 * time.Second))
		k, err := c.Read(b)
		if err != nil && (err != io.EOF || got+k < n) {
			return fmt.Errorf("%v after %d of %d bytes", err, got, n)
		}
		content.Read(want[:k])
		for i := range want[:k] {
			if b[i] != want[i] {
				return fmt.Errorf("byte %d of %d came back changed", got+i, n)
			}
		}
		got += k
	}
	return <-wrote
}

// Many connections of all lengths in both directions at once: the interrupts of timers and of the device come in every order.
// Each machine routes them in its own way.
func TestMixedTraffic(t *testing.T) {
	direct(t)
	for _, machine := range []string{"microvm", "q35", "pc"} {
		machine := machine
		t.Run(machine, func(t *testing.T) {
			boot(t, "--machine", machine, "-m", "128M")
			end := time.Now().Add(pick(6*time.Second, time.Minute))
			var wait sync.WaitGroup
			for i := 0; i < 24; i++ {
				r := rand.New(rand.NewSource(int64(i)))
				wait.Add(1)
				go func() {
					defer wait.Done()
					for time.Now().Before(end) {
						if err := echoed(port(guest4, "7"), 1<<r.Intn(22), r.Int63()); err != nil {
							t.Error(err)
							return
						}
					}
				}()
			}
			wait.Wait()
		})
	}
}
