/// What gateways tell each other of their places at one worker, through its host. It holds for a second.
package struct PlacesTold: Sendable, Codable, Equatable {
    /// So many running requests of shared tiers, of whatever gateway, are to make way for requests of protected ones that would be late. Nil: says nothing of it.
    package var wanted: Int?
    /// So many running requests of this gateway make way when they are asked; told where somebody asks. Nil: says nothing of it.
    package var yielding: Int?

    /// From its being told.
    package static let milliseconds = 1_000

    package init(wanted: Int? = nil, yielding: Int? = nil) {
        self.wanted = wanted
        self.yielding = yielding
    }
}
