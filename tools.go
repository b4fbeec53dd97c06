//go:build tools

package kmodtest

import (
	_ "github.com/BurntSushi/toml"
	_ "github.com/google/go-cmp/cmp"
	_ "github.com/hugelgupf/vmtest/qemu"
	_ "github.com/jstemmer/go-junit-report/v2/junit"
	_ "github.com/mdlayher/genetlink/genltest"
	_ "github.com/mdlayher/netlink/nltest"
	_ "github.com/rogpeppe/go-internal/testscript"
	_ "github.com/u-root/mkuimage/uimage"
	_ "golang.org/x/sync/errgroup"
	_ "golang.org/x/sys/unix"
	_ "golang.org/x/term"
	_ "gopkg.in/yaml.v3"
)
