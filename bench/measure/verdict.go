package measure

import (
	"fmt"
	"strings"
)

// Verdict holds figures to bars, says of each how it went, and counts the failures.
type Verdict struct {
	f      *Figures
	failed int
}

// Judge begins a verdict on ratios to the Debian guest under these conditions.
func (f *Figures) Judge(conditions ...string) *Verdict {
	fmt.Printf("\nBars (%s)\n", strings.Join(append([]string{"ratios to the Debian guest"}, conditions...), ", "))
	return &Verdict{f: f}
}

// Say is the verdict on one thing.
func (v *Verdict) Say(ok bool, format string, args ...any) {
	word := "PASS"
	if !ok {
		word = "FAIL"
		v.failed++
	}
	fmt.Printf("%s  %s\n", word, fmt.Sprintf(format, args...))
}

// AtMost holds a figure's ratio to a bar from below.
func (v *Verdict) AtMost(figure string, bar float64, what string) {
	if r, ok := v.ratio(figure, what); ok {
		v.Say(r <= bar, "%s: %.3f, at most %.2f", what, r, bar)
	}
}

// AtLeast holds a figure's ratio to a bar from above.
func (v *Verdict) AtLeast(figure string, bar float64, what string) {
	if r, ok := v.ratio(figure, what); ok {
		v.Say(r >= bar, "%s: %.3f, at least %.2f", what, r, bar)
	}
}

func (v *Verdict) ratio(figure, what string) (float64, bool) {
	r, ok := v.f.Ratio(figure)
	if !ok {
		fmt.Printf("----  %s: not measured with a Debian guest beside\n", what)
	}
	return r, ok
}

// End says how many things failed, and tells whether none did.
func (v *Verdict) End() (passed bool) {
	fmt.Printf("%d failed\n", v.failed)
	return v.failed == 0
}
