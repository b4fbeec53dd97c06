#!/bin/sh
# Rebuilds the objects of TestSymbolizer. They are committed, because a test
# must not depend on the compiler that happens to be there.
set -eu
cd "$(dirname "$0")"
for v in 4 5; do
	for f in sym other; do
		gcc -c -O2 -g -gdwarf-$v -fno-pie -mcmodel=kernel -fno-asynchronous-unwind-tables \
			-fdebug-prefix-map="$PWD"=/src -o $f.o $f.c
	done
	ld -r -o dwarf$v.ko sym.o other.o
done
objcopy --strip-debug dwarf5.ko stripped.ko
rm sym.o other.o
