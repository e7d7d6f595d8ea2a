"""A program whose ring gets no memory: io_uring_enter answers EAGAIN. It asks again, as programs do.

ring.py RATE: RATE calls a second. A seccomp filter gives the answer, because nobody wants a machine without memory for a demo.
"""
import ctypes, errno, struct, sys, time

ENTER = 426
NO_NEW_PRIVS, SET_SECCOMP, FILTER = 38, 22, 2
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ANSWER_WITH = 0x7FFF0000, 0x00050000

libc = ctypes.CDLL(None, use_errno=True)


def answer_enter_with(code):
    instruction = struct.Struct("HBBI")
    program = b"".join(
        instruction.pack(*fields)
        for fields in [
            (LOAD, 0, 0, 0),  # the number of the system call
            (JUMP_IF_EQUAL, 0, 1, ENTER),
            (RETURN, 0, 0, ANSWER_WITH | code),
            (RETURN, 0, 0, ALLOW),
        ]
    )
    instructions = ctypes.create_string_buffer(program)
    fprog = struct.pack("HxxxxxxP", len(program) // instruction.size, ctypes.addressof(instructions))
    if libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(SET_SECCOMP, FILTER, fprog, 0, 0):
        sys.exit("no filter: " + errno.errorcode[ctypes.get_errno()])


rate = int(sys.argv[1])
with open("/proc/self/comm", "w") as comm:
    comm.write("demo-ring")
answer_enter_with(errno.EAGAIN)
while True:
    for _ in range(10):
        libc.syscall(ENTER, -1, 1, 0, 0, None, 0)
    time.sleep(10 / rate)
