package import PlimsollWire

/// A routing table, verified and decoded.
package struct TableContents: Sendable {
    package var version: Int64
    /// Seconds since 1970, as signed.
    package var issuedAtSeconds: Int64
    /// Lower-case hex of the digest over all entries.
    package var digestHex: String
    package var tenants: [String: TenantEntry]
    /// By SHA-256 of the key, lower-case hex.
    package var keys: [String: KeyEntry]
    /// By name.
    package var tiers: [String: TierEntry]
    /// By the name that customers use.
    package var models: [String: ModelEntry]
    package var workers: [WorkerEntry]
    package var gateways: [GatewayEntry]
    package var denied: [DeniedEntry]
    package var rules: [RuleEntry]
    package var captures: [CaptureEntry]
    package var prices: [PriceEntry]
    package var mitigations: [MitigationEntry]

    package init(version: Int64, issuedAtSeconds: Int64, digestHex: String = "") {
        self.version = version
        self.issuedAtSeconds = issuedAtSeconds
        self.digestHex = digestHex
        tenants = [:]
        keys = [:]
        tiers = [:]
        models = [:]
        workers = []
        gateways = []
        denied = []
        rules = []
        captures = []
        prices = []
        mitigations = []
    }

    /// Seconds since the control plane signed it, by the wall clock; never negative.
    package func age(nowSeconds: Int64) -> Int64 {
        max(0, nowSeconds - issuedAtSeconds)
    }
}
