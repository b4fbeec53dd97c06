// Package spec holds the YNL specification of the vnet_nl family as data:
// vnet_nl.yaml is embedded, so that a test in the guest, which sees no source
// tree, can hold the live family against it.
//
// It is a package of its own because the go command accepts no C sources in a
// directory of Go files.
package spec
