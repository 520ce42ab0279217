// work is an ordinary day of a Go program: it compresses, hashes, parses, sorts, formats and
// reflects in many goroutines under a busy collector, and prints checksums.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"math/big"
	"regexp"
	"runtime/debug"
	"sort"
	"strings"
	"sync"
	"text/template"
)

type item struct {
	Name   string             `json:"name"`
	Number int                `json:"number"`
	Tags   []string           `json:"tags"`
	Inner  map[string]float64 `json:"inner"`
}

func items(n int) []item {
	out := make([]item, n)
	for i := range out {
		out[i] = item{fmt.Sprintf("item-%04d", i*7919%n), i * i, []string{"a", fmt.Sprint(i % 10)}, map[string]float64{"root": math.Sqrt(float64(i))}}
	}
	return out
}

func sum(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b))[:16] }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var jobs = map[string]func() string{
	"json": func() string {
		data := must(json.Marshal(items(500)))
		var back []item
		if err := json.Unmarshal(data, &back); err != nil {
			panic(err)
		}
		return sum(must(json.Marshal(back)))
	},
	"gzip": func() string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		for i := 0; i < 3000; i++ {
			fmt.Fprintf(w, "line %d of %d\n", i, i*i)
		}
		w.Close()
		return sum(must(io.ReadAll(must(gzip.NewReader(&b)))))
	},
	"regexp": func() string {
		re := regexp.MustCompile(`(\w+)-(\d+)`)
		var b strings.Builder
		for _, it := range items(300) {
			b.WriteString(re.ReplaceAllString(it.Name, "$2:$1 "))
		}
		return sum([]byte(b.String()))
	},
	"sort": func() string {
		its := items(2000)
		sort.Slice(its, func(i, j int) bool { return its[i].Name < its[j].Name })
		return its[0].Name + " " + its[1999].Name
	},
	"big": func() string {
		f := big.NewInt(1)
		for i := int64(2); i < 1000; i++ {
			f.Mul(f, big.NewInt(i))
		}
		return sum([]byte(f.String()))
	},
	"template": func() string {
		t := template.Must(template.New("t").Parse(`{{range .}}{{.Name | printf "%-12s"}} {{.Number}} {{index .Tags 1}}
{{end}}`))
		var b bytes.Buffer
		if err := t.Execute(&b, items(100)); err != nil {
			panic(err)
		}
		return sum(b.Bytes())
	},
	"aes": func() string {
		block := must(aes.NewCipher(bytes.Repeat([]byte{7}, 32)))
		gcm := must(cipher.NewGCM(block))
		nonce := make([]byte, gcm.NonceSize())
		sealed := gcm.Seal(nil, nonce, bytes.Repeat([]byte("plain "), 10000), nil)
		plain := must(gcm.Open(nil, nonce, sealed, nil))
		return sum(sealed) + " " + string(plain[:5])
	},
	"ecdsa": func() string {
		key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
		hash := sha256.Sum256([]byte("message"))
		sig := must(ecdsa.SignASN1(rand.Reader, key, hash[:]))
		return fmt.Sprint(ecdsa.VerifyASN1(&key.PublicKey, hash[:], sig))
	},
	"crc": func() string {
		b := make([]byte, 1<<20)
		for i := range b {
			b[i] = byte(i * i)
		}
		return fmt.Sprintf("%08x %08x", crc32.ChecksumIEEE(b), crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	},
	"float": func() string {
		x := 0.0
		for i := 1; i < 200000; i++ {
			x += math.Sin(float64(i)) * math.Exp(-float64(i)/1000) / math.Log(float64(i)+1)
		}
		return fmt.Sprintf("%.12f %.3g", x, math.Gamma(5.5))
	},
	"maps": func() string {
		m := map[string]int{}
		for i := 0; i < 50000; i++ {
			m[fmt.Sprint(i%5000)] += i
		}
		total := 0
		for _, v := range m {
			total += v
		}
		return fmt.Sprint(len(m), total)
	},
	"strings": func() string {
		s := strings.Repeat("the quick brown fox ", 2000)
		return fmt.Sprint(strings.Count(s, "quick"), strings.LastIndex(s, "brown"), len(strings.Fields(strings.ToUpper(s))))
	},
}

func main() {
	debug.SetGCPercent(20)
	names := make([]string, 0, len(jobs))
	for n := range jobs {
		names = append(names, n)
	}
	sort.Strings(names)
	const rounds = 3
	results := map[string][rounds]string{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, n := range names {
		for r := 0; r < rounds; r++ {
			wg.Add(1)
			go func(n string, r int) {
				defer wg.Done()
				out := jobs[n]()
				mu.Lock()
				defer mu.Unlock()
				all := results[n]
				all[r] = out
				results[n] = all
			}(n, r)
		}
	}
	wg.Wait()
	for _, n := range names {
		r := results[n]
		fmt.Println(n, r[0], r[0] == r[1] && r[1] == r[2])
	}
}
