import Foundation

/// Where things lie: this clone, the programs that were built with the tests, and the Python environments that `Deploy/test` made.
package enum Checkout {
    package static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    /// The programs stand beside the test bundle.
    package static func program(_ name: String) -> String {
        let executable = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        return executable.deletingLastPathComponent().appendingPathComponent(name).path
    }

    package static func script(_ name: String) -> String {
        root + "/Tests/TestSupport/Python/" + name
    }

    /// The interpreter of one of the environments.
    package static func python(_ environment: String) -> String {
        pythonFolder + "/" + environment + "/bin/python"
    }

    package static var tinyModel: String { pythonFolder + "/tiny.gguf" }

    private static let pythonFolder = ProcessInfo.processInfo.environment["PLIMSOLL_TEST_PYTHON"] ?? root + "/.build-python"
}
