import Foundation
package import Glibc

/// Runs host tools for fixtures.
package enum ToolRun {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// Waits for the tool on a thread of its own. Its output is thrown away; a status other than zero is thrown as a `Failure`.
    package static func run(_ arguments: [String]) async throws {
        let child = try spawn(arguments)
        let status = await withCheckedContinuation { continuation in
            // Not a dispatch queue: those share their threads with the tasks of all tests.
            Thread.detachNewThread {
                var status: Int32 = 0
                while waitpid(child, &status, 0) < 0, errno == EINTR {}
                continuation.resume(returning: status)
            }
        }
        guard status == 0 else { throw Failure(description: "\(arguments.joined(separator: " ")) ended with status \(status >> 8)") }
    }

    /// Starts a tool and returns its process id. `input` becomes its standard input; without it, and for its output, it gets `/dev/null`.
    package static func spawn(_ arguments: [String], input: Int32? = nil) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        try Inheritance.end(&actions)
        let copies = arguments.map { strdup($0) }
        defer { copies.forEach { free($0) } }
        var child = pid_t()
        let status = posix_spawnp(&child, arguments[0], &actions, nil, copies + [nil], environ)
        guard status == 0 else { throw Failure(description: "\(arguments[0]) could not be started: \(status)") }
        return child
    }
}
