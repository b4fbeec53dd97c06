package kbuild

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCheckConfig(t *testing.T) {
	k := fakeKernel(t)
	tests := []struct {
		needs []string
		lacks []string
	}{
		{nil, nil},
		{[]string{"CONFIG_NET", "CONFIG_NET=y", "CONFIG_VIRTIO=y|m", "CONFIG_KASAN=n", "CONFIG_HZ=250", "CONFIG_NOSUCH=n", "CONFIG_CC_VERSION_TEXT=gcc"}, nil},
		{[]string{"CONFIG_VIRTIO=y"}, []string{"CONFIG_VIRTIO is m, y is needed"}},
		{[]string{"CONFIG_KASAN", "CONFIG_NOSUCH=y|m", "CONFIG_HZ=1000"},
			[]string{"CONFIG_KASAN is not set", "CONFIG_NOSUCH is n, y or m is needed", "CONFIG_HZ is 250, 1000 is needed"}},
	}
	for _, tt := range tests {
		var lacks []string
		err := CheckConfig(k, tt.needs)
		var ce *ConfigError
		if errors.As(err, &ce) {
			lacks = ce.Lacks
		} else if err != nil {
			t.Errorf("%q: %v", tt.needs, err)
		}
		if diff := cmp.Diff(tt.lacks, lacks); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.needs, diff)
		}
	}
	for _, bad := range []string{"NET=y", "CONFIG_NET=", ""} {
		if err := CheckConfig(k, []string{bad}); err == nil || !strings.Contains(err.Error(), "want CONFIG_X") {
			t.Errorf("need %q: %v", bad, err)
		}
	}
}
