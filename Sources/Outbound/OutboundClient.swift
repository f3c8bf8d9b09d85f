/// Calls other servers over HTTP/1.1 and HTTP/2. Connections are kept and reused for as long as the client lives.
///
/// All of libcurl runs on one thread of the client's own; callers suspend. Ends with `shutdown`, or when the last reference is gone.
package final class OutboundClient: Sendable {
    private let engine: TransferEngine

    /// - Parameters:
    ///   - connectionsPerHost: bound on open connections to one host and port.
    ///   - concurrentCalls: calls above it fail with `overloaded` at once.
    package init(connectionsPerHost: Int = 8, concurrentCalls: Int = 1024) {
        engine = TransferEngine(connectionsPerHost: connectionsPerHost, concurrentCalls: concurrentCalls)
    }

    deinit { engine.shutdown() }

    /// Sends a request and waits for the whole answer. Cancelling the task aborts the transfer.
    package func send(_ request: OutboundRequest) async throws(OutboundError) -> OutboundResponse {
        let transfer = try engine.start(request, collects: true)
        return try await withTaskCancellationHandler {
            await transfer.response()
        } onCancel: {
            transfer.cancel()
        }.get()
    }

    /// Sends a request and hands over the answer as it comes in. The transfer ends when `consume` returns or throws.
    ///
    /// The server is slowed down while `consume` does not ask for the next piece.
    package func withStream<Result: Sendable>(
        _ request: OutboundRequest, _ consume: (OutboundHead, OutboundResponseBody) async throws -> Result
    ) async throws -> Result {
        let transfer = try engine.start(request, collects: false)
        defer { transfer.cancel() }
        return try await withTaskCancellationHandler {
            let head = try await transfer.head().get()
            return try await consume(head, OutboundResponseBody(transfer: transfer))
        } onCancel: {
            transfer.cancel()
        }
    }

    /// Aborts all calls and closes all connections. Calls after it fail with `shutDown`.
    package func shutdown() {
        engine.shutdown()
    }
}

/// The pieces of an answer in order. One consumer.
package struct OutboundResponseBody: AsyncSequence, Sendable {
    package typealias Element = [UInt8]
    package typealias Failure = any Error

    let transfer: Transfer

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(transfer: transfer)
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        let transfer: Transfer

        package mutating func next() async throws -> [UInt8]? {
            try await transfer.nextPiece().get()
        }
    }
}
