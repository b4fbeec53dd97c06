package calls

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/cilium/ebpf/btf"

	"github.com/kmodtest/kmodtest/vmimage/internal/cache"
	"github.com/kmodtest/kmodtest/vmimage/internal/files"
	"github.com/kmodtest/kmodtest/vmimage/internal/kernel"
)

// kernelSignatures are the functions that a kernel exports, as it has them itself. They
// have names of arguments, which the compiler of a module does not note; none are
// there if the kernel's image cannot be read, see [kernel.Kernel.Types].
func kernelSignatures(ctx context.Context, store *cache.Store, k kernel.Kernel, exported func(string) bool) (map[string]Signature, error) {
	const file = "signatures.json"
	e, err := store.Get(ctx, "signatures", k.Release+"-"+k.Digest[:min(len(k.Digest), 16)], func(_ context.Context, dir string) error {
		all := make(map[string]Signature)
		raw, err := k.Types()
		if err == nil {
			all, err = signatures(raw, exported)
		}
		if err != nil && !errors.Is(err, kernel.ErrNoTypes) {
			return err
		}
		return files.WriteLine(filepath.Join(dir, file), all)
	})
	if err != nil {
		return nil, fmt.Errorf("find functions of kernel %s: %w", k.Release, err)
	}
	all := make(map[string]Signature)
	return all, files.ReadJSON(filepath.Join(e.Dir, file), &all)
}

// signatures reads the type information of a kernel.
func signatures(raw []byte, exported func(string) bool) (map[string]Signature, error) {
	spec, err := btf.LoadSpecFromReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	all := make(map[string]Signature)
	for t, err := range spec.All() {
		if err != nil {
			return nil, err
		}
		f, ok := t.(*btf.Func)
		if !ok || !exported(f.Name) {
			continue
		}
		p, ok := f.Type.(*btf.FuncProto)
		if !ok {
			continue
		}
		s := Signature{Known: true, Result: btfValue(p.Return)}
		for _, param := range p.Params {
			if _, ok := param.Type.(*btf.Void); ok && param.Name == "" {
				s.Variadic = true
				break
			}
			v := btfValue(param.Type)
			v.Name = param.Name
			s.Args = append(s.Args, v)
		}
		all[f.Name] = s
	}
	return all, nil
}

// btfValue is a type as values of it are printed.
func btfValue(t btf.Type) Value {
	switch u := btf.UnderlyingType(t).(type) {
	case *btf.Void:
		return Value{}
	case *btf.Pointer:
		if c, ok := u.Target.(*btf.Const); ok {
			if i, ok := c.Type.(*btf.Int); ok && i.Name == "char" {
				return Value{Kind: KindText, Size: 8}
			}
		}
		return Value{Kind: KindPointer, Size: 8}
	case *btf.Int:
		v := Value{Kind: KindUnsigned, Size: int(u.Size)}
		switch u.Encoding {
		case btf.Bool:
			v.Kind = KindBool
		case btf.Signed:
			v.Kind = KindSigned
		}
		return v
	case *btf.Enum:
		v := Value{Kind: KindEnum, Size: int(u.Size), Enum: make(map[int64]string)}
		for _, n := range u.Values {
			v.Enum[int64(n.Value)] = n.Name
		}
		return v
	}
	return Value{Kind: KindOther}
}
