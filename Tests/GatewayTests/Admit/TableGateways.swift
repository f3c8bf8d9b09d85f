import PlimsollWire

/// Gateways of a table for tests.
enum TableGateways {
    static func make(_ count: Int) -> [GatewayEntry] {
        (0..<count).map { GatewayEntry(id: "g\($0)", region: "default", address: "a:1") }
    }
}
