import Exchange
package import PlimsollWire

/// The command of a runtime, looked at before it is started: it must say where the runtime listens, and that must be a place which only this host
/// can reach. vLLM listens on every interface unless told otherwise.
package struct RuntimeCommand: Sendable {
    private let command: [String]
    private let dialect: RuntimeDialect

    package init(_ command: [String], dialect: RuntimeDialect) {
        self.command = command
        self.dialect = dialect
    }

    /// What is wrong with it and with the environment that goes with it. Empty: nothing, or there is no command.
    package func faults(environment: [String: String]) -> [String] {
        guard let program = command.first else { return [] }
        var faults: [String] = []
        if !program.hasPrefix("/") { faults.append("must name its program by an absolute path") }
        let places = options.filter { Self.places.contains($0.name) }
        if places.isEmpty { faults.append("must say where the runtime listens: \(advice)") }
        for place in places where !staysOnHost(place) { faults.append("must not make the runtime listen on \(place.value ?? "nothing")") }
        faults += options.compactMap(hiddenPlace)
        if places.contains(where: { $0.name == "--uds" }), options.contains(where: { $0.name == "--api-server-count" && $0.value != "1" }) {
            faults.append("must not ask for several API servers on one unix socket")
        }
        for name in Self.variables where environment[name] != nil {
            faults.append("must not come with \(name) in its environment: \(advice)")
        }
        return faults
    }

    /// Of an image that it names by its digest, `NAME@sha256:…`, so that nothing else can be started by it; nil: it names none, or several.
    var imageDigest: String? {
        let digests = Set(command.dropFirst().compactMap(Self.pinned))
        return digests.count == 1 ? digests.first : nil
    }

    private static func pinned(_ word: String) -> String? {
        guard let mark = word.firstRange(of: "@sha256:"), mark.lowerBound > word.startIndex else { return nil }
        let hex = word[mark.upperBound...]
        guard hex.utf8.count == 64, hex.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else { return nil }
        return "sha256:" + hex
    }

    /// The file or folder of its weights, as this host knows it; nil: it names none by an absolute path, or one within a container.
    var modelPath: String? {
        guard let program = command.first?.split(separator: "/").last, !Self.containers.contains(String(program)) else { return nil }
        let short = command.firstIndex(of: "-m").flatMap { $0 + 1 < command.endIndex ? command[$0 + 1] : nil }
        let served = command.firstIndex(of: "serve").flatMap { $0 + 1 < command.endIndex ? command[$0 + 1] : nil }
        let named = options.last { $0.name == "--model" }?.value
        let path = dialect == .vllm ? named ?? served : named ?? short
        return path.flatMap { $0.hasPrefix("/") ? $0 : nil }
    }

    /// Of what they are given paths only the image knows what lies there.
    private static let containers: Set = ["docker", "podman", "nerdctl", "ctr", "apptainer", "singularity", "kubectl"]

    /// What is allowed, and likely to be regretted.
    var warnings: [String] {
        guard dialect == .vllm, !command.isEmpty, !options.contains(where: { $0.name.hasPrefix("--max-num-queued-") }) else { return [] }
        return ["its queue has no bound: set --max-num-queued-reqs and --max-num-queued-tokens"]
    }

    /// `--socket` is the word of wrappers; the runtimes themselves refuse to start with it.
    private static let places: Set<String> = ["--host", "--uds", "--socket"]
    /// They take the place of options that are not given.
    private static let variables = ["LLAMA_ARG_HOST", "VLLM_HOST"]

    private var advice: String {
        switch dialect {
        case .vllm: "use --uds /path, or --host 127.0.0.1"
        case .llamacpp: "use --host /path.sock, or --host 127.0.0.1"
        }
    }

    private struct Option {
        /// With hyphens, as vLLM reads underscores, too.
        var name: String
        var value: String?
    }

    private var options: [Option] {
        command.indices.dropFirst().compactMap { index in
            guard command[index].hasPrefix("--") else { return nil }
            let parts = command[index].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let next = command.index(after: index)
            let name = String(parts[0].map { $0 == "_" ? "-" : $0 })
            return Option(name: name, value: parts.count > 1 ? String(parts[1]) : next < command.endIndex ? command[next] : nil)
        }
    }

    private func staysOnHost(_ place: Option) -> Bool {
        guard let value = place.value else { return false }
        switch place.name {
        case "--host": return RuntimeAddress.isLoopback(value) || (dialect == .llamacpp && value.hasPrefix("/") && value.hasSuffix(".sock"))
        default: return value.hasPrefix("/")
        }
    }

    /// vLLM completes options that were cut short and reads more of them from a file: both could name a place that is not seen here.
    private func hiddenPlace(_ option: Option) -> String? {
        guard dialect == .vllm, option.name.count > 2 else { return nil }
        if option.name == "--config" { return "must not read options from a file: write them out in place of --config" }
        let isCut = ["--host", "--uds", "--config"].contains { $0.hasPrefix(option.name) && $0 != option.name }
        return isCut ? "must write its options out in full: \(option.name)" : nil
    }
}
