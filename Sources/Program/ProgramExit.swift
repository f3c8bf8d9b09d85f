package import ArgumentParser
import Glibc

/// Exit codes of all programs.
package enum ProgramExit {
    package static let refused = ExitCode(1)
    /// Nothing went wrong, and what was to be shown is not shown.
    package static let unproven = ExitCode(2)
    package static let unreachable = ExitCode(3)
    /// Wrong arguments or settings; `EX_USAGE`.
    package static let usage = ExitCode(64)

    /// Runs a reader of settings. Faults are printed on standard error, all of them, and end the command with `usage`.
    package static func reading<Settings>(_ read: () throws -> Settings) throws -> Settings {
        do {
            return try read()
        } catch let faults as SettingsFaults {
            complain(faults.description)
            throw usage
        }
    }

    /// What `check-config` does: reads, and says that all is well when it is.
    package static func checkConfiguration(_ read: () throws -> some Any) throws {
        _ = try reading(read)
        write("The settings are good.\n", to: STDOUT_FILENO)
    }

    /// A line on standard error for the person at the terminal.
    package static func complain(_ text: String) {
        write(text + "\n", to: STDERR_FILENO)
    }

    private static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
