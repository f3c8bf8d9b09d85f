import FoundationEssentials
import Glibc

/// Where everything of one installation stands: folders, ports, programs.
struct DevLayout: Sendable {
    let state: String
    let base: Int
    /// Folder of the running program; the others stand beside it.
    let programs: String

    /// `PLIMSOLL_STATE` (default `.plimsoll` in the working folder) and `PLIMSOLL_PORT_BASE` (default 7700).
    init(environment: [String: String]) throws(CommandFailure) {
        let named = environment["PLIMSOLL_STATE"] ?? ""
        let text = named.isEmpty ? ".plimsoll" : named
        guard ![".", ".."].contains(text.split(separator: "/").last ?? ".") else {
            throw CommandFailure(.usage, "PLIMSOLL_STATE must name a folder of its own, is \(text)")
        }
        var path = text.hasPrefix("/") ? text : "\(FileManager.default.currentDirectoryPath)/\(text)"
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        state = path
        guard let base = Int(environment["PLIMSOLL_PORT_BASE"] ?? "7700"), (1024...65_000).contains(base) else {
            throw CommandFailure(.usage, "PLIMSOLL_PORT_BASE must be a number from 1024 to 65000")
        }
        self.base = base
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { throw CommandFailure(.refused, "the folder of this program cannot be found") }
        let executable = String(decoding: buffer[..<count], as: UTF8.self)
        programs = String(executable[..<(executable.lastIndex(of: "/") ?? executable.startIndex)])
    }

    static let providers = ["alpha", "beta"]

    var adminURL: String { "http://127.0.0.1:\(base)" }
    /// Evidence, status page and reports by link, without a token.
    var publicURL: String { "http://127.0.0.1:\(base + 2)" }
    var url: String { "http://127.0.0.1:\(base + 100)" }
    var controlURL: String { "https://127.0.0.1:\(base + 1)" }
    func agentOperationsPort(_ index: Int) -> Int { base + 202 + 10 * index }

    var environmentFile: String { "\(state)/demo.env" }
    var processFile: String { "\(state)/pids" }
    var readyFile: String { "\(state)/ready" }
    var keysFile: String { "\(state)/keys" }
    /// With which the installation asks itself from outside.
    var probeKeyFile: String { "\(state)/probe-key" }
    var adminTokenFile: String { "\(state)/admin-token" }
    var authorities: String { "\(state)/pki" }
    func log(_ name: String) -> String { "\(state)/logs/\(name).log" }
    func configuration(_ name: String) -> String { "\(state)/config/\(name).json" }
    func joinToken(_ name: String) -> String { "\(state)/config/\(name).token" }
    func program(_ name: String) -> String { "\(programs)/\(name)" }
    func agentState(_ provider: String) -> String { "\(state)/agents/\(provider)" }
    func runtimeProcessFile(_ provider: String) -> String { "\(agentState(provider))/runtimes/\(provider).pid" }
    func runtimeSocket(_ provider: String) -> String { "\(socketFolder)/\(provider).sock" }

    /// Addresses of unix sockets have room for 107 bytes, and PostgreSQL adds a name of its own.
    var socketFolder: String { state.utf8.count < 70 ? "\(state)/run" : "\(outside)/run" }

    /// PostgreSQL runs as a user who must be able to reach its folder.
    var postgres: String { isReachableByOthers ? "\(state)/postgres" : "\(outside)/postgres" }
    var postgresSocket: String { "\(postgres)/sock" }
    var databaseURL: String { "postgresql:///plimsoll?host=\(postgresSocket)&user=plimsoll" }

    /// For what cannot stand in the state folder; made from its path, so that each installation has its own.
    var outside: String {
        let hash = state.utf8.reduce(14_695_981_039_346_656_037 as UInt64) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }
        return "/var/tmp/plimsoll-\(String(hash, radix: 36))"
    }

    private var isReachableByOthers: Bool {
        guard getuid() == 0 else { return state.utf8.count < 70 }
        var path = state
        while let slash = path.lastIndex(of: "/"), path.count > 1 {
            var status = stat()
            if stat(path, &status) == 0, status.st_mode & S_IXOTH == 0 { return false }
            path = slash == path.startIndex ? "/" : String(path[..<slash])
        }
        return state.utf8.count < 70
    }

    /// Says that everything in the state folder is an installation's, so that nothing else is ever filled or removed.
    private var marker: String { "\(state)/installation" }
    /// Earlier ones had no marker.
    var isInstallation: Bool { access(marker, F_OK) == 0 || (access(authorities, F_OK) == 0 && access(environmentFile, F_OK) == 0) }

    func makeFolders() throws(CommandFailure) {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: state)) ?? []
        guard isInstallation || entries.isEmpty else {
            throw CommandFailure(.refused, "\(state) holds other things; PLIMSOLL_STATE must name a folder that is empty or not there yet")
        }
        try Self.make(state, mode: 0o755)
        try PrivateFile.write("of plimsoll dev\n", to: marker)
        for folder in ["\(state)/logs", "\(state)/config", "\(state)/agents", "\(state)/gateway", socketFolder] + Self.providers.map(agentState) {
            try Self.make(folder, mode: 0o700)
        }
    }

    /// Removes the installation. What lies in its folder and is not its own stays.
    func remove() throws(CommandFailure) {
        guard isInstallation else { throw CommandFailure(.refused, "\(state) is no installation of plimsoll dev; nothing was removed") }
        let own = ["postgres", "logs", "config", "agents", "gateway", "run", "pki", "admin-token", "probe-key", "demo.env", "keys", "pids", "ready"]
        for path in own.map({ "\(state)/\($0)" }) + [outside, marker] where access(path, F_OK) == 0 {
            do {
                try FileManager.default.removeItem(atPath: path)
            } catch {
                throw CommandFailure(.refused, "\(path) cannot be removed")
            }
        }
        if rmdir(state) != 0 { DevReport.line("\(state) stays: it holds other things too, or is a link") }
    }

    private static func make(_ folder: String, mode: mode_t) throws(CommandFailure) {
        var path = ""
        for part in folder.split(separator: "/") {
            path += "/\(part)"
            guard mkdir(path, path == folder ? mode : 0o755) == 0 || errno == EEXIST else {
                throw CommandFailure(.refused, "\(path) cannot be made: \(String(cString: strerror(errno)))")
            }
        }
    }
}
