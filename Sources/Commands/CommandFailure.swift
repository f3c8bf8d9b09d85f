import ArgumentParser
import Program

/// Why a command did not do what it was asked for, and the exit code that says so.
package struct CommandFailure: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        private enum Kind {
            case refused, unreachable, usage
        }

        private let kind: Kind

        /// The server, or the machine, said no.
        package static let refused = Code(kind: .refused)
        /// Nobody answered.
        package static let unreachable = Code(kind: .unreachable)
        package static let usage = Code(kind: .usage)

        var exit: ExitCode {
            switch kind {
            case .refused: ProgramExit.refused
            case .unreachable: ProgramExit.unreachable
            case .usage: ProgramExit.usage
            }
        }
    }

    package var code: Code
    package var message: String
    /// The server's code of its refusal.
    package var refusal: String?
    package var cause: (any Error)?

    package init(_ code: Code, _ message: String, refusal: String? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.refusal = refusal
        self.cause = cause
    }

    package var description: String { message }

    /// Runs a command's work; a failure is printed on standard error and becomes the exit code.
    static func reporting<Value>(_ work: () async throws -> Value) async throws -> Value {
        do {
            return try await work()
        } catch let failure as CommandFailure {
            ProgramExit.complain("plimsoll: \(failure.message)")
            throw failure.code.exit
        }
    }
}
