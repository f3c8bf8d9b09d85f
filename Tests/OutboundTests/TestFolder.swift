import Glibc

/// A folder of its own for a test, removed with it.
final class TestFolder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/outbound-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw TestFault("mkdtemp failed") }
        path = String(cString: made)
    }

    deinit {
        try? runToEnd("/bin/rm", ["-rf", path])
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func write(_ name: String, _ text: String) throws {
        guard let file = fopen(file(name), "w") else { throw TestFault("cannot write \(name)") }
        fputs(text, file)
        fclose(file)
    }

    func read(_ name: String) throws -> String {
        guard let file = fopen(file(name), "r") else { throw TestFault("cannot read \(name)") }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}

struct TestFault: Error {
    let text: String

    init(_ text: String) {
        self.text = text
    }
}

func spawn(_ program: String, _ arguments: [String], output: String = "/dev/null") throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_RDWR | O_CREAT, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_RDWR, 0)
    var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
    defer { words.forEach { free($0) } }
    var pid = pid_t()
    guard posix_spawn(&pid, program, &actions, nil, &words, environ) == 0 else { throw TestFault("cannot start \(program)") }
    return pid
}

func runToEnd(_ program: String, _ arguments: [String]) throws {
    let pid = try spawn(program, arguments)
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    guard status == 0 else { throw TestFault("\(program) \(arguments.first ?? "") ended with \(status)") }
}

/// A server program, ended with the test.
final class ServerProcess: Sendable {
    private let pid: pid_t

    init(_ program: String, _ arguments: [String], output: String = "/dev/null") throws {
        pid = try spawn(program, arguments, output: output)
    }

    deinit {
        kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
    }
}
