/// Work that is cancelled when it takes too long.
enum TimeLimit {
    static func run(_ limit: Duration, _ work: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await work() }
            group.addTask {
                try await Task.sleep(for: limit)
                throw MeterError(.refused, "not done within \(limit)")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}
