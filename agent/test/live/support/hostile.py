"""Clients that mean no good, all at once, until stdin ends: hostile.py PORT plain|tls. Prints how often each got something."""
import json, random, socket, ssl, sys, threading, time

PORT, TLS = int(sys.argv[1]), sys.argv[2] == 'tls'
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
stop = threading.Event()
counts, guard = {}, threading.Lock()


def count(name, answer):
    status = answer[9:12].decode('latin1') if answer[:5] == b'HTTP/' else 'cut'
    with guard:
        key = f'{name} {status}'
        counts[key] = counts.get(key, 0) + 1


def tcp():
    one = socket.create_connection(('127.0.0.1', PORT), timeout=30)
    return one


def http():
    return context.wrap_socket(tcp()) if TLS else tcp()


def get(path, method='GET', more=''):
    return f'{method} {path} HTTP/1.1\r\nHost: a\r\n{more}\r\n'.encode()


def once(name, data, half=False):
    """Sends all, and reads the answer."""
    def run():
        with http() as one:
            one.sendall(data() if callable(data) else data)
            if half and not TLS:
                one.shutdown(socket.SHUT_WR)
            count(name, one.recv(65536))
        time.sleep(0.02)
    return name, run


def slowly(name, data):
    """A byte every half a second, until it is cut."""
    def run():
        with http() as one:
            one.settimeout(0.5)
            answer = b''
            for i in range(len(data)):
                one.sendall(data[i:i + 1])
                try:
                    answer = one.recv(4096)
                    break
                except TimeoutError:
                    if stop.is_set():
                        return
            count(name, answer)
    return name, run


def held(name, number, data=b'', connect=tcp):
    """Many connections that say something, or nothing, and never read."""
    def run():
        ones = []
        try:
            for _ in range(number):
                one = connect()
                ones.append(one)
                if data:
                    one.sendall(data)
            stop.wait(2)
        finally:
            for one in ones:
                one.close()
        count(name, b'')
    return name, run


def guess():
    import base64
    password = base64.b64encode(f'alice:{random.random()}'.encode()).decode()
    return get('/metrics', more=f'Authorization: Basic {password}\r\n')


body = 'Transfer-Encoding: chunked\r\n'
kinds = [
    (held('idle', 500), 1),
    (held('stuck', 60, get('/metrics') * 30, http), 1),
    (held('unread', 30, get('/api/v1/snapshot') * 5, http), 1),
    (slowly('slow headers', get('/metrics', more='X: ' + 'y' * 200)), 20),
    (slowly('slow body', get('/-/reload', 'POST', 'Content-Length: 9000\r\n') + b'z' * 200), 10),
    (once('long header', get('/', more='X: ' + 'y' * 20000 + '\r\n')), 1),
    (once('long path', get('/' + 'y' * 4000)), 1),
    (once('bad method', get('/metrics', 'DELETE')), 1),
    (once('connect', get('a:80', 'CONNECT')), 1),
    (once('bad path', get('/../../etc/passwd')), 1),
    (once('garbage', lambda: random.randbytes(300)), 1),
    (once('long body', get('/-/reload', 'POST', body) + b'ffff\r\n' + b'z' * 65535 + b'\r\nffff\r\n' + b'z' * 65535), 1),
    (once('half closed', get('/-/healthy'), half=True), 1),
    (once('flood', get('/metrics')), 4),
    (once('reload', get('/-/reload', 'POST', 'Content-Length: 0\r\n')), 2),
    (once('guess', guess), 4),
]
if TLS:
    kinds += [(held('no handshake', 200, b'\x16\x03\x01\x02\x00\x01'), 1), (held('plain', 20, get('/metrics')), 1)]


def forever(name, run):
    while not stop.is_set():
        try:
            run()
        except (OSError, ValueError):
            count(name, b'')
            time.sleep(0.01)


threads = [threading.Thread(target=forever, args=kind, daemon=True) for kind, number in kinds for _ in range(number)]
for thread in threads:
    thread.start()
sys.stdin.read()
stop.set()
for thread in threads:
    thread.join(5)
print(json.dumps(counts))
