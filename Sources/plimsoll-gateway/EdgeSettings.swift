import Domain
import Gateway
import Glibc
import Program

/// Settings that a gateway has with and without a control plane. `docs/gateway-configuration.md` describes them.
struct EdgeSettings {
    var gateway = GatewaySettings()
    /// Of the customers' port; nil: plain HTTP.
    let certificates: EdgeCertificates?
    let stateDirectory: String
    let operations: SettingsAddress
    let drainLimit: Duration
    let isStrictSpool: Bool
    let spoolRetention: Duration

    init(_ reader: SettingsReader, defaultState: String) {
        let listen = reader.address("listen", default: SettingsAddress(host: "127.0.0.1", port: 7800))
        if case .tcp(let host, let port) = listen {
            gateway.host = host
            gateway.port = port
        } else {
            reader.fault("listen", "must be host:port")
        }
        certificates = Self.certificates(reader.object("tls"))
        let remembered = reader.object("tls").duration("hsts_max_age", default: .seconds(365 * 86_400), in: .zero ... .seconds(730 * 86_400))
        if certificates != nil { gateway.strictTransportSeconds = Int(remembered.components.seconds) }
        gateway.isBehindProxy = reader.bool("behind_proxy", default: false)
        if !listen.isLocal, certificates == nil, !gateway.isBehindProxy, !reader.has("tls") {
            reader.fault("listen", "is plain HTTP and must be a loopback address; set tls, or behind_proxy when a proxy with TLS stands in front")
        }
        let operations = reader.object("operations").address("listen", default: SettingsAddress(host: "127.0.0.1", port: 7802))
        if !operations.isLocal { reader.object("operations").fault("listen", "must be an address that only this host can reach") }
        self.operations = operations
        stateDirectory = reader.string("state_dir", default: defaultState)
        if !stateDirectory.hasPrefix("/") { reader.fault("state_dir", "must be an absolute path") }
        drainLimit = reader.duration("drain_limit", default: .seconds(25), in: .zero ... .seconds(3600))
        let spool = reader.object("spool")
        isStrictSpool = spool.bool("strict", default: false)
        spoolRetention = spool.duration("retention", default: .seconds(7 * 86_400), in: .seconds(3600) ... .seconds(366 * 86_400))
        gateway.loops = reader.int("loops", default: max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))), in: 1...256)
        gateway.busyPoll = reader.int("busy_poll_us", default: gateway.busyPoll, in: 0...1000)
        gateway.connections = reader.int("connections", default: gateway.connections, in: 1...1_000_000)
        if reader.has("connections_per_address") {
            gateway.connectionsPerAddress = reader.int("connections_per_address", default: 0, in: 0...1_000_000)
        }
        gateway.memoryLimit =
            reader.has("memory_limit") ? reader.bytes("memory_limit", in: (64 << 20)...(1 << 50)) : MemoryGroup.limit() ?? 0
        gateway.jsonStringBytes = reader.bytes("json_string_limit", default: gateway.jsonStringBytes, in: (64 << 10)...(64 << 20))
        gateway.followsLinks = reader.bool("follow_links", default: false)
        readProxies(reader)
        readTimes(reader.object("times"))
    }

    /// Who is believed, and how it says for whom it asks: one is nothing without the other.
    private mutating func readProxies(_ reader: SettingsReader) {
        let names = reader.strings("trusted_proxies")
        for name in names where AddressRange(name) == nil {
            reader.fault("trusted_proxies", "\(name.debugDescription) is no address or network such as 10.0.0.0/8")
        }
        gateway.trust = ProxyTrust(names.compactMap { AddressRange($0) })
        gateway.usesProxyProtocol = reader.bool("proxy_protocol", default: false)
        if reader.has("client_address_header") {
            gateway.forwardedField = reader.choice("client_address_header", default: ForwardedField.xForwardedFor)
        }
        let isTold = gateway.usesProxyProtocol || gateway.forwardedField != nil
        if isTold, names.isEmpty { reader.fault("trusted_proxies", "must name the proxies that are believed") }
        if !isTold, !names.isEmpty {
            reader.fault("trusted_proxies", "says nothing without proxy_protocol or client_address_header, by which they say for whom they ask")
        }
    }

    private static func certificates(_ reader: SettingsReader) -> EdgeCertificates? {
        let (chain, key) = (reader.optionalString("certificate_file"), reader.optionalString("key_file"))
        if (chain == nil) != (key == nil) {
            reader.fault(chain == nil ? "certificate_file" : "key_file", "is missing: TLS needs both certificate_file and key_file")
        }
        guard let chain, let key else { return nil }
        do throws(EdgeCertificates.Refusal) {
            return try EdgeCertificates(chainFile: chain, keyFile: key)
        } catch {
            reader.fault("certificate_file", "cannot be used: \(error)")
            return nil
        }
    }

    private mutating func readTimes(_ reader: SettingsReader) {
        func seconds(_ key: String, _ value: Int) -> Int {
            Int(reader.duration(key, default: .seconds(value), in: .seconds(1) ... .seconds(86_400)).components.seconds)
        }
        gateway.headTime = seconds("head", gateway.headTime)
        gateway.idleTime = seconds("idle", gateway.idleTime)
        gateway.bodyTime = seconds("body", gateway.bodyTime)
        gateway.bodyRate = reader.int("body_bytes_a_second", default: gateway.bodyRate, in: 1...1_000_000_000)
        gateway.bodyTotalTime = seconds("body_total", gateway.bodyTotalTime)
        gateway.firstTokenTime = seconds("first_token", gateway.firstTokenTime)
        gateway.interTokenTime = seconds("between_tokens", gateway.interTokenTime)
        gateway.answerTime = seconds("answer", gateway.answerTime)
        gateway.hostReturnTime = seconds("host_return", gateway.hostReturnTime)
        gateway.headHoldTime = seconds("head_hold", gateway.headHoldTime)
    }
}
