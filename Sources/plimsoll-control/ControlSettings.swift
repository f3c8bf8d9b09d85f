import ControlPlane
import Cryptography
import FoundationEssentials
import Postgres
import Program
import Telemetry

/// Reads the control plane's settings: the one place that knows their names. `docs/control-configuration.md` describes them.
struct ControlSettings {
    let database: PostgresConfiguration
    let authorities: AuthorityFolder
    let adminHost: String
    let adminPort: Int
    /// Nil: the admin port is plain, and on loopback.
    let adminCertificate: AdminCertificate?
    /// Nil: there is no public port.
    let publicPages: PublicPages?
    let peersHost: String
    let peersPort: Int
    /// Names and addresses by which agents and gateways reach this program.
    let advertised: [String]
    let retention: Retention
    /// Nil: nothing is probed from outside.
    let outsideProbes: OutsideProbes.Settings?
    let drainLimit: Duration

    init(_ reader: SettingsReader) throws(SettingsFaults) {
        let section = reader.object("database")
        let size = section.int("max_connections", default: 16, in: 2...200)
        database = PostgresConfiguration(
            connectionString: section.secret("url").exposed, applicationName: "plimsoll-control", maximumConnections: size)
        authorities = Self.authorities(reader)
        let admin = reader.object("admin")
        adminCertificate = Self.certificate(admin)
        (adminHost, adminPort) = Self.admin(admin, isPlain: adminCertificate == nil)
        publicPages = Self.publicPages(reader.object("public"))
        (peersHost, peersPort) = Self.address(reader.object("peers"), default: SettingsAddress(host: "0.0.0.0", port: 7701))
        advertised = Self.advertised(reader)
        retention = Self.retention(reader.object("retention"))
        outsideProbes = Self.outsideProbes(reader.object("outside_probes"))
        drainLimit = reader.duration("drain_limit", default: .seconds(10), in: .zero ... .seconds(600))
        try reader.finish()
    }

    private static func authorities(_ reader: SettingsReader) -> AuthorityFolder {
        let path = reader.string("pki_dir", default: "/var/lib/plimsoll-control/pki")
        if !path.hasPrefix("/") { reader.fault("pki_dir", "must be an absolute path") }
        let domain = reader.string("trust_domain", default: PeerIdentity.defaultTrustDomain)
        if !PeerIdentity.isTrustDomain(domain) { reader.fault("trust_domain", "may hold lower-case letters, digits, dots and hyphens") }
        return AuthorityFolder(path: path, trustDomain: domain)
    }

    /// Tokens must not leave this machine in the clear.
    private static func admin(_ reader: SettingsReader, isPlain: Bool) -> (String, Int) {
        let address = reader.address("listen", default: SettingsAddress(host: "127.0.0.1", port: 7700))
        if isPlain, !address.isLocal { reader.fault("listen", "must be a loopback address without certificate_file and key_file") }
        return hostAndPort(address, reader)
    }

    /// Where the public is served, and where customers find it.
    struct PublicPages {
        let host: String
        let port: Int
        let certificate: AdminCertificate?
        /// Without a slash at its end.
        let url: String
    }

    /// Links to reports must not leave this machine in the clear either.
    private static func publicPages(_ reader: SettingsReader) -> PublicPages? {
        let certificate = certificate(reader)
        guard reader.has("listen") else {
            if reader.optionalString("url") != nil { reader.fault("url", "is of no use without listen") }
            if certificate != nil { reader.fault("certificate_file", "is of no use without listen") }
            return nil
        }
        let address = reader.address("listen", default: SettingsAddress(host: "127.0.0.1", port: 7702))
        if certificate == nil, !address.isLocal { reader.fault("listen", "must be a loopback address without certificate_file and key_file") }
        let (host, port) = hostAndPort(address, reader)
        var url = reader.string("url", default: "")
        while url.hasSuffix("/") { url.removeLast() }
        if !(url.hasPrefix("https://") || url.hasPrefix("http://")) || url.contains(where: { $0.isWhitespace }) {
            reader.fault("url", "must be the address by which customers reach it, such as https://trust.example.com")
        }
        return PublicPages(host: host, port: port, certificate: certificate, url: url)
    }

    private static func certificate(_ reader: SettingsReader) -> AdminCertificate? {
        let (certificate, key) = (reader.optionalString("certificate_file"), reader.optionalString("key_file"))
        for (name, path) in [("certificate_file", certificate), ("key_file", key)] {
            if let path, (try? SecretFile.read(path)) == nil { reader.fault(name, "cannot be read") }
        }
        if (certificate == nil) != (key == nil) {
            reader.fault(certificate == nil ? "certificate_file" : "key_file", "is missing: TLS needs both certificate_file and key_file")
        }
        guard let certificate, let key else { return nil }
        return AdminCertificate(certificateFile: certificate, keyFile: key)
    }

    private static func retention(_ reader: SettingsReader) -> Retention {
        let limit = { (key: String, days: Int64) -> Duration? in
            reader.has(key) ? reader.duration(key, in: .seconds(days * 86_400) ... .seconds(36_500 * 86_400)) : nil
        }
        // A credit may be disputed until 64 days after its month, and its report needs the minutes until then.
        return Retention(usage: limit("usage", 60), minutes: limit("minutes", 100), probes: limit("probes", 60))
    }

    /// Endpoints as `region=URL`.
    private static func outsideProbes(_ reader: SettingsReader) -> OutsideProbes.Settings? {
        var endpoints: [String: String] = [:]
        for text in reader.strings("endpoints") {
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, parts[1].hasPrefix("https://") || parts[1].hasPrefix("http://"), endpoints[parts[0]] == nil else {
                reader.fault("endpoints", "must be a list such as [\"eu=https://eu.example.com\"], each region once")
                return nil
            }
            endpoints[parts[0]] = parts[1]
        }
        let (keyFile, authorities) = (reader.optionalString("key_file"), reader.optionalString("authorities_file"))
        let pem = authorities.flatMap { FileManager.default.contents(atPath: $0) }.map { String(decoding: $0, as: UTF8.self) }
        if authorities != nil, pem == nil { reader.fault("authorities_file", "cannot be read") }
        let looksAtPrivatePages = reader.bool("private_pages", default: false)
        if endpoints.isEmpty != (keyFile == nil) { reader.fault("key_file", "is of no use without endpoints, nor are they without it") }
        guard let keyFile, !endpoints.isEmpty else { return nil }
        return OutsideProbes.Settings(endpoints: endpoints, keyFile: keyFile, authoritiesPem: pem, looksAtPrivatePages: looksAtPrivatePages)
    }

    private static func address(_ reader: SettingsReader, default value: SettingsAddress) -> (String, Int) {
        hostAndPort(reader.address("listen", default: value), reader)
    }

    private static func hostAndPort(_ address: SettingsAddress, _ reader: SettingsReader) -> (String, Int) {
        guard case .tcp(let host, let port) = address else {
            reader.fault("listen", "must be host:port")
            return ("127.0.0.1", 0)
        }
        return (host, port)
    }

    private static func advertised(_ reader: SettingsReader) -> [String] {
        let names = reader.strings("advertise", default: ["localhost", "127.0.0.1"])
        for name in names where !CertificateNames.isDNSName(name) && !CertificateNames.isAddress(name) {
            reader.fault("advertise", "\(name.debugDescription) is neither a DNS name nor an IP address")
        }
        if names.isEmpty { reader.fault("advertise", "must name at least one way to reach this program") }
        return names
    }
}
