import NIOCore
import NIOHTTP1

/// Writes one HTTP answer on its connection's event loop.
final class ResponseWriter {
    private let channel: any Channel
    private let keepsAlive: Bool
    private let dialect: Dialect
    /// Bytes that wait for their turn when the answer drips; nil: bytes go out as they come.
    private var drops: [UInt8]?
    private var atEmpty: (() -> Void)?
    private var isDripping = false

    var isWritable: Bool { channel.isWritable }

    init(channel: any Channel, keepsAlive: Bool, dialect: Dialect) {
        self.channel = channel
        self.keepsAlive = keepsAlive
        self.dialect = dialect
    }

    /// From now on one byte at a time, a millisecond apart.
    func drip() {
        drops = []
    }

    func whole(_ status: HTTPResponseStatus, type: String = "application/json", _ body: String) {
        head(status, type: type, length: body.utf8.count)
        text(body)
        end()
    }

    /// Without a length the body is chunked.
    func head(_ status: HTTPResponseStatus, type: String, length: Int? = nil) {
        var headers = HTTPHeaders([("Server", dialect == .vllm ? "uvicorn" : "llama.cpp"), ("Content-Type", type)])
        if let length { headers.add(name: "Content-Length", value: String(length)) }
        if !keepsAlive { headers.add(name: "Connection", value: "close") }
        channel.writeAndFlush(HTTPServerResponsePart.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers)), promise: nil)
    }

    func text(_ text: String) {
        guard drops == nil else {
            drops?.append(contentsOf: text.utf8)
            pump()
            return
        }
        write(channel.allocator.buffer(string: text))
    }

    func end() {
        afterDrops { [self] in
            let sent = channel.writeAndFlush(HTTPServerResponsePart.end(nil))
            if !keepsAlive { sent.assumeIsolated().whenComplete { [channel] _ in channel.close(promise: nil) } }
        }
    }

    /// Closes without an end of the answer.
    func cut() {
        afterDrops { [channel] in channel.close(promise: nil) }
    }

    private func write(_ buffer: ByteBuffer) {
        channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(buffer)), promise: nil)
    }

    private func afterDrops(_ action: @escaping () -> Void) {
        guard isDripping else { return action() }
        atEmpty = action
    }

    private func pump() {
        guard !isDripping else { return }
        isDripping = true
        dropNext()
    }

    private func dropNext() {
        guard channel.isActive, let first = drops?.first else {
            isDripping = false
            let action = atEmpty
            atEmpty = nil
            action?()
            return
        }
        drops?.removeFirst()
        write(ByteBuffer(bytes: [first]))
        channel.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(1)) { self.dropNext() }
    }
}
