"""A file server: it sends a file with sendfile over TCP, again and again, and reads and writes where the kernel refuses.

server.py DIRECTORY RATE: sends DIRECTORY/file RATE times a second. On SIGUSR1 its files move: a hugetlbfs is mounted over
DIRECTORY, whose files sendfile refuses although they have a size and can be read. It is run in a mount namespace of its own,
so that the mount ends with it.
"""
import os, signal, socket, subprocess, sys, time

SIZE = 2 * 1024 * 1024  # of a huge page: a file there has a multiple of it; all of it is a hole and needs none
PART = 64 * 1024


def make_file(directory):
    path = os.path.join(directory, "file")
    with open(path, "w") as file:
        file.truncate(SIZE)
    return path


def move(_signal, _frame):
    subprocess.run(["mount", "-t", "hugetlbfs", "-o", "pagesize=2M", "none", directory], check=True)
    make_file(directory)


def transfer(sink, path):
    source = os.open(path, os.O_RDONLY)
    try:
        os.sendfile(sink.fileno(), source, 0, PART)
    except OSError:
        sink.sendall(os.read(source, PART))
    finally:
        os.close(source)


directory, rate = sys.argv[1], int(sys.argv[2])
signal.signal(signal.SIGUSR1, move)
listener = socket.create_server(("127.0.0.1", 0))
if os.fork() == 0:
    # the client: takes what comes, and ends with the server
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    client = socket.create_connection(listener.getsockname())
    listener.close()
    while client.recv(PART):
        pass
    os._exit(0)
with open("/proc/self/comm", "w") as comm:
    comm.write("demo-server")
sink, _ = listener.accept()
path = make_file(directory)
while True:
    transfer(sink, path)
    time.sleep(1 / rate)
