package import Foundation
import Glibc
import Synchronization

/// A wall clock that a test moves while the programs that it was given to run, all of them at the same instant; their monotonic clocks stay the
/// machine's.
package final class MovableClock: Sendable {
    private let folder = "/tmp/plimsoll-clock-" + UUID().uuidString.prefix(8).lowercased()
    private let shift: Mutex<Int64>
    /// For programs that are to live by it, and for what they start.
    package var environment: [String: String] { ["LD_PRELOAD": folder + "/clock.so", "MOVABLE_CLOCK": folder + "/shift"] }

    /// The moment at which those programs are now.
    package var now: Date { Date(timeIntervalSinceNow: TimeInterval(shift.withLock { $0 })) }

    /// Lends one for the length of a test.
    package static func with(startingAt moment: Date = .now, _ body: (MovableClock) async throws -> Void) async throws {
        let clock = try await MovableClock(moment)
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(clock))
        } catch {
            result = .failure(error)
        }
        try FileManager.default.removeItem(atPath: clock.folder)
        try result.get()
    }

    private init(_ moment: Date) async throws {
        shift = Mutex(Int64(moment.timeIntervalSinceNow.rounded()))
        // Read by the account of PostgreSQL too.
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        let source = Checkout.root + "/Tests/TestSupport/Clock/movable_clock.c"
        try await ToolRun.run(["cc", "-shared", "-fPIC", "-O2", "-o", folder + "/clock.so", source])
        try write(shift.withLock { $0 })
    }

    package func move(by seconds: TimeInterval) throws {
        try write(
            shift.withLock { shift in
                shift += Int64(seconds.rounded())
                return shift
            })
    }

    /// Never back.
    package func move(to moment: Date) throws {
        try move(by: max(0, moment.timeIntervalSince(now)))
    }

    /// In place: programs have these bytes in their memory.
    private func write(_ seconds: Int64) throws {
        let handle = open(folder + "/shift", O_WRONLY | O_CREAT, 0o644)
        guard handle >= 0 else { throw Waiting.Timeout(description: "the clock of \(folder) cannot be set") }
        let file = FileHandle(fileDescriptor: handle, closeOnDealloc: true)
        try file.write(contentsOf: withUnsafeBytes(of: seconds) { Data($0) })
    }
}
