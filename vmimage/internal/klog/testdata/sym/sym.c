// SPDX-License-Identifier: GPL-2.0
/*
 * An object with the shapes that make symbolising hard: code in several
 * sections that all start at 0, inlined calls, a cold part, and two functions
 * of one name (the other one is in other.c).
 *
 * Each label stands for the address of its line. Rebuild with ./build.sh.
 */
#define MARK(name) asm volatile("mark_" #name ": nop" : : : "memory")
#define noinline __attribute__((noinline))
#define inline_always inline __attribute__((always_inline))
#define init __attribute__((section(".init.text")))
#define cold __attribute__((cold))

volatile int sink;

static inline_always void inner(int n)
{
	sink = n;
	MARK(inner); /* LINE inner */
	sink = n + 1;
}

static inline_always void middle(int n)
{
	sink = n;
	inner(n + 1); /* LINE middle */
}

noinline int outer(int n)
{
	if (n > sink) {
		middle(n); /* LINE outer */
	}
	MARK(plain); /* LINE plain */
	return sink;
}

static noinline int twin(int n)
{
	sink = n;
	MARK(twin); /* LINE twin */
	return n;
}

noinline int init setup(int n)
{
	sink = n;
	MARK(setup); /* LINE setup */
	return twin(n);
}

noinline int cold unlikely(int n)
{
	sink = n;
	MARK(unlikely); /* LINE unlikely */
	return n;
}
