/// How often agents report, so that the control plane hears about 200 heartbeats a second at most.
package enum HeartbeatInterval {
    package static let shortest = Duration.seconds(5)
    package static let longest = Duration.seconds(30)

    /// One second for each 200 agents, from 5 to 30 seconds, and a fifth more or less at random so that agents do not fall into step.
    package static func next(agents: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        steady(agents: agents) * Double.random(in: 0.8...1.2, using: &generator)
    }

    /// The interval without its jitter.
    package static func steady(agents: Int) -> Duration {
        min(max(.milliseconds(max(agents, 0) * 5), shortest), longest)
    }
}
