package fault

import (
	"encoding/xml"
	"fmt"
)

// JUnit is the result as JUnit's XML: a test case for each outcome.
func JUnit(r Result) ([]byte, error) {
	type failure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	type testcase struct {
		Class   string    `xml:"classname,attr"`
		Name    string    `xml:"name,attr"`
		Failure *failure  `xml:"failure"`
		Skipped *struct{} `xml:"skipped"`
	}
	var suite struct {
		XMLName  xml.Name   `xml:"testsuite"`
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Skipped  int        `xml:"skipped,attr"`
		Cases    []testcase `xml:"testcase"`
	}
	suite.Name, suite.Tests = "sweep", len(r.Outcomes)
	for _, o := range r.Outcomes {
		c := testcase{Class: o.Kernel + "." + o.Site.Module, Name: fmt.Sprintf("%s %s %s", o.Site.Where(), o.Site.Call, o.Scenario)}
		switch {
		case o.State.Red():
			suite.Failures++
			c.Failure = &failure{fmt.Sprintf("%s: %s %s", o.State, o.Why, o.Where), o.Detail}
		case o.State == NotReached, o.State == Unsteady:
			suite.Skipped++
			c.Skipped = &struct{}{}
		}
		suite.Cases = append(suite.Cases, c)
	}
	b, err := xml.MarshalIndent(suite, "", "\t")
	return append([]byte(xml.Header), append(b, '\n')...), err
}
