package import PlimsollWire

/// Reads the usage records of a spool's directory, for people and for gateways without a control plane. May run beside the gateway.
package struct SpoolReader: Sendable {
    private let directory: String

    package init(directory: String) {
        self.directory = directory
    }

    /// Calls `body` with every ended request, once each, in the order of the files.
    package func forEach(_ body: (UsageRecord) throws -> Void) throws {
        var boot = ""
        var seen: Set<Int64> = []
        for name in try SpoolName.list(directory) {
            if name.boot != boot {
                boot = name.boot
                seen = []
            }
            var origin = SpoolOrigin(gateway: "", boot: name.boot)
            for record in try SegmentContents.read("\(directory)/\(name.file)").records {
                switch record {
                case .segment(let found): origin = found
                case .admission: continue
                case .final(let final):
                    // After a failed sync the same records stand in two segments.
                    guard seen.insert(final.sequence).inserted else { continue }
                    try body(UsageRecord(final, origin: origin))
                }
            }
        }
    }

    package func records() throws -> [UsageRecord] {
        var records: [UsageRecord] = []
        try forEach { records.append($0) }
        return records
    }
}
