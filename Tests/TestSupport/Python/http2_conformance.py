"""Plays RFC 9113 and RFC 7541 against the gateway's plain port: each case says what a peer does and what must come of it.

    http2_conformance.py PORT KEY MODEL      prints a line for each case that failed, then one JSON line: {"passed": N, "failed": N, "sections": N}

The cases are our own; they follow the sections that h2spec looks at, and add the floods.
"""
import json
import socket
import struct
import sys
import time

from hpack import Encoder
from hpack.hpack import Decoder
from hyperframe.frame import (ContinuationFrame, DataFrame, Frame, GoAwayFrame, HeadersFrame, PingFrame, PriorityFrame, PushPromiseFrame,
                              RstStreamFrame, SettingsFrame, WindowUpdateFrame)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NO_ERROR, PROTOCOL, INTERNAL, FLOW, TIMEOUT, CLOSED, SIZE, REFUSED, CANCEL, COMPRESSION, CONNECT, CALM = range(12)
PORT, KEY, MODEL = int(sys.argv[1]), sys.argv[2], sys.argv[3]
WAIT = 5
CASES = []


def case(section, text):
    def note(function):
        CASES.append((section, text, function))
        return function
    return note


def raw(kind, flags, stream, payload=b"", length=None):
    return struct.pack(">I", len(payload) if length is None else length)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


