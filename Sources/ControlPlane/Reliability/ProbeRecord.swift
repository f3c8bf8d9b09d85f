import FoundationEssentials
import PlimsollWire

/// One probe as it is stored, of a gateway at a worker or of the control plane through a public endpoint.
struct ProbeRecord: Sendable {
    static let faults: Set = ["gateway", "link", "host", "runtime", "answer", "timeout", "customer"]

    var id: UUID
    /// Microseconds since 1970.
    var at: Int64
    /// Nil: from outside.
    var worker: UUID?
    var gateway: UUID?
    var provider = ""
    var model: String
    var region: String
    /// Nil: it succeeded.
    var fault: String?
    var status = 0
    var firstTokenAfter: Int64?
    var lastTokenAfter: Int64?
    var nameLookup: Int64?
    var connect: Int64?
    var tls: Int64?
    var linkRoundTrip: Int64?
    var promptTokens: Int64 = 0
    var completionTokens: Int64 = 0
    var standIn = false
    var drill = false

    init(model: String, region: String, at: Int64) {
        id = UUID()
        self.at = at
        self.model = model
        self.region = region
    }

    /// Nil: it cannot be stored. Times may lie a day back, because a gateway keeps what it could not tell.
    init?(_ probe: ProbeResult, gateway: UUID, now: Int64) {
        guard let id = UUID(uuidString: probe.id), let worker = UUID(uuidString: probe.worker) else { return nil }
        let numbers = [probe.firstTokenAfter, probe.lastTokenAfter, probe.linkRoundTrip, Int64(probe.promptTokens), Int64(probe.completionTokens)]
        let names = [(probe.model, 127), (probe.region, 63), (probe.provider, 63)]
        guard ((now - 86_400_000_000)...(now + 300_000_000)).contains(probe.at), (0...999).contains(probe.status),
            probe.succeeded == (probe.fault == nil), probe.fault.map(Self.faults.contains) ?? true,
            numbers.allSatisfy({ (0...(1 << 48)).contains($0 ?? 0) }),
            names.allSatisfy({ name, limit in name.unicodeScalars.count <= limit && !name.unicodeScalars.contains("\0") })
        else { return nil }
        self.init(model: probe.model, region: probe.region, at: probe.at)
        self.id = id
        self.worker = worker
        self.gateway = gateway
        provider = probe.provider
        fault = probe.fault
        status = probe.status
        (firstTokenAfter, lastTokenAfter, linkRoundTrip) = (probe.firstTokenAfter, probe.lastTokenAfter, probe.linkRoundTrip)
        (promptTokens, completionTokens) = (Int64(probe.promptTokens), Int64(probe.completionTokens))
        standIn = probe.standIn ?? false
        drill = probe.drill ?? false
    }
}
