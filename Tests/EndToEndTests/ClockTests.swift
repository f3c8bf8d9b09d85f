import Foundation
import TestSupport
import Testing

extension MachineTests {
    /// Gateways whose clocks are not the control plane's.
    @Suite struct ClockTests {
        /// Five minutes are borne with; what is beyond waits for a person, and the customers of that gateway notice nothing.
        @Test(.timeLimit(.minutes(3))) func fourMinutesAreBorneWithAndTwentyAreSetAside() async throws {
            try await Installation.with { plimsoll in
                try await MovableClock.with(startingAt: .now + 240) { clock in
                    let near = try await plimsoll.addGateway(1, environment: clock.environment)
                    defer { near.child.signal(SIGKILL) }
                    let stored = try await ask(plimsoll, near.url)
                    let early = "SELECT extract(epoch FROM accepted_at - now()) > 180 FROM billing.usage_event WHERE request_id = '\(stored)'"
                    try await Waiting.until("the record of the near one", within: .seconds(30)) { try await plimsoll.rows(early) == ["t"] }
                }
                try await MovableClock.with(startingAt: .now + 1_200) { clock in
                    let far = try await plimsoll.addGateway(2, environment: clock.environment)
                    defer { far.child.signal(SIGKILL) }
                    let setAside = try await ask(plimsoll, far.url)
                    let reason = "SELECT reason FROM billing.usage_quarantine WHERE request_id = '\(setAside)'"
                    try await Waiting.until("the record of the far one", within: .seconds(30)) { try await plimsoll.rows(reason) == ["future"] }
                }
            }
        }

        /// Id of a request that was answered.
        private func ask(_ plimsoll: Installation, _ url: String) async throws -> String {
            let load = try LoadClient(url: url, key: plimsoll.key, model: plimsoll.model, customers: 1, turns: 1, maxTokens: 4)
            try await load.waitForEndings(1)
            let ending = try #require(try await load.finish().first)
            #expect(ending.outcome == "finished", "\(ending.detail)")
            return try #require(ending.id)
        }
    }
}
