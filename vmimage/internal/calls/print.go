package calls

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kmodtest/kmodtest/vmimage/internal/errno"
)

// Text writes recordings for people: a line for each call.
func Text(w io.Writer, all []Recording) error {
	for i, r := range all {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "# %s: %d calls%s\n", r.Name, len(r.Events), r.remarks())
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, e := range r.Events {
			s := r.site(e)
			fmt.Fprintf(tw, "%.6f\t%s\t%s\t%s\t%s\n", e.Start.Seconds(), e.took(), e.who(), s.Where(), s.call(e))
		}
		if err := tw.Flush(); err != nil {
			return fmt.Errorf("write calls: %w", err)
		}
	}
	return nil
}

func (r Recording) remarks() string {
	text := ""
	if r.Lost > 0 {
		text += fmt.Sprintf("; %d more are not kept", r.Lost)
	}
	if r.Cycles {
		text += "; times are cycles of the processor, whose clock the kernel does not tell"
	}
	return text
}

// site is where a call was made, whatever the guest's memory says.
func (r Recording) site(e Event) Site {
	if e.Site < len(r.Sites) {
		return r.Sites[e.Site]
	}
	return Site{Func: "?", Call: "?"}
}

func (e Event) took() string {
	if e.Open {
		return "-"
	}
	return e.Took.Round(10 * time.Nanosecond).String()
}

// who is what a call was made in.
func (e Event) who() string {
	if e.InInterrupt {
		return fmt.Sprintf("interrupt@%d", e.CPU)
	}
	task := e.Comm
	if task == "" {
		task = fmt.Sprintf("task %#x", e.Task)
	}
	if e.PID >= 0 {
		task += "/" + strconv.Itoa(e.PID)
	}
	return fmt.Sprintf("%s@%d", task, e.CPU)
}

// call is the call as C has it, with what came of it.
func (s Site) call(e Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s(%s)", s.Name(), strings.Join(s.args(e), ", "))
	switch {
	case e.Failed:
		fmt.Fprintf(&b, " = %s, made to fail", s.result(e.Result))
	case e.Open:
		b.WriteString(": no return was seen")
	case s.result(e.Result) != "":
		fmt.Fprintf(&b, " = %s", s.result(e.Result))
	}
	return b.String()
}

// args are the arguments that can be printed.
func (s Site) args(e Event) []string {
	if s.Signature == nil || !s.Signature.Known {
		return []string{"…"}
	}
	var all []string
	texts := 0
	for i, a := range s.Signature.Args {
		// Structures by value are on the stack, and large ones shift the registers.
		if i >= len(e.Args) || a.Kind == KindOther {
			all = append(all, "…")
			break
		}
		text := a.print(e.Args[i])
		if a.Kind == KindText && texts < len(e.Texts) {
			if e.Texts[texts] != "" {
				text = strconv.Quote(e.Texts[texts])
			}
			texts++
		}
		if a.Name != "" {
			text = a.Name + "=" + text
		}
		all = append(all, text)
	}
	if s.Signature.Variadic {
		all = append(all, "…")
	}
	return all
}

// result is what a call returned; empty is nothing.
func (s Site) result(v uint64) string {
	if s.Signature != nil && s.Signature.Known {
		return s.Signature.Result.print(v)
	}
	switch s.Fails {
	case Errno:
		return Value{Kind: KindSigned, Size: 4}.print(v)
	case False:
		return Value{Kind: KindBool, Size: 1}.print(v)
	case noFault:
		return ""
	}
	return Value{Kind: KindPointer}.print(v)
}

// print prints a value in a register, of which only so many bytes count.
func (v Value) print(register uint64) string {
	signed, unsigned := int64(register), register
	if v.Size > 0 && v.Size < 8 {
		shift := 64 - 8*v.Size
		signed, unsigned = int64(register<<shift)>>shift, register<<shift>>shift
	}
	switch v.Kind {
	case KindNone:
		return ""
	case KindSigned:
		return number(signed)
	case KindUnsigned:
		if unsigned < 10 || unsigned < 1<<16 && !bits.MatchString(v.Name) {
			return strconv.FormatUint(unsigned, 10)
		}
		return fmt.Sprintf("%#x", unsigned)
	case KindBool:
		return strconv.FormatBool(unsigned != 0)
	case KindEnum:
		if name := v.Enum[signed]; name != "" {
			return name
		}
		return strconv.FormatInt(signed, 10)
	}
	switch name := errno.Name(-int64(register)); {
	case register == 0:
		return "NULL"
	case name != "":
		return "ERR_PTR(-" + name + ")"
	}
	return fmt.Sprintf("%#x", register)
}

// bits are names of what is no number but a set of bits.
var bits = regexp.MustCompile(`flag|gfp|mask|mode`)

// number names what is an error by all looks.
func number(n int64) string {
	if name := errno.Name(-n); n < -1 && name != "" {
		return "-" + name
	}
	return strconv.FormatInt(n, 10)
}
