import Cryptography
import FoundationEssentials
import Glibc
import Testing

/// A folder of one test, gone with it, in which the openssl command line runs.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/plimsoll-cryptography-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        path = String(cString: made)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func write(_ name: String, _ text: String) throws {
        try write(name, Array(text.utf8))
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        try SecretFile.write(bytes, to: path + "/" + name)
    }

    func read(_ name: String) throws -> String {
        String(decoding: try SecretFile.read(path + "/" + name), as: UTF8.self)
    }

    func mode(_ name: String) throws -> mode_t {
        var status = stat()
        try #require(stat(path + "/" + name, &status) == 0)
        return status.st_mode & 0o777
    }

    func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).filter { $0 != "output" }.sorted()
    }

    func run(_ arguments: [String]) throws {
        let result = try openssl(arguments)
        try #require(result.status == 0, "\(result.output)")
    }

    /// Runs `openssl` here and waits for its end; both of its outputs together.
    func openssl(_ arguments: [String]) throws -> (status: Int32, output: String) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, path + "/output", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        let words = (["sh", "-c", "cd \"$0\" && exec openssl \"$@\"", path] + arguments).map { strdup($0) }
        defer { words.forEach { free($0) } }
        var process: pid_t = 0
        try #require(posix_spawnp(&process, "sh", &actions, nil, words + [nil], environ) == 0)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return (status, try read("output"))
    }
}
