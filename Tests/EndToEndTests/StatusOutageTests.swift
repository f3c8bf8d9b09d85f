import Foundation
import TestSupport
import Testing

extension MachineTests {
    /// What the public is told by the gateway of a whole installation.
    @Suite struct StatusOutageTests {
        private static let minute: TimeInterval = 60

        /// The control plane is killed and cannot start again. What was told last stays for five minutes; then nothing is told as running, and that stays so.
        @Test(.timeLimit(.minutes(4))) func gatewaysTellTheStatusWithoutAControlPlane() async throws {
            try await MovableClock.with { clock in
                try await Installation.with(settings: clock.environment) { plimsoll in
                    try await isTold(plimsoll, clock)
                    try await endControl(plimsoll)
                    let live = try await summary(plimsoll)
                    #expect(try states(live) == ["far": "degraded_performance", "local": "operational"], "\(live.body)")
                    #expect(try await HTTPCall.send("GET", plimsoll.url + "/status").body.contains("Operational"))
                    // Gateways measure what they have heard by a clock of their own; at a start by the time in the file.
                    try clock.move(by: 6 * Self.minute)
                    let gateway = try plimsoll.pid("gateway")
                    try plimsoll.kill("gateway")
                    try await plimsoll.restarted("gateway", from: gateway)
                    try await Waiting.until("it tells from its disk", within: .seconds(20)) { try await summary(plimsoll).status == 200 }
                    let old = try await summary(plimsoll)
                    #expect(try Set(states(old).values) == ["degraded_performance"] && old.at("status.indicator") == "minor", "\(old.body)")
                    #expect(!old.body.contains(#""measured":true"#), "\(old.body)")
                    let page = try await HTTPCall.send("GET", plimsoll.url + "/status")
                    #expect(page.status == 200 && page.body.contains("No news since"), "\(page.body)")
                    #expect(!page.body.contains("All systems operational") && page.body.contains("The service is unmeasured right now"))
                    try await Waiting.until("customers are served meanwhile", within: .seconds(30)) { try await plimsoll.answers() }
                }
            }
        }

        /// Customers feel an outage for ten minutes: its draft is on the page without a person, in words that name nobody.
        @Test(.timeLimit(.minutes(4))) func aDraftPublishesItselfAfterTenMinutesOfImpact() async throws {
            try await MovableClock.with { clock in
                try await Installation.with(settings: clock.environment) { plimsoll in
                    for host in ["alpha", "beta"] { try plimsoll.kill("agent:\(host)", SIGSTOP) }
                    let began = clock.now
                    try await fail(plimsoll, since: began)
                    #expect(try await posts(plimsoll, "published_at IS NOT NULL") == 0, "not before its time")
                    for _ in 0..<3 {
                        try clock.move(by: 3.5 * Self.minute)
                        try await fail(plimsoll, since: began)
                    }
                    try await Waiting.until("the draft publishes itself", within: .seconds(60)) {
                        try await posts(plimsoll, "published_at >= publish_at AND publish_at >= began_at + interval '10 minutes'") == 1
                    }
                    let traces = try await plimsoll.rows(
                        """
                        SELECT DISTINCT event.actor FROM reliability.incident_event AS event JOIN reliability.incident ON incident.id = incident_id
                        WHERE kind = 'published' AND published_at IS NOT NULL
                        """)
                    #expect(traces == ["automatic"])
                    try await isPublic(plimsoll)
                }
            }
        }
    }
}

extension MachineTests.StatusOutageTests {
    private func summary(_ plimsoll: Installation) async throws -> HTTPCall { try await HTTPCall.send("GET", plimsoll.url + "/api/v2/summary.json") }

    /// Of components, by the region in their names.
    private func states(_ summary: HTTPCall) throws -> [String: String] {
        struct Summary: Decodable {
            struct Component: Decodable { let name, status: String }
            let components: [Component]
        }
        let known = try summary.value(Summary.self).components.map { component in
            (component.name.split(separator: "(").last?.dropLast().description ?? "", component.status)
        }
        return Dictionary(uniqueKeysWithValues: known)
    }

    /// A place where customers are served is running, and one that is sold and that nobody measures is not.
    private func isTold(_ plimsoll: Installation, _ clock: MovableClock) async throws {
        _ = try await plimsoll.rows(
            """
            INSERT INTO serving.skus (name, model, tier, primary_region, prompt_price_pico_usd, completion_price_pico_usd, state)
            VALUES ('far', '\(plimsoll.model)', 'hobby', 'far', 1, 1, 'active')
            """)
        // Most of the last five minutes must be known.
        for _ in 0..<3 {
            try await Waiting.until("answers of the minute are told", within: .seconds(30)) {
                let isAnswered = try await plimsoll.answers()
                let told = "minute_at = date_trunc('minute', now()) AND good > 0"
                return try await plimsoll.rows("SELECT count(*) > 0 FROM reliability.minute WHERE \(told)") == ["t"] && isAnswered
            }
            try clock.move(by: Self.minute)
        }
        try clock.move(by: 20)
        try await Waiting.until("the gateway tells that it runs", within: .seconds(70)) {
            let summary = try await summary(plimsoll)
            return try summary.status == 200 && states(summary) == ["far": "degraded_performance", "local": "operational"]
        }
        let page = try await summary(plimsoll)
        #expect(page.body.contains(#""measured":false"#) && page.at("status.indicator") != "none", "\(page.body)")
    }

    /// By its process id, and without what it would need to start again.
    private func endControl(_ plimsoll: Installation) async throws {
        try "{}".write(toFile: plimsoll.state + "/config/control.json", atomically: true, encoding: .utf8)
        try plimsoll.kill("control")
        try await Waiting.until("nobody answers there", within: .seconds(10)) { try await plimsoll.admin("GET", "/tiers").status == 0 }
    }

    /// Customers ask in vain until it is known that they fail, as they have done since the beginning. Other signs of the outage come and go: so few failures
    /// that this one did too would leave each of them too short to be told.
    private func fail(_ plimsoll: Installation, since began: Date) async throws {
        let load = try plimsoll.load(customers: 12, maxTokens: 3, seconds: 40)
        try await Waiting.until("an incident that customers have felt since, and feel now", within: .seconds(60)) {
            try await plimsoll.rows(
                """
                SELECT count(*) > 0 FROM reliability.incident WHERE NOT drill AND tier = 'pro' AND rule = 'server_errors'
                    AND impact_from < to_timestamp(\(began.timeIntervalSince1970)) + interval '1 minute'
                    AND resolved_at IS NULL AND last_signal_at > now() - interval '1 minute'
                """) == ["t"]
        }
        _ = try await load.finish()
    }

    private func posts(_ plimsoll: Installation, _ condition: String) async throws -> Int {
        try await plimsoll.rows("SELECT count(*) FROM reliability.status_post WHERE kind = 'incident' AND \(condition)").first.flatMap { Int($0) }
            ?? 0
    }

    private func isPublic(_ plimsoll: Installation) async throws {
        let title = "Disruption of \(plimsoll.model) in local"
        try await Waiting.until("the gateway tells of it", within: .seconds(40)) {
            try await summary(plimsoll).body.contains(title)
        }
        let page = try await HTTPCall.send("GET", plimsoll.url + "/status").body
        #expect(page.contains(title) && page.contains("We are looking for the cause."), "\(page)")
        #expect(!page.contains("alpha") && !page.contains("beta") && !page.contains("All systems operational"))
        #expect(try await posts(plimsoll, "published_at IS NULL AND vetoed_at IS NOT NULL") == 0)
    }
}
