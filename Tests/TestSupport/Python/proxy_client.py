"""What a gateway makes of customers' addresses behind a proxy: proxy_client.py PORT KEY MODEL [CHAIN].

With CHAIN the proxy passes TLS on behind a header of the PROXY protocol, version 1 and then 2; without it tells addresses by x-forwarded-for.
"""
import json
import socket
import ssl
import struct
import sys

port, key, model = int(sys.argv[1]), sys.argv[2], sys.argv[3]
chain = sys.argv[4] if len(sys.argv) > 4 else None


def header(version, address):
    if version == 1:
        return f"PROXY TCP4 {address} 198.51.100.1 4711 443\r\n".encode()
    addresses = socket.inet_aton(address) + socket.inet_aton("198.51.100.1") + struct.pack("!HH", 4711, 443)
    return b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack("!H", len(addresses)) + addresses


def ask(version, address, text):
    """Status and body; the first bytes of TLS come right behind the proxy's."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    field = ""
    if chain and address:
        connection.sendall(header(version, address))
    elif address:
        field = f"x-forwarded-for: 6.6.6.6, {address}\r\n"
    if chain:
        context = ssl.create_default_context(cafile=chain)
        context.set_alpn_protocols(["http/1.1"])
        connection = context.wrap_socket(connection, server_hostname="localhost")
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 3})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {key}\r\n{field}connection: close\r\n"
    connection.sendall(f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    return int(answer.split(b" ", 2)[1]), answer


def silent():
    try:
        return str(ask(1, None, "hello")[0])
    except (ConnectionError, ssl.SSLError, IndexError):
        return "closed"


found = {
    "good": [ask(version, "192.0.2.7", "hello")[0] for version in (1, 2)],
    "blocked": [ask(version, "203.0.113.7", "hello")[0] for version in (1, 2)],
    "text": [ask(version, "192.0.2.7", "a forbidden  word")[0] for version in (1, 2)],
    "message": b"Not that." in ask(1, "192.0.2.7", "forbidden word")[1],
    "silent": silent(),
}
print(json.dumps(found))
