import Glibc
import NIOCore
import NIOPosix
import Reactor
import Testing

/// A socket of a reactor and, for the test, the plain descriptor of its other end.
final class SocketPair {
    let near: StreamSocket
    let far: Int32
    let seen: Recorder

    /// On the loop. Bytes that the system holds for either end are few.
    init(on loop: any EventLoop) throws {
        var ends: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw IOError(errnoCode: errno, reason: "socketpair")
        }
        var small: Int32 = 16 * 1024
        for end in ends { setsockopt(end, SOL_SOCKET, SO_SNDBUF, &small, socklen_t(MemoryLayout<Int32>.size)) }
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(ends[1], SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0, let near = StreamSocket(connected: ends[0], reactor: .on(loop)) else {
            throw IOError(errnoCode: errno, reason: "a pair of sockets")
        }
        self.near = near
        far = ends[1]
        seen = Recorder(loop)
        near.handler = seen
    }

    func send(_ text: String) {
        var text = text
        text.withUTF8 { #expect(Glibc.write(far, $0.baseAddress, $0.count) == $0.count) }
    }

    func hangUp() { Glibc.close(far) }

    /// Reads up to the end, off the loop.
    static func readAll(_ far: Int32) -> [UInt8] {
        var (all, piece) = ([UInt8](), [UInt8](repeating: 0, count: 65536))
        while true {
            let count = Glibc.read(far, &piece, piece.count)
            guard count > 0 else { return all }
            all += piece[..<count]
        }
    }

    /// Runs on a loop of NIO's and closes what was opened.
    static func run<Value: Sendable>(
        _ body: @escaping @Sendable (SocketPair) throws -> EventLoopFuture<Value>
    ) async throws -> Value {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        return try await loop.flatSubmit {
            do {
                let pair = try SocketPair(on: loop)
                let result = try body(pair)
                result.assumeIsolated().whenComplete { _ in pair.near.close() }
                return result
            } catch {
                return loop.makeFailedFuture(error)
            }
        }.get()
    }
}

/// Writes down what a stream tells.
final class Recorder: StreamHandler {
    private(set) var text = ""
    /// How much is still to be read to a place of its own, and what was.
    var room = 0
    private(set) var filled = ""
    private(set) var events: [String] = []
    private let loop: any EventLoop
    private var waiting: [(String, EventLoopPromise<String>)] = []
    var onEvent: (String) -> Void = { _ in }

    init(_ loop: any EventLoop) {
        self.loop = loop
    }

    /// What had been received when the event came.
    func when(_ event: String) -> EventLoopFuture<String> {
        let promise = loop.makePromise(of: String.self)
        if events.contains(event) { promise.succeed(text) } else { waiting.append((event, promise)) }
        return promise.futureResult
    }

    private func note(_ event: String) {
        events.append(event)
        onEvent(event)
        for (wanted, promise) in waiting where wanted == event { promise.succeed(text) }
        waiting.removeAll { $0.0 == event }
    }

    func fill(_ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int? {
        guard room > 0 else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: room, alignment: 1) { place in
            let count = read(place)
            if count > 0 {
                room -= count
                filled += String(decoding: place[..<count], as: UTF8.self)
            }
            return count
        }
    }

    func received(_ bytes: UnsafeRawBufferPointer) { text += String(decoding: bytes, as: UTF8.self) }
    func receivedAll() { note("received") }
    func inputEnded() { note("ended") }
    func writableChanged(_ isWritable: Bool) { note(isWritable ? "writable" : "full") }
    func closed() { note("closed") }
}
