import Testing

/// Waits until something holds, at most a minute.
func until(_ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while try await !condition() {
        try #require(ContinuousClock.now < deadline, "it never came true")
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// What never answers; ends by cancellation.
func silence() async throws {
    try await Task.sleep(for: .seconds(60))
}
