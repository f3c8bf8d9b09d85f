/// Which workers a gateway has taken out of rotation, and whether it logs what it must not; a whole picture each time.
package struct FleetReport: Sendable, Codable, Equatable {
    /// Ids of workers, with the reason: `failures`, `stalled`, `slow`, `probes`, `host`, `provider`, or `lost`: it was ready at the gateway and is
    /// not.
    package var out: [String: String]
    /// Lines of its log in which it found the prompt of a probe, since its start. Nil: it does not look.
    package var promptsLogged: Int?

    package init(out: [String: String], promptsLogged: Int? = nil) {
        self.out = out
        self.promptsLogged = promptsLogged
    }
}
