package calls

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Only chooses one failure: the words of the option -site.
type Only struct {
	// Where is FILE:LINE or FUNCTION+OFFSET, Call the function that is called; empty
	// is any.
	Where, Call string
	Context     Context
	// At is the occurrence; 0 is any.
	At uint64
}

// ParseOnly reads "netdev.c:50 pcpu_alloc interrupt #2", of which all but the first
// word may be left out.
func ParseOnly(text string) (o Only, err error) {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return o, errors.New("it names no line: want FILE:LINE [FUNCTION] [interrupt] [#N]")
	}
	o.Where = fields[0]
	for _, f := range fields[1:] {
		number, isAt := strings.CutPrefix(f, "#")
		switch {
		case isAt:
			if o.At, err = strconv.ParseUint(number, 10, 64); err != nil || o.At == 0 {
				return o, fmt.Errorf("%q is no occurrence like #2", f)
			}
		case f == string(Interrupt):
			o.Context = Interrupt
		case o.Call == "":
			o.Call = f
		default:
			return o, fmt.Errorf("%q is too much: want FILE:LINE [FUNCTION] [interrupt] [#N]", f)
		}
	}
	return o, nil
}

// Fits tells whether a site is meant; no Only means any.
func (o *Only) Fits(s Site) bool {
	return o == nil || o.Where == s.Where() && (o.Call == "" || o.Call == s.Call || o.Call == s.Name())
}
