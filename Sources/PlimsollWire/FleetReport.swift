/// Which workers a gateway has taken out of rotation; a whole picture each time.
package struct FleetReport: Sendable, Codable, Equatable {
    /// Ids of workers, with the reason: `failures`, `stalled`, `slow`, `probes`, `host`, `provider`, or `lost`: it was ready at the gateway and is
    /// not.
    package var out: [String: String]

    package init(out: [String: String]) {
        self.out = out
    }
}
