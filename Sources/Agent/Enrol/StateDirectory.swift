import Cryptography
import FoundationEssentials
import Glibc

/// The folder that holds everything an agent must remember: its key, its certificate, its journal, and which runtimes it started.
/// Mode 0700, whatever it was; every file 0600 and replaced in one step.
package struct StateDirectory: Sendable {
    package let path: String

    package var key: String { path + "/key.pem" }
    package var credentials: String { path + "/credentials.json" }
    package var journal: String { path + "/operations.journal" }

    var lock: String { path + "/lock" }
    /// What was read of weights, so that it is not read again.
    var weights: String { path + "/weights.json" }

    func processRecord(runtime: String) -> String { "\(path)/runtimes/\(runtime).pid" }
    func runtimeLog(_ runtime: String) -> String { "\(path)/logs/\(runtime).log" }

    /// Makes the folders that are missing.
    package init(path: String) throws(AgentError) {
        self.path = path
        try Self.makeFolder(path)
        try Self.closeToOthers(path)
        for folder in [path + "/runtimes", path + "/logs"] { try Self.makeFolder(folder) }
        guard access(path, W_OK) == 0 else { throw Self.failure("the state directory \(path) cannot be written") }
    }

    private static func makeFolder(_ path: String) throws(AgentError) {
        var partial = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            partial += "/" + part
            guard mkdir(partial, 0o700) == 0 || errno == EEXIST || errno == EROFS else {
                throw failure("the folder \(partial) cannot be made")
            }
        }
        var facts = stat()
        guard stat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR else { throw failure("\(path) is no folder") }
    }

    /// A folder that was meant for others, such as /var/lib by mistake, is refused and stays open to them.
    private static func closeToOthers(_ path: String) throws(AgentError) {
        var facts = stat()
        guard stat(path, &facts) == 0 else { throw failure("\(path) cannot be looked at") }
        guard facts.st_mode & 0o077 != 0 else { return }
        let contents = try? FileManager.default.contentsOfDirectory(atPath: path)
        let isOurs = facts.st_uid == geteuid() && (contents?.isEmpty == true || contents?.contains("runtimes") == true)
        guard isOurs else { throw AgentError(.state, "other users can enter \(path): give the agent a folder of its own, with mode 0700") }
        guard chmod(path, 0o700) == 0 else { throw failure("\(path) cannot be closed to other users") }
    }

    private static func failure(_ message: String) -> AgentError {
        AgentError(.state, "\(message): \(String(cString: strerror(errno)))")
    }
}
