package import ServiceLifecycle

/// Loops that need nothing of each other. A group of services ends one after the other; these end together, so that a database that is frozen
/// holds the program's end up once and not for each of them.
package struct BackgroundLoops: Service {
    private let loops: [any Service]

    package init(_ loops: [any Service]) {
        self.loops = loops
    }

    /// Until all have ended; the first that throws ends the others.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for loop in loops {
                group.addTask { try await loop.run() }
            }
            while try await group.next() != nil {}
        }
    }
}
