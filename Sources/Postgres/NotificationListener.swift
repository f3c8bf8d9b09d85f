package import Logging

/// What a listener tells. Notifications only wake: after each `connected` some may have been missed, so look at the tables.
package enum NotificationEvent: Sendable, Equatable {
    /// Connected and listening, for the first time or again.
    case connected
    case notified(channel: String, payload: String)
}

/// Listens on a connection of its own and comes back by itself when that breaks.
package struct NotificationListener: Sendable {
    /// For one reader. Holds 1,024 events; when the reader is slower the oldest go, which is harmless because they only wake.
    package let events: AsyncStream<NotificationEvent>
    private let sink: AsyncStream<NotificationEvent>.Continuation
    private let configuration: PostgresConfiguration
    private let channels: [StaticString]
    private let logger: Logger

    package init(configuration: PostgresConfiguration, channels: [StaticString], logger: Logger) {
        self.configuration = configuration
        self.channels = channels
        self.logger = logger
        (events, sink) = AsyncStream.makeStream(of: NotificationEvent.self, bufferingPolicy: .bufferingNewest(1_024))
    }

    /// Runs until the task is cancelled, then ends `events`.
    package func run() async {
        var backoff = Backoff()
        while !Task.isCancelled {
            do {
                try await listen(&backoff)
            } catch {
                if Task.isCancelled { break }
                logger.warning("Notifications are interrupted, connecting again", metadata: ["error.code": "\(code(error))"])
                // Cancellation is seen by the loop's condition.
                try? await Task.sleep(for: backoff.next())
            }
        }
        sink.finish()
    }

    private func listen(_ backoff: inout Backoff) async throws {
        let connection = try await PostgresConnection.connect(configuration)
        for channel in channels {
            var statement: SQL = "LISTEN "
            statement.pieces.append(.text(SQL.quoted(channel.description)))
            try await connection.execute(statement)
        }
        backoff.reset()
        sink.yield(.connected)
        while true {
            let arrived = try await connection.notifications(within: .seconds(15))
            for (channel, payload) in arrived {
                sink.yield(.notified(channel: channel, payload: payload))
            }
            // A silent network looks like a silent channel; asking tells them apart.
            if arrived.isEmpty { try await connection.execute("SELECT 1") }
        }
    }

    private func code(_ error: any Error) -> String {
        (error as? PostgresError)?.code.rawValue ?? "other"
    }
}
