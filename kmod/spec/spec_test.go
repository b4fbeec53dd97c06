package spec

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestHeader proves that spec and header define the same names and numbers.
func TestHeader(t *testing.T) {
	s := load(t)
	b, err := os.ReadFile(filepath.Join("..", "uapi", s.UAPIHeader))
	if err != nil {
		t.Fatal(err)
	}

	got, err := parseHeader(string(b))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.Constants(), got); diff != "" {
		t.Fatalf("spec and header differ (-spec +header):\n%s", diff)
	}
}

// TestPolicy proves that the policy of the module checks what the spec says.
// The numbers stand in the header; here it is about who uses them.
func TestPolicy(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "netlink.c"))
	if err != nil {
		t.Fatal(err)
	}

	echo, ok := load(t).Set("echo")
	if !ok {
		t.Fatal("spec has no attribute set echo")
	}
	for _, a := range echo.Attributes {
		var want string
		switch {
		case a.Type == "string" && a.MaxLen == 255:
			want = `{ .type = NLA_NUL_STRING, .len = VNET_NL_STRING_MAX, }`
		case a.Type == "u32":
			want = `{ .type = NLA_U32 }`
		case a.Type == "u8" && a.Checks.Max != nil:
			want = "NLA_POLICY_MAX(NLA_U8, " + strconv.Itoa(*a.Checks.Max) + ")"
		default:
			t.Fatalf("no policy known for attribute %+v", a)
		}

		want = "[" + cname(echo.NamePrefix+a.Name) + "] = " + want
		if flat := strings.Join(strings.Fields(string(b)), " "); !strings.Contains(flat, want) {
			t.Errorf("netlink.c has no %s", want)
		}
	}
}

// TestReferences proves that the names in the spec lead somewhere.
func TestReferences(t *testing.T) {
	s := load(t)
	ops := make(map[string]Operation)
	for _, op := range s.Operations.List {
		ops[op.Name] = op
	}

	for _, op := range s.Operations.List {
		if (op.Do == nil) != (op.MulticastGroup == "events") {
			t.Errorf("%s: want either a request or group events", op.Name)
		}
		if op.Notify != "" {
			if ops[op.Notify].Do == nil {
				t.Errorf("%s: notifies of %q, which has no reply", op.Name, op.Notify)
			}
			continue
		}

		set, ok := s.Set(op.AttributeSet)
		if !ok {
			t.Errorf("%s: no attribute set %q", op.Name, op.AttributeSet)
		}
		var all []string
		for _, a := range set.Attributes {
			all = append(all, a.Name)
		}
		for _, list := range lists(op) {
			if diff := cmp.Diff(all, list.Attributes); diff != "" {
				t.Errorf("%s: unexpected attributes (-set +operation):\n%s", op.Name, diff)
			}
		}
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct {
		name, yaml, want string
	}{
		{"unknown key", "name: x\nprotocol: genetlink\nwrong: 1\n", "field wrong not found"},
		{"other protocol", "name: x\nprotocol: netlink-raw\n", `protocol "netlink-raw", want genetlink`},
		{
			"unknown constant",
			"protocol: genetlink\nattribute-sets: [{attributes: [{name: a, checks: {max-len: no-such}}]}]\n",
			`attribute "a": no constant "no-such"`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parse([]byte(tt.yaml))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("unexpected error: %v, want: %s", err, tt.want)
			}
		})
	}
}

func load(t *testing.T) *Spec {
	t.Helper()
	s, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func lists(op Operation) []attributeList {
	if op.Event != nil {
		return []attributeList{*op.Event}
	}
	return []attributeList{op.Do.Request, op.Do.Reply}
}

var (
	comment    = regexp.MustCompile(`(?s)/\*.*?\*/`)
	define     = regexp.MustCompile(`(?m)^#define\s+(VNET_NL_\w+)\s+(\S+)$`)
	enum       = regexp.MustCompile(`(?s)enum \w+ \{(.*?)\};`)
	enumMember = regexp.MustCompile(`^(\w+)(?: = (.*))?$`)
)

// parseHeader reads the constants of a uAPI header as a C compiler would, as
// far as such headers go: defines, and enums whose members follow each other.
func parseHeader(src string) (map[string]string, error) {
	src = comment.ReplaceAllString(src, "")
	c := make(map[string]string)
	for _, m := range define.FindAllStringSubmatch(src, -1) {
		c[m[1]] = m[2]
	}

	for _, e := range enum.FindAllStringSubmatch(src, -1) {
		next := 0
		for _, line := range strings.Split(e[1], ",") {
			m := enumMember.FindStringSubmatch(strings.TrimSpace(line))
			// The markers of the end need no number.
			if m == nil || strings.HasSuffix(m[1], "_MAX") {
				continue
			}
			if m[2] != "" {
				n, err := strconv.Atoi(m[2])
				if err != nil {
					return nil, err
				}
				next = n
			}
			c[m[1]] = strconv.Itoa(next)
			next++
		}
	}
	return c, nil
}
