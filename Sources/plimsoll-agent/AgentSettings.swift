import Agent
import Domain
import Exchange
import PlimsollWire
import Program

/// Reads the agent's settings: the one place that knows their names. `docs/agent-configuration.md` describes them.
struct AgentSettings {
    let agent: AgentConfiguration
    let operations: SettingsAddress

    init(_ reader: SettingsReader) throws(SettingsFaults) {
        let operations = reader.object("operations").address("listen", default: SettingsAddress(host: "127.0.0.1", port: 7902))
        if !operations.isLocal { reader.object("operations").fault("listen", "must be an address that only this host can reach") }
        self.operations = operations
        agent = AgentConfiguration(
            controlURL: Self.controlURL(reader), joinToken: reader.optionalSecret("join_token"), stateDirectory: Self.stateDirectory(reader),
            direct: Self.direct(reader.object("link")), runtimes: Self.runtimes(reader),
            drainLimit: reader.duration("drain_limit", default: .seconds(60), in: .zero ... .seconds(3600)),
            keepsRuntimes: reader.bool("keep_runtimes", default: false), acceleratorLibrary: reader.optionalString("nvml_library"),
            redact: Redactor.standard.redact)
        try reader.finish()
    }

    private static func controlURL(_ reader: SettingsReader) -> String {
        let url = reader.string("control_url")
        if !url.isEmpty, !url.hasPrefix("https://") { reader.fault("control_url", "must begin with https://") }
        return url
    }

    private static func stateDirectory(_ reader: SettingsReader) -> String {
        let path = reader.string("state_dir", default: "/var/lib/plimsoll-agent")
        if !path.hasPrefix("/") { reader.fault("state_dir", "must be an absolute path") }
        return path
    }

    private static func direct(_ reader: SettingsReader) -> AgentConfiguration.Direct? {
        let kind = reader.choice("class", default: LinkChoice.tunnel)
        let listen = reader.optionalAddress("listen")
        let address = reader.optionalAddress("address")
        guard kind == .direct else {
            if listen != nil || address != nil { reader.fault("class", "must be direct when listen or address is set") }
            return nil
        }
        guard case .tcp(let host, let port) = listen, let address, case .tcp = address else {
            reader.fault("listen", "and address are both needed for direct links, each as host:port")
            return nil
        }
        return AgentConfiguration.Direct(listenHost: host, listenPort: port, advertised: "\(address)")
    }

    private enum LinkChoice: String, CaseIterable {
        case tunnel
        case direct
    }

    private static func runtimes(_ reader: SettingsReader) -> [RuntimeConfiguration] {
        let readers = reader.objects("runtimes")
        if readers.isEmpty { reader.fault("runtimes", "must list at least one runtime") }
        let runtimes = readers.map(runtime)
        var seen: Set<String> = []
        for (index, runtime) in runtimes.enumerated() where !seen.insert(runtime.name).inserted {
            readers[index].fault("name", "is used by another runtime, too")
        }
        return runtimes
    }

    private static func runtime(_ reader: SettingsReader) -> RuntimeConfiguration {
        let command = reader.strings("command")
        let dialect = dialect(reader)
        let environment = environment(reader)
        for fault in RuntimeCommand(command, dialect: dialect).faults(environment: environment) { reader.fault("command", fault) }
        return RuntimeConfiguration(
            name: name(reader), release: reader.string("release"), dialect: dialect, address: address(reader), command: command,
            environment: environment, model: reader.optionalString("model"), slots: number(reader, "slots", in: 1...4096),
            contextTokens: number(reader, "context_tokens", in: 128...16_777_216),
            startupDeadline: reader.duration("startup_deadline", default: .seconds(600), in: .seconds(1) ... .seconds(7200)),
            stopGrace: reader.duration("stop_grace", default: .seconds(20), in: .zero ... .seconds(600)),
            progressTimeout: reader.duration("progress_timeout", default: .seconds(15), in: .seconds(5) ... .seconds(3600)))
    }

    /// It becomes part of file names.
    private static func name(_ reader: SettingsReader) -> String {
        let name = reader.string("name")
        let isGood =
            name.utf8.count <= 64 && name.first != "." && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
        if !name.isEmpty, !isGood { reader.fault("name", "may hold up to 64 letters, digits, dots, hyphens and underscores") }
        return name
    }

    private static func dialect(_ reader: SettingsReader) -> RuntimeDialect {
        let dialect = reader.choice("dialect", default: DialectChoice.missing)
        if !reader.has("dialect") { reader.fault("dialect", "is required: \(RuntimeDialect.allCases.map(\.rawValue).joined(separator: " or "))") }
        return RuntimeDialect(rawValue: dialect.rawValue) ?? .llamacpp
    }

    private enum DialectChoice: String, CaseIterable {
        case llamacpp
        case vllm
        case missing = ""

        static let allCases: [DialectChoice] = [.llamacpp, .vllm]
    }

    private static func address(_ reader: SettingsReader) -> RuntimeAddress {
        let text = reader.string("address")
        do {
            return try RuntimeAddress.onThisHost(text)
        } catch {
            if !text.isEmpty { reader.fault("address", error.message) }
            return .unix(path: "/nonexistent")
        }
    }

    private static func environment(_ reader: SettingsReader) -> [String: String] {
        var environment: [String: String] = [:]
        for entry in reader.strings("environment") {
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else {
                reader.fault("environment", "must hold texts of the form NAME=value")
                continue
            }
            environment[String(parts[0])] = String(parts[1])
        }
        return environment
    }

    private static func number(_ reader: SettingsReader, _ key: String, in range: ClosedRange<Int>) -> Int? {
        reader.has(key) ? reader.int(key, in: range) : nil
    }
}
