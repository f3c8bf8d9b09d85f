/// Waiting for a fact with a deadline.
package enum Waiting {
    package struct Timeout: Error, CustomStringConvertible {
        package let description: String
    }

    /// Looks at the condition every 20 ms.
    package static func until(_ what: String, within limit: Duration, _ condition: () async throws -> Bool) async throws {
        let end = ContinuousClock.now + limit
        while try await !condition() {
            guard ContinuousClock.now < end else { throw Timeout(description: "waited \(limit) for: \(what)") }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