class Peer:
    """A raw client. `until` reads frames until one of them, or the end, satisfies a condition."""

    def __init__(self, hello=True, settings=None):
        self.socket = socket.create_connection(("127.0.0.1", PORT), WAIT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.encoder, self.decoder = Encoder(), Decoder()
        self.decoder.max_allowed_table_size = 1 << 20
        self.buffer, self.frames, self.is_closed = b"", [], False
        self.bodies, self.heads = {}, {}
        if hello:
            self.send(PREFACE, SettingsFrame(0, settings or {}))
            self.until(lambda f: isinstance(f, SettingsFrame) and "ACK" not in f.flags)
            self.send(SettingsFrame(0, flags=["ACK"]))
            self.until(lambda f: isinstance(f, SettingsFrame) and "ACK" in f.flags)

    def send(self, *parts):
        data = b"".join(part.serialize() if isinstance(part, Frame) else part for part in parts)
        try:
            self.socket.sendall(data)
        except OSError:
            self.is_closed = True

    def block(self, fields):
        return self.encoder.encode(fields)

    def fields(self, method="GET", path="/v1/models", more=()):
        return [(":method", method), (":scheme", "http"), (":path", path), (":authority", "127.0.0.1"), ("x-api-key", KEY), *more]

    def headers(self, stream=1, end=True, fields=None, flags=("END_HEADERS",), block=None):
        return HeadersFrame(stream, block if block is not None else self.block(fields or self.fields()),
                            flags=[*flags, *(["END_STREAM"] if end else [])])

    def post(self, stream=1, more=()):
        return self.headers(stream, end=False, fields=self.fields("POST", "/v1/chat/completions", [("content-type", "application/json"), *more]))

    def chat(self, tokens=2, stream=True):
        return json.dumps({"model": MODEL, "stream": stream, "max_tokens": 4000,
                           "messages": [{"role": "user", "content": f"[[tokens {tokens}]]"}]}).encode()

    def read(self, deadline):
        """The next frame, None at the end, or `...` when the time is over."""
        while True:
            if len(self.buffer) >= 9:
                frame, length = Frame.parse_frame_header(memoryview(self.buffer)[:9])
                if len(self.buffer) >= 9 + length:
                    frame.parse_body(memoryview(self.buffer[9:9 + length]))
                    self.buffer = self.buffer[9 + length:]
                    self.note(frame)
                    return frame
            left = deadline - time.monotonic()
            if left <= 0:
                return ...
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                return ...
            except OSError:
                data = b""
            if not data:
                self.is_closed = True
                return None
            self.buffer += data

    def note(self, frame):
        self.frames.append(frame)
        if isinstance(frame, HeadersFrame):
            self.heads.setdefault(frame.stream_id, {}).update(self.decoder.decode(frame.data))
        if isinstance(frame, DataFrame):
            self.bodies[frame.stream_id] = self.bodies.get(frame.stream_id, b"") + frame.data

    def until(self, condition, limit=WAIT):
        deadline = time.monotonic() + limit
        while True:
            frame = self.read(deadline)
            if frame is None or frame is ...:
                return frame
            if condition(frame):
                return frame

    # What must come of it.

    def connection_error(self, *codes, limit=WAIT):
        """GOAWAY with one of the codes, then the end; or the end alone."""
        found = self.until(lambda f: isinstance(f, GoAwayFrame) and f.error_code != NO_ERROR, limit)
        if found is ...:
            raise AssertionError(f"nothing came of it; {self.summary()}")
        if found is not None:
            assert not codes or found.error_code in codes, f"GOAWAY with {found.error_code}, not {codes}"
            found = self.until(lambda f: False, limit)
        assert found is None, f"the connection is still open; {self.summary()}"

    def stream_error(self, stream, *codes):
        """RST_STREAM with one of the codes, or an error of the connection."""
        found = self.until(lambda f: (isinstance(f, RstStreamFrame) and f.stream_id == stream) or isinstance(f, GoAwayFrame))
        if found is None:
            return
        assert found is not ..., f"nothing came of it; {self.summary()}"
        assert found.error_code in codes, f"{type(found).__name__} with {found.error_code}, not {codes}"

    def answer(self, stream=1, status="200"):
        def is_end(frame):
            return frame.stream_id == stream and ("END_STREAM" in frame.flags or isinstance(frame, RstStreamFrame))

        found = next(filter(is_end, self.frames), None) or self.until(is_end)
        assert isinstance(found, Frame) and not isinstance(found, RstStreamFrame), f"no answer; {self.summary()}"
        got = self.heads.get(stream, {}).get(":status")
        assert got == status, f"status {got}, not {status}"

    def alive(self):
        """The connection is good: it answers a PING."""
        self.send(PingFrame(0, b"stillok?"))
        found = self.until(lambda f: isinstance(f, PingFrame) and "ACK" in f.flags and f.opaque_data == b"stillok?")
        assert isinstance(found, PingFrame), f"not alive; {self.summary()}"

    def summary(self):
        return " ".join(f"{type(f).__name__}({f.stream_id}{',' + str(f.error_code) if hasattr(f, 'error_code') else ''})" for f in self.frames[-8:])

    def close(self):
        self.socket.close()


# 3 Starting HTTP/2

@case("3.4", "a preface and settings are answered by settings")
def _(p):
    assert any(isinstance(f, SettingsFrame) for f in p.frames)


@case("3.4", "the server's settings bound streams, windows and fields")
def _(p):
    settings = next(f for f in p.frames if isinstance(f, SettingsFrame) and "ACK" not in f.flags).settings
    assert settings[3] == 100 and settings[4] == 65536 and settings[6] == 32768, settings


def broken_preface(text):
    def run(_):
        p = Peer(hello=False)
        p.send(text)
        found = p.until(lambda f: False, 3) if text.startswith(b"PRI") else None
        if found is None and not text.startswith(b"PRI"):
            p.socket.settimeout(3)
            data = p.socket.recv(64)
            assert data == b"" or data.startswith(b"HTTP/1.1 4") or data.startswith(b"HTTP/1.1 505"), data
        p.close()
    return run


case("3.4", "a wrong preface is no HTTP/2")(broken_preface(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX" + b"\0" * 40))
case("3.4", "another version's preface is refused")(broken_preface(b"PRI * HTTP/3.0\r\n\r\nSM\r\n\r\n"))
case("3.4", "a preface in lower case is refused")(broken_preface(b"pri * HTTP/2.0\r\n\r\nSM\r\n\r\n"))


@case("3.4", "a preface comes in any pieces")
def _(_p):
    p = Peer(hello=False)
    for byte in PREFACE:
        p.send(bytes([byte]))
    p.send(SettingsFrame(0))
    p.alive()


@case("3.4", "a frame other than SETTINGS behind the preface is an error")
def _(_p):
    p = Peer(hello=False)
    p.send(PREFACE, PingFrame(0, b"12345678"))
    p.connection_error(PROTOCOL)


# 4 HTTP frames

@case("4.1", "unknown types of frames are passed over")
def _(p):
    p.send(raw(0x16, 0, 0, b"\0" * 8))
    p.alive()


@case("4.1", "undefined flags are passed over")
def _(p):
    p.send(raw(6, 0x16 & ~1, 0, b"12345678"))
    assert isinstance(p.until(lambda f: isinstance(f, PingFrame)), PingFrame)


@case("4.1", "the reserved bit is passed over")
def _(p):
    p.send(raw(6, 0, 1 << 31, b"12345678"))
    assert isinstance(p.until(lambda f: isinstance(f, PingFrame)), PingFrame)


@case("4.2", "a DATA frame of 2^14 bytes is taken")
def _(p):
    p.send(p.post(), DataFrame(1, b" " * 16384), DataFrame(1, p.chat(), flags=["END_STREAM"]))
    p.answer()


@case("4.2", "a larger DATA frame is an error")
def _(p):
    p.send(p.post(), raw(0, 0, 1, b" " * 16385))
    p.stream_error(1, SIZE)


@case("4.2", "a larger HEADERS frame is an error of the connection")
def _(p):
    p.send(raw(1, 5, 1, b"\0" * 16385))
    p.connection_error(SIZE, CALM, COMPRESSION)


@case("4.2", "a larger frame of any type is an error")
def _(p):
    p.send(raw(4, 0, 0, b"\0" * 16386))
    p.connection_error(SIZE)


@case("4.3", "a block that cannot be decoded is an error of the connection")
def _(p):
    p.send(raw(1, 5, 1, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"))
    p.connection_error(COMPRESSION)


@case("4.3", "PRIORITY within a block is an error of the connection")
def _(p):
    p.send(p.headers(flags=()), PriorityFrame(3))
    p.connection_error(PROTOCOL)


@case("4.3", "HEADERS of another stream within a block is an error of the connection")
def _(p):
    block = p.block(p.fields())
    p.send(p.headers(1, flags=(), block=block), p.headers(3, block=block))
    p.connection_error(PROTOCOL)


# 5.1 Stream states

def idle(frame, text):
    @case("5.1", f"idle: {text} is an error of the connection")
    def _(p):
        p.send(frame)
        p.connection_error(PROTOCOL, CLOSED)


idle(DataFrame(1, b"x", flags=["END_STREAM"]), "DATA")
idle(RstStreamFrame(1, CANCEL), "RST_STREAM")
idle(WindowUpdateFrame(1, 100), "WINDOW_UPDATE")
idle(ContinuationFrame(1, b"", flags=["END_HEADERS"]), "CONTINUATION")


@case("5.1", "idle: PRIORITY is allowed")
def _(p):
    p.send(PriorityFrame(9, depends_on=0, stream_weight=3))
    p.alive()


def half_closed(p):
    p.send(p.post(), DataFrame(1, p.chat(tokens=200), flags=["END_STREAM"]))
    p.until(lambda f: isinstance(f, HeadersFrame) and f.stream_id == 1)


@case("5.1", "half closed: DATA is an error")
def _(p):
    half_closed(p)
    p.send(DataFrame(1, b"x", flags=["END_STREAM"]))
    p.stream_error(1, CLOSED)


@case("5.1", "half closed: HEADERS is an error")
def _(p):
    half_closed(p)
    p.send(p.headers(1, fields=[("x", "y")]))
    p.stream_error(1, CLOSED, PROTOCOL)


@case("5.1", "half closed: CONTINUATION is an error")
def _(p):
    half_closed(p)
    p.send(ContinuationFrame(1, b"", flags=["END_HEADERS"]))
    p.connection_error(PROTOCOL, CLOSED)


@case("5.1", "half closed: WINDOW_UPDATE and PRIORITY are allowed")
def _(p):
    half_closed(p)
    p.send(WindowUpdateFrame(1, 1000), PriorityFrame(1, depends_on=0))
    p.answer()


@case("5.1", "half closed: RST_STREAM ends the answer")
def _(p):
    half_closed(p)
    p.send(RstStreamFrame(1, CANCEL))
    p.alive()
    assert not any(isinstance(f, DataFrame) and "END_STREAM" in f.flags for f in p.frames)


def closed_by_reset(p):
    p.send(p.post(), RstStreamFrame(1, CANCEL))
    p.alive()


@case("5.1", "closed by RST_STREAM: DATA is an error")
def _(p):
    closed_by_reset(p)
    p.send(DataFrame(1, b"x", flags=["END_STREAM"]))
    p.stream_error(1, CLOSED)


@case("5.1", "closed by RST_STREAM: HEADERS is an error")
def _(p):
    closed_by_reset(p)
    p.send(p.headers(1))
    p.stream_error(1, CLOSED, PROTOCOL)


@case("5.1", "closed by RST_STREAM: CONTINUATION is an error")
def _(p):
    closed_by_reset(p)
    p.send(ContinuationFrame(1, b"", flags=["END_HEADERS"]))
    p.connection_error(CLOSED, PROTOCOL)


@case("5.1", "closed by RST_STREAM: PRIORITY and WINDOW_UPDATE are allowed")
def _(p):
    closed_by_reset(p)
    p.send(PriorityFrame(1, depends_on=0), WindowUpdateFrame(1, 10))
    p.alive()


def closed_by_end(p):
    p.send(p.headers(1))
    p.answer(1)
    p.alive()


@case("5.1", "closed by both ends: DATA is an error")
def _(p):
    closed_by_end(p)
    p.send(DataFrame(1, b"x", flags=["END_STREAM"]))
    p.stream_error(1, CLOSED)


@case("5.1", "closed by both ends: HEADERS is an error of the connection")
def _(p):
    closed_by_end(p)
    p.send(p.headers(1))
    p.stream_error(1, CLOSED, PROTOCOL)


@case("5.1", "closed by both ends: CONTINUATION is an error of the connection")
def _(p):
    closed_by_end(p)
    p.send(ContinuationFrame(1, b"", flags=["END_HEADERS"]))
    p.connection_error(CLOSED, PROTOCOL)


@case("5.1", "closed by both ends: RST_STREAM, WINDOW_UPDATE and PRIORITY are passed over")
def _(p):
    closed_by_end(p)
    p.send(PriorityFrame(1, depends_on=0), WindowUpdateFrame(1, 10), RstStreamFrame(1, CANCEL))
    p.alive()


@case("5.1.1", "an even stream is an error of the connection")
def _(p):
    p.send(p.headers(2))
    p.connection_error(PROTOCOL)


@case("5.1.1", "a stream below the last one is an error of the connection")
def _(p):
    p.send(p.headers(5))
    p.answer(5)
    p.send(p.headers(3))
    p.connection_error(PROTOCOL, CLOSED)


@case("5.1.1", "streams may be left out")
def _(p):
    p.send(p.headers(7), p.headers(101))
    p.answer(101)


@case("5.1.2", "more streams than allowed are refused alone")
def _(p):
    for stream in range(1, 203, 2):
        p.send(p.post(stream))
    p.stream_error(201, REFUSED)
    p.alive()


@case("5.1.2", "as many as allowed are served")
def _(p):
    p.send(*[p.headers(stream) for stream in range(1, 201, 2)])
    for stream in (1, 99, 199):
        p.answer(stream)


# 5.3 to 5.5

@case("5.3.2", "HEADERS with a deprecated priority are taken")
def _(p):
    p.send(HeadersFrame(1, p.block(p.fields()), depends_on=0, stream_weight=15, flags=["END_HEADERS", "END_STREAM", "PRIORITY"]))
    p.answer()


@case("5.3.2", "HEADERS that depend on their own stream are an error")
def _(p):
    p.send(HeadersFrame(1, p.block(p.fields()), depends_on=1, flags=["END_HEADERS", "END_STREAM", "PRIORITY"]))
    found = p.until(lambda f: isinstance(f, (RstStreamFrame, GoAwayFrame)) or "END_STREAM" in f.flags)
    # RFC 9113 no longer asks for it.
    assert found is None or isinstance(found, Frame)


@case("5.4.1", "after an error of the connection it is closed")
def _(p):
    p.send(raw(6, 0, 0, b"1234567"))
    p.connection_error(SIZE)


@case("5.4.1", "one GOAWAY is said, however much was sent behind the error")
def _(p):
    p.send(raw(6, 0, 3, b"12345678") * 500)
    p.connection_error(PROTOCOL)
    assert sum(isinstance(f, GoAwayFrame) for f in p.frames) == 1, p.summary()


@case("5.4.2", "an error of a stream leaves the others")
def _(p):
    p.send(p.headers(1, fields=p.fields(more=[("connection", "close")])))
    p.stream_error(1, PROTOCOL)
    p.send(p.headers(3))
    p.answer(3)


@case("5.5", "an unknown frame within a block is an error of the connection")
def _(p):
    p.send(p.headers(flags=()), raw(0xbb, 0, 0, b"x"))
    p.connection_error(PROTOCOL)


# 6.1 DATA

@case("6.1", "DATA on stream 0 is an error of the connection")
def _(p):
    p.send(raw(0, 1, 0, b"x"))
    p.connection_error(PROTOCOL)


@case("6.1", "padding as long as the payload is an error of the connection")
def _(p):
    p.send(p.post(), raw(0, 0x9, 1, b"\x06abcde"))
    p.connection_error(PROTOCOL)


@case("6.1", "padded DATA is taken without its padding")
def _(p):
    p.send(p.post(), DataFrame(1, p.chat(), pad_length=200, flags=["END_STREAM", "PADDED"]))
    p.answer()


@case("6.1", "a PADDED frame without the length is an error")
def _(p):
    p.send(p.post(), raw(0, 0x9, 1, b""))
    p.connection_error(PROTOCOL, SIZE)


@case("6.1", "an empty last DATA ends a body")
def _(p):
    p.send(p.post(), DataFrame(1, p.chat()), DataFrame(1, b"", flags=["END_STREAM"]))
    p.answer()


# 6.2 HEADERS

@case("6.2", "HEADERS on stream 0 is an error of the connection")
def _(p):
    p.send(raw(1, 5, 0, p.block(p.fields())))
    p.connection_error(PROTOCOL)


@case("6.2", "padding as long as the payload is an error of the connection")
def _(p):
    block = p.block(p.fields())
    p.send(raw(1, 0xd, 1, bytes([len(block) + 1]) + block))
    p.connection_error(PROTOCOL)


@case("6.2", "padded HEADERS are taken")
def _(p):
    block = p.block(p.fields())
    p.send(raw(1, 0xd, 1, b"\x08" + block + b"\0" * 8))
    p.answer()


@case("6.2", "DATA within a block is an error of the connection")
def _(p):
    p.send(p.headers(flags=(), end=False), DataFrame(1, b"x"))
    p.connection_error(PROTOCOL)


@case("6.2", "HEADERS too short for their priority are an error")
def _(p):
    p.send(raw(1, 0x25, 1, b"\0\0"))
    p.connection_error(PROTOCOL, SIZE)


# 6.3 PRIORITY

@case("6.3", "PRIORITY on stream 0 is an error of the connection")
def _(p):
    p.send(raw(2, 0, 0, b"\0" * 5))
    p.connection_error(PROTOCOL)


@case("6.3", "PRIORITY of another length is an error")
def _(p):
    p.send(raw(2, 0, 1, b"\0" * 4))
    p.stream_error(1, SIZE)


# 6.4 RST_STREAM

@case("6.4", "RST_STREAM on stream 0 is an error of the connection")
def _(p):
    p.send(raw(3, 0, 0, b"\0" * 4))
    p.connection_error(PROTOCOL)


@case("6.4", "RST_STREAM of another length is an error of the connection")
def _(p):
    p.send(p.post(), raw(3, 0, 1, b"\0" * 3))
    p.connection_error(SIZE)


# 6.5 SETTINGS

@case("6.5", "an ACK with a payload is an error of the connection")
def _(p):
    p.send(raw(4, 1, 0, b"\0" * 6))
    p.connection_error(SIZE)


@case("6.5", "SETTINGS on a stream is an error of the connection")
def _(p):
    p.send(raw(4, 0, 1, b"\0\3\0\0\0\x64"))
    p.connection_error(PROTOCOL)


@case("6.5", "SETTINGS of another length is an error of the connection")
def _(p):
    p.send(raw(4, 0, 0, b"\0\3\0"))
    p.connection_error(SIZE)


def setting(number, value, *codes):
    @case("6.5.2", f"setting {number} of {value:#x} is {'an error of the connection' if codes else 'taken'}")
    def _(p):
        p.send(raw(4, 0, 0, struct.pack(">HI", number, value)))
        if codes:
            p.connection_error(*codes)
        else:
            p.alive()
            p.send(p.headers())
            p.answer()


setting(2, 2, PROTOCOL)
setting(2, 0)
setting(4, 0x80000000, FLOW)
setting(4, 0xffffffff, FLOW)
setting(5, 16383, PROTOCOL)
setting(5, 1 << 24, PROTOCOL)
setting(5, (1 << 24) - 1)
setting(1, 0)
setting(1, 1 << 20)
setting(0xff, 1)
setting(6, 1)


@case("6.5.3", "settings are acknowledged")
def _(p):
    p.send(SettingsFrame(0, {3: 50}))
    assert isinstance(p.until(lambda f: isinstance(f, SettingsFrame) and "ACK" in f.flags), SettingsFrame)


@case("6.5.3", "of a setting that is given twice the last counts")
def _(p):
    p.send(raw(4, 0, 0, struct.pack(">HIHI", 4, 100, 4, 1)), p.headers())
    found = p.until(lambda f: isinstance(f, DataFrame))
    assert isinstance(found, DataFrame) and len(found.data) == 1, p.summary()


# 6.6 PUSH_PROMISE

@case("6.6", "PUSH_PROMISE from a client is an error of the connection")
def _(p):
    p.send(PushPromiseFrame(1, 2, p.block(p.fields()), flags=["END_HEADERS"]))
    p.connection_error(PROTOCOL)


# 6.7 PING

@case("6.7", "PING is answered with its bytes")
def _(p):
    p.alive()


@case("6.7", "an ACK that nobody asked for is passed over")
def _(p):
    p.send(PingFrame(0, b"nobodyyy", flags=["ACK"]))
    p.alive()
    assert not any(isinstance(f, PingFrame) and f.opaque_data == b"nobodyyy" for f in p.frames)


@case("6.7", "PING on a stream is an error of the connection")
def _(p):
    p.send(raw(6, 0, 1, b"12345678"))
    p.connection_error(PROTOCOL)


@case("6.7", "PING of another length is an error of the connection")
def _(p):
    p.send(raw(6, 0, 0, b"123456"))
    p.connection_error(SIZE)


# 6.8 GOAWAY

@case("6.8", "GOAWAY on a stream is an error of the connection")
def _(p):
    p.send(raw(7, 0, 1, b"\0" * 8))
    p.connection_error(PROTOCOL)


@case("6.8", "after GOAWAY what runs is answered, and then the connection ends")
def _(p):
    half_closed(p)
    p.send(GoAwayFrame(0, 0, NO_ERROR))
    p.answer()
    assert p.until(lambda f: False) is None


@case("6.8", "GOAWAY too short is an error of the connection")
def _(p):
    p.send(raw(7, 0, 0, b"\0" * 7))
    p.connection_error(SIZE)


# 6.9 WINDOW_UPDATE

@case("6.9", "0 on the connection is an error of it")
def _(p):
    p.send(raw(8, 0, 0, b"\0" * 4))
    p.connection_error(PROTOCOL)


@case("6.9", "0 on a stream is an error of it")
def _(p):
    p.send(p.post(), raw(8, 0, 1, b"\0" * 4))
    p.stream_error(1, PROTOCOL)


@case("6.9", "another length is an error of the connection")
def _(p):
    p.send(raw(8, 0, 0, b"\0" * 3))
    p.connection_error(SIZE)


@case("6.9.1", "no more is sent than the window holds")
def _(p):
    p.send(SettingsFrame(0, {4: 1}), p.headers())
    found = p.until(lambda f: isinstance(f, DataFrame))
    assert isinstance(found, DataFrame) and len(found.data) == 1, p.summary()
    p.alive()
    assert len(p.bodies[1]) == 1


@case("6.9.1", "a window of the connection above 2^31-1 is an error of it")
def _(p):
    p.send(WindowUpdateFrame(0, (1 << 31) - 1), WindowUpdateFrame(0, (1 << 31) - 1))
    p.connection_error(FLOW)


@case("6.9.1", "a window of a stream above 2^31-1 is an error of it")
def _(p):
    p.send(p.post(), WindowUpdateFrame(1, (1 << 31) - 1), WindowUpdateFrame(1, (1 << 31) - 1))
    p.stream_error(1, FLOW)


@case("6.9.1", "a client that keeps to its windows can send more than they hold")
def _(p):
    body = b" " * 300_000 + p.chat()
    windows = {0: 65_535, 1: 65_536}
    for frame in p.frames:
        if isinstance(frame, WindowUpdateFrame):
            windows[frame.stream_id] += frame.window_increment
    p.send(p.post())
    while body:
        size = min(len(body), windows[0], windows[1], 16384)
        if size:
            p.send(DataFrame(1, body[:size], flags=["END_STREAM"] if size == len(body) else []))
            body = body[size:]
            windows = {stream: window - size for stream, window in windows.items()}
            continue
        found = p.until(lambda f: isinstance(f, WindowUpdateFrame) and f.stream_id in (0, 1))
        assert isinstance(found, WindowUpdateFrame), p.summary()
        windows[found.stream_id] += found.window_increment
    p.answer()


@case("6.9.1", "what a client sends beyond its window is an error")
def _(p):
    # Nothing is given back for a request that is answered; the connection's window is all that is left.
    p.send(p.headers(1, end=False, fields=[f if f[0] != "x-api-key" else ("x-api-key", "sk-no") for f in p.fields("POST", "/v1/chat/completions")])
           .serialize() + b"".join(DataFrame(1, b" " * 16384).serialize() for _ in range(5)))
    p.stream_error(1, FLOW, CLOSED, NO_ERROR)


@case("6.9.2", "a change of the initial window changes open streams")
def _(p):
    p.send(SettingsFrame(0, {4: 1}), p.headers())
    p.until(lambda f: isinstance(f, DataFrame))
    p.send(SettingsFrame(0, {4: 1000}))
    p.answer()


@case("6.9.2", "a window may be negative")
def _(p):
    p.send(SettingsFrame(0, {4: 3}), p.headers())
    p.until(lambda f: isinstance(f, DataFrame))
    p.send(SettingsFrame(0, {4: 2}))
    p.alive()
    p.send(WindowUpdateFrame(1, 2))
    found = p.until(lambda f: isinstance(f, DataFrame))
    assert isinstance(found, DataFrame) and len(found.data) == 1, p.summary()


@case("6.9.2", "an initial window that overflows a stream's is an error of the connection")
def _(p):
    p.send(p.post(), WindowUpdateFrame(1, 1 << 30), SettingsFrame(0, {4: (1 << 31) - 1}))
    p.connection_error(FLOW)


# 6.10 CONTINUATION

@case("6.10", "a block may be cut into pieces")
def _(p):
    block = p.block(p.fields())
    p.send(p.headers(flags=(), block=block[:5]), ContinuationFrame(1, block[5:6]), ContinuationFrame(1, b""),
           ContinuationFrame(1, block[6:], flags=["END_HEADERS"]))
    p.answer()


@case("6.10", "CONTINUATION behind a whole block is an error of the connection")
def _(p):
    p.send(p.post(), ContinuationFrame(1, b"", flags=["END_HEADERS"]))
    p.connection_error(PROTOCOL)


@case("6.10", "CONTINUATION on stream 0 is an error of the connection")
def _(p):
    p.send(p.headers(flags=()), raw(9, 4, 0, b""))
    p.connection_error(PROTOCOL)


@case("6.10", "CONTINUATION of another stream is an error of the connection")
def _(p):
    p.send(p.headers(flags=()), ContinuationFrame(3, b"", flags=["END_HEADERS"]))
    p.connection_error(PROTOCOL)


@case("6.10", "CONTINUATION behind DATA is an error of the connection")
def _(p):
    p.send(p.post(), DataFrame(1, b" "), ContinuationFrame(1, b"", flags=["END_HEADERS"]))
    p.connection_error(PROTOCOL)


# 7 Error codes

@case("7", "an unknown code in RST_STREAM does nothing more")
def _(p):
    p.send(p.post(), RstStreamFrame(1, 0xff))
    p.alive()


@case("7", "an unknown code in GOAWAY does nothing more")
def _(p):
    p.send(GoAwayFrame(0, 0, 0xff), PingFrame(0, b"12345678"))
    found = p.until(lambda f: isinstance(f, PingFrame) and "ACK" in f.flags)
    assert found is None or isinstance(found, PingFrame)


# 8 HTTP semantics

def malformed(section, text, change, *codes):
    @case(section, f"{text} is malformed")
    def _(p):
        p.send(p.headers(fields=change(p.fields())))
        p.stream_error(1, PROTOCOL, *codes)


def more(*fields):
    return lambda old: [*old, *fields]


def without(name):
    return lambda old: [field for field in old if field[0] != name]


def with_value(name, value):
    return lambda old: [(n, value if n == name else v) for n, v in old]


malformed("8.2", "a name in upper case", more(("X-Upper", "1")))
malformed("8.2", "a name with a space", more(("x y", "1")))
malformed("8.2", "an empty name", more(("", "1")), COMPRESSION)
malformed("8.2", "a name with a colon", more(("x:y", "1")))
malformed("8.2", "a value with a line feed", more(("x", "a\nb")))
malformed("8.2", "a value with a carriage return", more(("x", "a\rb")))
malformed("8.2", "a value with a zero byte", more(("x", "a\0b")))
malformed("8.2", "a value that begins with a space", more(("x", " a")))
malformed("8.2", "a value that ends with a tab", more(("x", "a\t")))
for name in ("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"):
    malformed("8.2.2", f"the field {name}", more((name, "x")))
malformed("8.2.2", "te other than trailers", more(("te", "trailers, deflate")))
malformed("8.3", "an unknown pseudo-field", lambda old: [(":test", "x"), *old])
malformed("8.3", "a pseudo-field of answers", lambda old: [(":status", "200"), *old])
malformed("8.3", "a pseudo-field behind a field", more((":method", "GET")))
malformed("8.3.1", "an empty path", with_value(":path", ""))
malformed("8.3.1", "a path that does not begin with a slash", with_value(":path", "v1/models"))
malformed("8.3.1", "a path with a space", with_value(":path", "/v1/mo dels"))
malformed("8.3.1", "an absolute path", with_value(":path", "http://127.0.0.1/v1/models"))
malformed("8.3.1", "a star for GET", with_value(":path", "*"))
malformed("8.3.1", "another scheme", with_value(":scheme", "gopher"))
malformed("8.3.1", "an authority with user information", with_value(":authority", "user@host"))
malformed("8.3.1", "an authority that is none", with_value(":authority", "a b"))
malformed("8.3.1", "a host that contradicts the authority", more(("host", "other.example")))
malformed("8.3.1", "neither authority nor host", without(":authority"))
for name in (":method", ":scheme", ":path"):
    malformed("8.3.1", f"no {name}", without(name))
for name, value in ((":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "127.0.0.1")):
    malformed("8.3.1", f"{name} twice", lambda old, n=name, v=value: [(n, v), *old])
malformed("8.5", "CONNECT with a path", with_value(":method", "CONNECT"))


@case("8.2.2", "te of trailers is allowed")
def _(p):
    p.send(p.headers(fields=p.fields(more=[("te", "trailers")])))
    p.answer()


@case("8.3.1", "a host in place of the authority is allowed")
def _(p):
    p.send(p.headers(fields=[*without(":authority")(p.fields()), ("host", "127.0.0.1")]))
    p.answer()


@case("8.1", "HEADERS within a body that do not end it are an error")
def _(p):
    p.send(p.post(), DataFrame(1, b" "), p.headers(1, end=False, fields=[("x", "y")]))
    p.stream_error(1, PROTOCOL)


@case("8.1", "trailers end a body")
def _(p):
    p.send(p.post(), DataFrame(1, p.chat()), p.headers(1, fields=[("x-checksum", "1")]))
    p.answer()


@case("8.1", "a pseudo-field in trailers is malformed")
def _(p):
    p.send(p.post(), DataFrame(1, p.chat()), p.headers(1, fields=[(":path", "/")]))
    p.stream_error(1, PROTOCOL)


def length(text, pieces, value):
    @case("8.1.1", f"content-length of {text} is malformed")
    def _(p):
        p.send(p.post(more=[("content-length", value)]), *[DataFrame(1, piece) for piece in pieces[:-1]],
               DataFrame(1, pieces[-1], flags=["END_STREAM"]))
        p.stream_error(1, PROTOCOL)


length("less than the body", [b"{}"], "1")
length("more than the body", [b"{}"], "3")
length("less than its pieces", [b"{", b" ", b"}"], "2")
length("a sign", [b"{}"], "+2")
length("no number", [b"{}"], "two")


@case("8.1.1", "content-length twice is malformed")
def _(p):
    p.send(p.post(more=[("content-length", "2"), ("content-length", "2")]), DataFrame(1, b"{}", flags=["END_STREAM"]))
    p.stream_error(1, PROTOCOL)


@case("8.1", "a refused request's body need not be sent to its end")
def _(p):
    p.send(p.headers(1, end=False, fields=[f if f[0] != "x-api-key" else ("x-api-key", "sk-no") for f in p.fields("POST", "/v1/chat/completions")]))
    p.answer(1, "401")
    p.stream_error(1, NO_ERROR)


@case("8.1", "cookies may come in crumbs")
def _(p):
    p.send(p.headers(fields=p.fields(more=[("cookie", "a=1"), ("cookie", "b=2")])))
    p.answer()


@case("8.7", "an answer in pieces, and one that is not streamed")
def _(p):
    p.send(p.post(), DataFrame(1, p.chat(3), flags=["END_STREAM"]), p.post(3), DataFrame(3, p.chat(3, False), flags=["END_STREAM"]))
    p.answer(1)
    p.answer(3)
    assert p.bodies[1].endswith(b"data: [DONE]\n\n") and json.loads(p.bodies[3])["usage"]["completion_tokens"] == 3


@case("8.2", "too many fields and too long a path are answered with 431 and 414")
def _(p):
    p.send(p.headers(1, fields=p.fields(more=[(f"x{i}", "1") for i in range(120)])), p.headers(3, fields=p.fields(path="/" + "a" * 9000)))
    p.answer(1, "431")
    p.answer(3, "414")


# RFC 7541

def compression(section, text, block):
    @case("HPACK " + section, text)
    def _(p):
        p.send(raw(1, 5, 1, block(p)))
        p.connection_error(COMPRESSION)


compression("2.3.3", "an index beyond the tables", lambda p: p.block(p.fields()) + b"\xff\x7f")
compression("4.2", "a change of the table's size behind a field", lambda p: p.block(p.fields()) + b"\x20")
compression("5.1", "an integer that overflows", lambda p: b"\x7f" + b"\xff" * 12)
compression("5.2", "Huffman padding above seven bits", lambda p: p.block(p.fields()) + b"\x00\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff")
compression("5.2", "Huffman padding of zeros", lambda p: p.block(p.fields()) + b"\x00\x85\xf2\xb2\x4a\x84\xff\x83\x49\x50\x90")
compression("5.2", "EOS in a string", lambda p: p.block(p.fields()) + b"\x00\x85\xf2\xb2\x4a\x84\xff\x87\xff\xff\xff\xfd\x25\x42\x7f")
compression("5.2", "a string longer than its block", lambda p: b"\x40\x0aabc")
compression("6.1", "index 0", lambda p: p.block(p.fields()) + b"\x80")
compression("6.3", "a table larger than allowed", lambda p: b"\x3f\xe1\xff\x03" + p.block(p.fields()))


@case("HPACK 6.3", "smaller tables are taken")
def _(p):
    p.send(raw(1, 5, 1, b"\x20" + p.block(p.fields())))
    p.answer()


# Floods: GOAWAY, and the connection closed.

def flood(section, text, make, times=20_000, codes=(CALM, PROTOCOL)):
    @case("flood " + section, text)
    def _(p):
        sent = 0
        while sent < times and not p.is_closed:
            p.send(b"".join(make(p, i) for i in range(sent, sent + 200)))
            sent += 200
        p.connection_error(*codes)
        return sent


flood("rapid reset", "streams that are opened and reset",
      lambda p, i: p.headers(2 * i + 1).serialize() + RstStreamFrame(2 * i + 1, CANCEL).serialize())
flood("reset by us", "streams that make the server reset them",
      lambda p, i: p.headers(2 * i + 1, fields=p.fields(more=[("connection", "x")])).serialize())
flood("CONTINUATION", "a block that never ends",
      lambda p, i: (p.headers(1, flags=()).serialize() if i == 0 else b"") + ContinuationFrame(1, b"").serialize())
flood("SETTINGS", "settings without end", lambda p, i: SettingsFrame(0, {3: i}).serialize())
flood("PING", "pings without end", lambda p, i: PingFrame(0, b"12345678").serialize())
flood("PRIORITY", "priorities without end", lambda p, i: PriorityFrame(2 * i + 1, depends_on=0).serialize())
flood("WINDOW_UPDATE", "windows without end", lambda p, i: WindowUpdateFrame(0, 1).serialize())
flood("unknown frames", "frames of an unknown type without end", lambda p, i: raw(0x42, 0, 2 * i + 1, b"x"))
flood("empty DATA", "empty frames without end", lambda p, i: (p.post().serialize() if i == 0 else b"") + DataFrame(1, b"").serialize())


@case("flood fields", "a header list above its bound")
def _(p):
    # Two bytes on the wire are four kilobytes in memory.
    first = p.block([*p.fields(), ("x", "a" * 3900)])
    p.send(p.headers(1, block=first + b"\xbe" * 4000))
    found = p.until(lambda f: isinstance(f, (GoAwayFrame, RstStreamFrame)) or (isinstance(f, HeadersFrame) and f.stream_id == 1))
    assert found is None or isinstance(found, (GoAwayFrame, RstStreamFrame)) or p.heads[1][":status"] == "431", p.summary()


def main():
    failed = 0
    for section, text, function in CASES:
        peer = None
        try:
            peer = Peer()
            function(peer)
        except Exception as error:
            failed += 1
            print(f"FAILED {section} {text}: {type(error).__name__} {error}")
        finally:
            if peer:
                peer.close()
    print(json.dumps({"passed": len(CASES) - failed, "failed": failed, "sections": len({section for section, _, _ in CASES})}))


main()
