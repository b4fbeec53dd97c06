// SPDX-License-Identifier: GPL-2.0
#define MARK(name) asm volatile("mark_" #name ": nop" : : : "memory")

extern volatile int sink;

static __attribute__((noinline)) int twin(int n)
{
	sink = n * 3;
	sink = n * 5;
	sink = n * 7;
	MARK(other_twin); /* LINE other_twin */
	return n * 9;
}

int other(int n)
{
	return twin(n) + 1;
}
