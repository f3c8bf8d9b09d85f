/// Which workers a gateway has taken out of rotation; a whole picture each time.
package struct FleetReport: Sendable, Codable, Equatable {
    /// Ids of workers, with the reason: `failures`, `stalled`, `slow`, `probes`, `host` or `provider`.
    package var out: [String: String]

    package init(out: [String: String]) {
        self.out = out
    }
}
