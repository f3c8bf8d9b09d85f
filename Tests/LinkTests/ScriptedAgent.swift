import NIOCore
import Synchronization

@testable import Link

/// The agent's side of a test. What it does is said by the worker's name in the request:
/// `tokens` answers 8 pieces, `length` the number of bytes of the prompt, `window` how long it may wait for others, `hang` nothing, `head` a head only, `flood` as much as is taken,
/// `turns` the same with one frame in each turn of the loop, as a runtime's answer comes in, `held` more than a gateway's window, and its end at once, `cut` a head and a reset, `refuse` an answer before the prompt was read.
final class ScriptedAgent: LinkServing {
    struct Seen: Sendable {
        var requests = 0
        var resets = 0
        /// Answers that this side has given to the end.
        var ended = 0
        /// Streams that are over, in whatever way.
        var over = 0
        var reports = 0
        /// Most bytes that `flood` or `turns` had buffered, and what it had sent when it was told to wait for the first time.
        var mostBuffered = 0
        var sentBeforeWaiting: Int?
    }

    let seen = Watched(Seen())

    func serve(_ request: LinkRequest, on stream: LinkServerStream) -> any LinkStreamReceiver {
        if request.path == LinkName.reports {
            stream.sendHead(status: 200, contentType: "application/jsonl")
            stream.sendBody(ByteBuffer(string: "{\"report\":1}\n{\"rep"))
            stream.sendBody(ByteBuffer(string: "ort\":2}\n"))
            seen.change { $0.reports += 1 }
        } else {
            seen.change { $0.requests += 1 }
        }
        return ScriptedRequest(request, stream, seen)
    }
}

final class ScriptedRequest: LinkStreamReceiver {
    private let request: LinkRequest
    private let stream: LinkServerStream
    private let seen: Watched<ScriptedAgent.Seen>
    private var received = 0
    private var sent = 0

    /// Of the answer of `turns`.
    static let turnsLength = 256 * 40 * 1024

    init(_ request: LinkRequest, _ stream: LinkServerStream, _ seen: Watched<ScriptedAgent.Seen>) {
        self.request = request
        self.stream = stream
        self.seen = seen
        guard request.worker == "refuse" else { return }
        stream.sendHead(status: 404, contentType: "application/json", refusal: "unknown_worker")
        stream.sendEnd()
    }

    func streamBody(_ bytes: ByteBuffer) { received += bytes.readableBytes }

    func streamEnd() {
        switch request.worker {
        case "tokens":
            stream.sendHead(status: 200, contentType: "text/event-stream")
            token(0)
        case "length":
            stream.sendHead(status: 200, contentType: "application/json")
            stream.sendBody(ByteBuffer(string: String(received)))
            stream.sendEnd()
        case "window":
            stream.sendHead(status: 200, contentType: "application/json")
            stream.sendBody(ByteBuffer(string: String(request.batchWindow)))
            stream.sendEnd()
        case "head":
            stream.sendHead(status: 200, contentType: "text/event-stream")
            stream.sendBody(ByteBuffer(string: "data: 0\n\n"))
        case "flood":
            stream.sendHead(status: 200, contentType: "text/event-stream")
            flood()
        case "turns":
            stream.sendHead(status: 200, contentType: "application/json")
            turn()
        case "held":
            stream.sendHead(status: 200, contentType: "text/event-stream")
            stream.sendBody(ByteBuffer(repeating: UInt8(ascii: "x"), count: 400 * 1024))
            stream.sendEnd()
            seen.change { $0.ended += 1 }
        case "cut":
            stream.sendHead(status: 200, contentType: "text/event-stream")
            stream.eventLoop.assumeIsolated().execute { self.stream.reset() }
        default: break
        }
    }

    func streamWritable() {
        if request.worker == "turns" { turn() } else { flood() }
    }

    func streamReset() { seen.change { $0.resets += 1 } }

    func streamOver() { seen.change { $0.over += 1 } }

    /// One piece each 20 ms.
    private func token(_ index: Int) {
        guard index < 8 else { return stream.sendEnd() }
        stream.sendBody(ByteBuffer(string: "data: \(index)\n\n"))
        stream.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(20)) { self.token(index + 1) }
    }

    private func flood() {
        let piece = ByteBuffer(repeating: UInt8(ascii: "x"), count: 4096)
        while stream.isWritable, sent < 4 << 20 {
            stream.sendBody(piece)
            sent += piece.readableBytes
        }
        noteBuffered()
        if sent >= 4 << 20 { stream.sendEnd() }
    }

    private func turn() {
        let piece = ByteBuffer(repeating: UInt8(ascii: "x"), count: 40 * 1024)
        stream.sendBody(piece)
        sent += piece.readableBytes
        guard sent < ScriptedRequest.turnsLength else { return stream.sendEnd() }
        guard stream.isWritable else { return noteBuffered() }
        stream.eventLoop.assumeIsolated().execute { self.turn() }
    }

    private func noteBuffered() {
        let (sent, buffered) = (sent, stream.bufferedBytes)
        seen.change { seen in
            seen.mostBuffered = max(seen.mostBuffered, buffered)
            if seen.sentBeforeWaiting == nil { seen.sentBeforeWaiting = sent }
        }
    }
}
