"""send.py WAY FILE: sends a file over loopback by socket.sendfile or loop.sendfile, and prints how much arrived."""
import asyncio
import socket
import sys
import threading

way, path = sys.argv[1:]
server = socket.create_server(("127.0.0.1", 0))
arrived = []


def drain():
    peer, _ = server.accept()
    while piece := peer.recv(1 << 16):
        arrived.append(len(piece))


async def send_by_loop(file):
    _, writer = await asyncio.open_connection(*server.getsockname())
    await asyncio.get_running_loop().sendfile(writer.transport, file)
    writer.close()
    await writer.wait_closed()


def send_by_socket(file):
    with socket.create_connection(server.getsockname()) as client:
        client.sendfile(file)


thread = threading.Thread(target=drain)
thread.start()
with open(path, "rb", buffering=0) as file:
    if way == "asyncio":
        asyncio.run(send_by_loop(file))
    else:
        send_by_socket(file)
thread.join()
print(sum(arrived))
