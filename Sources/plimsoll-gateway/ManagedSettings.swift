import Gateway
import Program
import Telemetry

/// Settings of a gateway under a control plane.
struct ManagedSettings {
    let gateway: EdgeSettings
    let controlURL: String
    let joinToken: Redacted<String>?
    let linkHost: String
    let linkPort: Int
    /// `host:port` where agents dial this gateway.
    let advertise: String

    init(_ reader: SettingsReader) throws(SettingsFaults) {
        var edge = EdgeSettings(reader, defaultState: "/var/lib/plimsoll-gateway")
        edge.gateway.fallbackScorePercent = reader.int("fallback_score_percent", default: edge.gateway.fallbackScorePercent, in: 0...100)
        gateway = edge
        controlURL = reader.string("control_url")
        if !controlURL.isEmpty, !controlURL.hasPrefix("https://") { reader.fault("control_url", "must begin with https://") }
        joinToken = reader.optionalSecret("join_token")
        let link = reader.object("link")
        let listen = link.address("listen", default: SettingsAddress(host: "0.0.0.0", port: 7801))
        if case .tcp(let host, let port) = listen {
            (linkHost, linkPort) = (host, port)
        } else {
            link.fault("listen", "must be host:port")
            (linkHost, linkPort) = ("127.0.0.1", 0)
        }
        let advertised = link.address("advertise", default: listen)
        if case .tcp = advertised {} else { link.fault("advertise", "must be host:port") }
        advertise = "\(advertised)"
        try reader.finish()
    }
}
