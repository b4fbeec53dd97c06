package spec

import (
	"bytes"
	_ "embed"
	"fmt"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

//go:embed vnet_nl.yaml
var source []byte

// Version is the version of the family. Specs of protocol "genetlink" cannot
// state one; it is 1 by definition.
const Version = 1

// A Spec is the part of a YNL specification that vnet_nl uses.
type Spec struct {
	Name          string         `yaml:"name"`
	Doc           string         `yaml:"doc"`
	Protocol      string         `yaml:"protocol"`
	UAPIHeader    string         `yaml:"uapi-header"`
	Definitions   []Definition   `yaml:"definitions"`
	AttributeSets []AttributeSet `yaml:"attribute-sets"`
	Operations    struct {
		NamePrefix string      `yaml:"name-prefix"`
		EnumName   string      `yaml:"enum-name"`
		List       []Operation `yaml:"list"`
	} `yaml:"operations"`
	MulticastGroups struct {
		List []struct {
			Name string `yaml:"name"`
		} `yaml:"list"`
	} `yaml:"mcast-groups"`
}

// A Definition is a named constant.
type Definition struct {
	Type  string `yaml:"type"`
	Name  string `yaml:"name"`
	Value int    `yaml:"value"`
	Doc   string `yaml:"doc"`
}

// An AttributeSet is one attribute space.
type AttributeSet struct {
	Name       string      `yaml:"name"`
	NamePrefix string      `yaml:"name-prefix"`
	EnumName   string      `yaml:"enum-name"`
	Attributes []Attribute `yaml:"attributes"`
}

// An Attribute is one attribute of a space. Load fills in Value and MaxLen.
type Attribute struct {
	Name   string `yaml:"name"`
	Type   string `yaml:"type"`
	Value  int    `yaml:"value"`
	Doc    string `yaml:"doc"`
	Checks struct {
		Max    *int   `yaml:"max"`
		MaxLen string `yaml:"max-len"`
	} `yaml:"checks"`

	// MaxLen is Checks.MaxLen with names of constants resolved, 0 for none.
	MaxLen int `yaml:"-"`
}

// An Operation is a command, or a notification if MulticastGroup is set.
type Operation struct {
	Name           string `yaml:"name"`
	Doc            string `yaml:"doc"`
	Value          int    `yaml:"value"`
	AttributeSet   string `yaml:"attribute-set"`
	Notify         string `yaml:"notify"`
	MulticastGroup string `yaml:"mcgrp"`
	Do             *struct {
		Request attributeList `yaml:"request"`
		Reply   attributeList `yaml:"reply"`
	} `yaml:"do"`
	Event *attributeList `yaml:"event"`
}

type attributeList struct {
	Attributes []string `yaml:"attributes"`
}

// Load parses the embedded specification and numbers what it leaves to be
// numbered.
func Load() (*Spec, error) {
	return parse(source)
}

func parse(b []byte) (*Spec, error) {
	d := yaml.NewDecoder(bytes.NewReader(b))
	// A key that is not known here would be one that no test looks at.
	d.KnownFields(true)

	var s Spec
	if err := d.Decode(&s); err != nil {
		return nil, fmt.Errorf("parse spec: %w", err)
	}
	if s.Protocol != "genetlink" {
		return nil, fmt.Errorf("parse spec: protocol %q, want genetlink", s.Protocol)
	}

	for i := range s.AttributeSets {
		// In YNL numbers start at 1 and each follows the one before.
		next := 1
		for j := range s.AttributeSets[i].Attributes {
			a := &s.AttributeSets[i].Attributes[j]
			next = number(&a.Value, next)
			if err := s.resolveMaxLen(a); err != nil {
				return nil, err
			}
		}
	}

	next := 1
	for i := range s.Operations.List {
		next = number(&s.Operations.List[i].Value, next)
	}
	return &s, nil
}

// number sets *v to next unless it has a value, and returns what follows it.
func number(v *int, next int) int {
	if *v == 0 {
		*v = next
	}
	return *v + 1
}

func (s *Spec) resolveMaxLen(a *Attribute) error {
	name := a.Checks.MaxLen
	if name == "" {
		return nil
	}
	for _, d := range s.Definitions {
		if d.Name == name {
			a.MaxLen = d.Value
			return nil
		}
	}

	n, err := strconv.Atoi(name)
	if err != nil {
		return fmt.Errorf("resolve max-len of attribute %q: no constant %q", a.Name, name)
	}
	a.MaxLen = n
	return nil
}

// Set returns the attribute space of the given name.
func (s *Spec) Set(name string) (AttributeSet, bool) {
	for _, set := range s.AttributeSets {
		if set.Name == name {
			return set, true
		}
	}
	return AttributeSet{}, false
}

// Constants returns what a uAPI header made from the spec defines, by C name.
// Numbers are in decimal, strings carry their quotes. Markers such as
// VNET_NL_A_MAX are not part of the protocol and left out.
func (s *Spec) Constants() map[string]string {
	family := s.Name + "_"
	c := map[string]string{
		cname(family + "family_name"):    strconv.Quote(s.Name),
		cname(family + "family_version"): strconv.Itoa(Version),
	}
	for _, d := range s.Definitions {
		c[cname(family+d.Name)] = strconv.Itoa(d.Value)
	}
	for _, set := range s.AttributeSets {
		for _, a := range set.Attributes {
			c[cname(set.NamePrefix+a.Name)] = strconv.Itoa(a.Value)
		}
	}
	for _, op := range s.Operations.List {
		c[cname(s.Operations.NamePrefix+op.Name)] = strconv.Itoa(op.Value)
	}
	for _, g := range s.MulticastGroups.List {
		c[cname(family+"mcgrp_"+g.Name)] = strconv.Quote(g.Name)
	}
	return c
}

// cname spells a YNL name as a C constant.
func cname(s string) string {
	return strings.ToUpper(strings.ReplaceAll(s, "-", "_"))
}
