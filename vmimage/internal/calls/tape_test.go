package calls

import (
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kmodtest/kmodtest/vmimage/internal/graft"
)

// region is a guest's memory, of which only the region is there.
type region []byte

func (r region) ReadAt(p []byte, at int64) (int, error)  { return copy(p, r[at-graft.RegionAt:]), nil }
func (r region) WriteAt(p []byte, at int64) (int, error) { return copy(r[at-graft.RegionAt:], p), nil }

func (r region) word(at int64, v uint64) { binary.LittleEndian.PutUint64(r[at-graft.RegionAt:], v) }

// record writes a record as a stub does.
func (r region) record(number uint64, site uint32, start, end, result uint64, text string, args ...uint64) {
	at := int64(graft.RecordsAt + (number-1)%records*recordSize)
	r.word(at+recordNumber, number)
	r.word(at+recordSite, uint64(site))
	r.word(at+recordStart, start)
	r.word(at+recordEnd, end)
	r.word(at+recordResult, result)
	r.word(at+recordPID, 42)
	for i, a := range args {
		r.word(at+recordArgs+int64(8*i), a)
	}
	_, _ = r.WriteAt([]byte("insmod\x00"), at+recordComm)
	_, _ = r.WriteAt([]byte(text+"\x00"), at+recordTexts)
	r.word(headAt, number)
}

var sampleSites = []Site{
	{Module: "m", Call: "misc_register", File: "m.c", Line: 7, Func: "m_init", Fails: Errno,
		Signature: &Signature{Known: true, Args: []Value{{Name: "misc", Kind: KindPointer, Size: 8}}, Result: Value{Kind: KindSigned, Size: 4}}},
	{Module: "m", Call: "alloc_workqueue_noprof", File: "m.c", Line: 9, Func: "m_init", Fails: Null,
		Signature: &Signature{Known: true, Variadic: true, Args: []Value{{Name: "fmt", Kind: KindText, Size: 8}, {Name: "flags", Kind: KindUnsigned, Size: 4}}, Result: Value{Kind: KindPointer, Size: 8}}},
	{Module: "m", Call: "old_call", Func: "m_init", Offset: 8, Fails: ErrPtr, Signature: &Signature{}},
}

const sampleLog = "6,1,0,-;tsc: Detected 2000.000 MHz processor\n"

func TestTape(t *testing.T) {
	m := make(region, graft.RegionSize)
	tape := NewTape(sampleSites, []byte(sampleLog))
	read := func() {
		t.Helper()
		if err := tape.Read(m); err != nil {
			t.Fatal(err)
		}
	}
	read()
	// A call that another one is made in: it returns later.
	m.record(1, 1, 1000, 0, 0, "wq", 0xffffffff81000000, 2)
	read()
	m.record(2, 0, 3000, 5000, 0xfffffff4, "", 0xffffffffc0001000)
	m.record(3, 2, 5000, 5200, 0xfffffffffffffff4, "")
	m.record(1, 1, 1000, 9000, 0xffff888000001000, "wq", 0xffffffff81000000, 2)
	m.word(headAt, 3)
	read()
	got := tape.Recording([]string{"TestX"})
	if len(got.Events) != 3 || got.Lost != 0 || got.Cycles {
		t.Fatalf("%+v", got)
	}
	if e := got.Events[1]; e.Start != time.Microsecond || e.Took != time.Microsecond || e.PID != 42 || e.Comm != "insmod" || e.Open {
		t.Errorf("%+v", e)
	}
	var b strings.Builder
	got.Name = "6.12 TestX"
	if err := Text(&b, []Recording{got}); err != nil {
		t.Fatal(err)
	}
	want := `# 6.12 TestX: 3 calls
0.000000  4µs    insmod/42@0  m.c:9       alloc_workqueue(fmt="wq", flags=2, …) = 0xffff888000001000
0.000001  1µs    insmod/42@0  m.c:7       misc_register(misc=0xffffffffc0001000) = -ENOMEM
0.000002  100ns  insmod/42@0  m_init+0x8  old_call(…) = ERR_PTR(-ENOMEM)
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	b.Reset()
	if err := Chrome(&b, []Recording{got}); err != nil {
		t.Fatal(err)
	}
	var page struct {
		Events []chromeEvent `json:"traceEvents"`
	}
	if err := json.Unmarshal([]byte(b.String()), &page); err != nil {
		t.Fatal(err)
	}
	if n := len(page.Events); n != 5 || page.Events[3].Args["at"] != "m.c:7" || page.Events[3].Time != 1 || *page.Events[3].Took != 1 {
		t.Errorf("%d events: %+v", n, page.Events)
	}
}

// Calls that are made faster than they are read are counted, and so is none that is
// only waited for.
func TestTapeLost(t *testing.T) {
	m := make(region, graft.RegionSize)
	tape := NewTape(sampleSites, nil)
	m.record(1, 0, 1, 0, 0, "")
	if err := tape.Read(m); err != nil {
		t.Fatal(err)
	}
	for n := uint64(2); n <= records+5; n++ {
		m.record(n, 0, n, n+1, 0, "")
	}
	if err := tape.Read(m); err != nil {
		t.Fatal(err)
	}
	got := tape.Recording(nil)
	if len(got.Events) != records+1 || got.Lost != 4 || !got.Cycles || !got.Events[0].Open {
		t.Errorf("%d events, %d lost, first %+v", len(got.Events), got.Lost, got.Events[0])
	}
}

func TestArm(t *testing.T) {
	m := make(region, graft.RegionSize)
	words := Arm(sampleSites, Shot{Site: 0, At: 3, Context: Interrupt}, Shot{Site: 1, At: 1, Second: true})
	if err := graft.Write(m, words); err != nil {
		t.Fatal(err)
	}
	at := func(site int, word int64) int64 {
		return int64(binary.LittleEndian.Uint64(m[wordsAt(site)-graft.RegionAt+word:]))
	}
	if at(0, wordInIRQ+wordFailAt) != 3 || at(0, wordFailAt) != 0 || at(0, wordReturn) != -12 || at(1, wordFailAfter) != 1 || at(1, wordReturn) != 0 {
		t.Errorf("words %+v", words)
	}
	m.word(wordsAt(1)+wordReached, 7)
	m.word(wordsAt(1)+wordFailed, 1)
	r, err := Read(m, 2)
	if diff := cmp.Diff([]Reached{{}, {Times: 7, Failed: 1}}, r); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if err := graft.Write(m, []graft.Word{{At: 8}}); err == nil {
		t.Error("a word of a bundle may be anywhere")
	}
}
