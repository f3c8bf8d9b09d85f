import Foundation

/// Another wall clock for a program that is started; its monotonic clock stays the machine's.
package enum FakeClock {
    /// - Parameter shift: As `faketime` has it, such as `+240`, or where to read it from while the program runs.
    package static func environment(_ shift: String, file: String? = nil) throws -> [String: String] {
        var variables = ["LD_PRELOAD": try library(), "FAKETIME_DONT_FAKE_MONOTONIC": "1"]
        if let file {
            try Data(shift.utf8).write(to: URL(filePath: file))
            variables["FAKETIME_TIMESTAMP_FILE"] = file
            variables["FAKETIME_NO_CACHE"] = "1"
        } else {
            variables["FAKETIME"] = shift
        }
        return variables
    }

    private static func library() throws -> String {
        let folders = try FileManager.default.contentsOfDirectory(atPath: "/usr/lib").map { "/usr/lib/\($0)/faketime/libfaketimeMT.so.1" }
        guard let found = folders.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
            throw Waiting.Timeout(description: "the package faketime is not installed")
        }
        return found
    }
}
