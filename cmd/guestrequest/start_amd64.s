#include "textflag.h"

// System calls (arch/x86/entry/syscalls/syscall_64.tbl).
#define READ 0
#define WRITE 1
#define SOCKET 41
#define CONNECT 42
#define SETSOCKOPT 54
#define EXECVE 59
#define EXIT_GROUP 231

// address is struct sockaddr_un: AF_UNIX and the abstract name of
// wire.RequestSocket.
DATA address<>+0(SB)/2, $1
DATA address<>+2(SB)/8, $"\x00kmodtes"
DATA address<>+10(SB)/8, $"t-reques"
DATA address<>+18(SB)/1, $"t"
GLOBL address<>(SB), RODATA|NOPTR, $24
#define ADDRESS_SIZE 19

// patience is struct timeval: an init that does not answer in a second is busy.
DATA patience<>+0(SB)/8, $1
DATA patience<>+8(SB)/8, $0
GLOBL patience<>(SB), RODATA|NOPTR, $16

DATA program<>+0(SB)/8, $"/sbin/km"
DATA program<>+8(SB)/8, $"odtest-m"
DATA program<>+16(SB)/8, $"odprobe\x00"
GLOBL program<>(SB), RODATA|NOPTR, $24
DATA modprobe<>+0(SB)/8, $"modprobe"
GLOBL modprobe<>(SB), RODATA|NOPTR, $16

// func start()
//
// It is entered as the kernel enters a program: the number of arguments is at the
// stack pointer, behind it are pointers to them and to the environment.
TEXT ·start(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	MOVQ	0(SP), R12
	LEAQ	8(SP), R13
	LEAQ	16(SP)(R12*8), R14
	CMPQ	R12, $4			// modprobe -q -- NAME
	JNE	load

	MOVL	$SOCKET, AX
	MOVL	$1, DI			// AF_UNIX
	MOVL	$0x80005, SI		// SOCK_SEQPACKET|SOCK_CLOEXEC
	XORL	DX, DX
	SYSCALL
	TESTQ	AX, AX
	JLT	load
	MOVQ	AX, R15

	MOVL	$SETSOCKOPT, AX
	MOVQ	R15, DI
	MOVL	$1, SI			// SOL_SOCKET
	MOVL	$20, DX			// SO_RCVTIMEO
	LEAQ	patience<>(SB), R10
	MOVL	$16, R8
	SYSCALL
	TESTQ	AX, AX
	JNE	load

	MOVL	$CONNECT, AX
	MOVQ	R15, DI
	LEAQ	address<>(SB), SI
	MOVL	$ADDRESS_SIZE, DX
	SYSCALL
	TESTQ	AX, AX
	JNE	load

	MOVQ	24(R13), SI
	XORL	DX, DX
length:
	CMPB	(SI)(DX*1), $0
	JEQ	ask
	INCQ	DX
	JMP	length
ask:
	MOVL	$WRITE, AX
	MOVQ	R15, DI
	SYSCALL
	TESTQ	AX, AX
	JLT	load

	// The answer overwrites the number of arguments, which nobody wants any more.
	MOVL	$READ, AX
	MOVQ	R15, DI
	MOVQ	SP, SI
	MOVL	$1, DX
	SYSCALL
	CMPQ	AX, $1
	JNE	load
	CMPB	0(SP), $'n'
	JNE	load
	MOVL	$1, DI
	JMP	exit

load:
	LEAQ	modprobe<>(SB), AX
	MOVQ	AX, 0(R13)
	MOVL	$EXECVE, AX
	LEAQ	program<>(SB), DI
	MOVQ	R13, SI
	MOVQ	R14, DX
	SYSCALL
	MOVL	$126, DI
exit:
	MOVL	$EXIT_GROUP, AX
	SYSCALL
	INT	$3
