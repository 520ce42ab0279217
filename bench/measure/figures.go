package measure

import (
	"fmt"
	"sort"
	"strings"
)

// Figures holds every sample of every guest. The first guest is ours.
type Figures struct {
	Guests []string
	names  []string
	values map[string]map[string][]float64 // figure, guest
}

// New makes an empty table for these guests.
func New(guests ...string) *Figures {
	return &Figures{Guests: guests, values: map[string]map[string][]float64{}}
}

// Add adds a sample.
func (f *Figures) Add(name, guest string, v float64) {
	if f.values[name] == nil {
		f.values[name] = map[string][]float64{}
		f.names = append(f.names, name)
	}
	f.values[name][guest] = append(f.values[name][guest], v)
}

// Median of a figure; ok is false where the guest has none.
func (f *Figures) Median(name, guest string) (m float64, ok bool) {
	v := append([]float64{}, f.values[name][guest]...)
	if len(v) == 0 {
		return 0, false
	}
	sort.Float64s(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2, true
	}
	return v[len(v)/2], true
}

// Ratio is our median divided by the Debian guest's.
func (f *Figures) Ratio(name string) (float64, bool) {
	ours, ok1 := f.Median(name, "unigornel")
	theirs, ok2 := f.Median(name, "debian")
	return ours / theirs, ok1 && ok2 && theirs != 0
}

// Table prints all medians under a heading that names their unit.
func (f *Figures) Table(heading string) {
	sort.SliceStable(f.names, func(i, j int) bool { return rank(f.names[i]) < rank(f.names[j]) })
	fmt.Printf("\n%-26s", heading)
	for _, g := range f.Guests {
		fmt.Printf("%14s", g)
	}
	fmt.Printf("%12s\n", "of debian")
	for _, n := range f.names {
		fmt.Printf("%-26s", n)
		for _, g := range f.Guests {
			if v, ok := f.Median(n, g); ok {
				fmt.Printf("%14.1f", v)
			} else {
				fmt.Printf("%14s", "-")
			}
		}
		if r, ok := f.Ratio(n); ok {
			fmt.Printf("%12.3f", r)
		}
		fmt.Println()
	}
}

// rank keeps the Figures that are not nanoseconds in front and the rest in alphabetical order.
func rank(name string) string {
	if strings.HasSuffix(name, "-ms") || strings.HasSuffix(name, "-MiB") {
		return " " + name
	}
	return name
}
