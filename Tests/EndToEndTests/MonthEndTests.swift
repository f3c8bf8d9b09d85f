import Foundation
import TestSupport
import Testing

extension MachineTests {
    /// What is promised, broken and given back, with the real programs on a clock that the test moves.
    @Suite struct MonthEndTests {
        private static let minute: TimeInterval = 60

        /// Both providers are lost for minutes at the end of a month: an incident that is mitigated and ends, the ledger, the public page, and when the
        /// month is over a credit that the verifier computes too.
        @Test(.timeLimit(.minutes(6))) func theLossOfBothProvidersEndsInACreditThatTheVerifierAccepts() async throws {
            let end = try monthEnd()
            try await MovableClock.with(startingAt: end - 32 * Self.minute) { clock in
                try await Installation.with(settings: clock.environment) { plimsoll in
                    let agreement = try await promise(plimsoll)
                    try clock.move(by: 2 * Self.minute)
                    #expect(try await plimsoll.answers())
                    try await lose(plimsoll, clock)
                    try await takenBack(plimsoll, clock)
                    try await over(plimsoll, clock)
                    try clock.move(to: end + 17 * Self.minute)
                    try await closed(plimsoll, clock, end)
                    let credit = try await self.credit(plimsoll, agreement, monthText(end))
                    // Heads of the log are signed once an hour.
                    try clock.move(to: end + 61 * Self.minute)
                    try await verify(plimsoll, credit, end)
                }
            }
        }
    }
}

extension MachineTests.MonthEndTests {
    /// End of the month that the machine's clock is in: midnight in UTC.
    private func monthEnd() throws -> Date {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let month = try #require(calendar.dateInterval(of: .month, for: .now))
        return month.end
    }

    private func monthText(_ end: Date) -> String {
        String((end - 1).formatted(.iso8601.year().month().dateSeparator(.dash)).prefix(7))
    }

    /// Terms and an agreement that no evidence supports yet: two others approve it. Returns its id.
    private func promise(_ plimsoll: Installation) async throws -> String {
        try await Waiting.until("a probe", within: .seconds(70)) {
            try await plimsoll.rows("SELECT count(*) > 0 FROM reliability.probe_minute") == ["t"]
        }
        let terms = try await plimsoll.admin("POST", "/terms", #"{"name": "pro", "title": "Pro", "tier": "pro"}"#)
        #expect(terms.status == 201, "\(terms.body)")
        let made = try await plimsoll.admin(
            "POST", "/agreements",
            """
            {"tenant": "demo-pro", "terms": "pro", "model": "\(plimsoll.model)", "region": "local", "monthly_minimum_micro_usd": 90000000000,
            "override_reason": "a test of the whole"}
            """)
        let id = try #require(made.at("id"), "\(made.body)")
        let policy = try await plimsoll.admin("PATCH", "/mitigation-policy", #"{"hold_seconds": 10, "clean_minutes": 1}"#)
        #expect(policy.status == 200, "\(policy.body)")
        for person in ["second", "third"] {
            let token = try await plimsoll.admin("POST", "/tokens", #"{"name": "\#(person)", "role": "operator"}"#)
            // As plimsoll-control token makes it: of nobody's making.
            _ = try await plimsoll.rows("UPDATE serving.admin_tokens SET created_by = 'command' WHERE name = '\(person)' RETURNING id")
            let approved = try await HTTPCall.send(
                "POST", plimsoll.adminURL + "/admin/v1/agreements/\(id)/approve", headers: ["Authorization": "Bearer " + (token.at("secret") ?? "")],
                body: "{}")
            #expect(approved.status == 200, "\(approved.body)")
        }
        return id
    }

    /// One provider freezes, and is drained; then the other one does too, for six minutes.
    private func lose(_ plimsoll: Installation, _ clock: MovableClock) async throws {
        try plimsoll.kill("agent:alpha", SIGSTOP)
        #expect(try await plimsoll.answers(), "the other provider answers")
        try await Waiting.until("the provider is drained", within: .seconds(40)) {
            try await plimsoll.rows("SELECT count(*) > 0 FROM reliability.mitigation WHERE state = 'active' AND action = 'drain_provider'") == ["t"]
        }
        try plimsoll.kill("agent:beta", SIGSTOP)
        try await Waiting.until("customers feel it", within: .seconds(20)) { try await !plimsoll.answers() }
        for _ in 0..<6 {
            for _ in 0..<6 { #expect(try await !plimsoll.answers()) }
            // Gateways tell every five seconds of the machine's; what comes minutes late opens nothing.
            try await Waiting.until("the minute is told", within: .seconds(20)) {
                let told = "tier = 'pro' AND minute_at >= date_trunc('minute', now()) - interval '2 minutes' AND bad > 0"
                return try await plimsoll.rows("SELECT count(*) > 0 FROM reliability.minute WHERE \(told)") == ["t"]
            }
            try clock.move(by: Self.minute)
        }
        try await Waiting.until("an incident that customers feel", within: .seconds(30)) {
            let felt = "NOT drill AND tier = 'pro' AND impact_from IS NOT NULL"
            return try await plimsoll.rows("SELECT count(*) > 0 FROM reliability.incident WHERE \(felt)") == ["t"]
        }
        for host in ["alpha", "beta"] { try plimsoll.kill("agent:\(host)", SIGCONT) }
        try await Waiting.until("answers again", within: .seconds(60)) { try await plimsoll.answers() }
    }

    /// What was done is taken back when its incidents have been silent for a while. The clock moves by less than hosts may be silent for.
    private func takenBack(_ plimsoll: Installation, _ clock: MovableClock) async throws {
        try await Waiting.until("mitigations are taken back", within: .seconds(90)) {
            let facts = try await plimsoll.rows(
                """
                SELECT (SELECT count(*) FROM reliability.mitigation WHERE state = 'active'),
                    (SELECT bool_and(last_heartbeat_at > now() - interval '15 seconds') FROM serving.hosts WHERE state = 'active')
                """)
            if facts.first?.hasSuffix("|t") == true { try clock.move(by: 70) }
            return facts.first?.hasPrefix("0|") == true
        }
        #expect(try await plimsoll.rows("SELECT count(*) > 0 FROM reliability.mitigation WHERE ended_at IS NOT NULL") == ["t"])
    }

    /// After ten clean minutes, in each of which customers are answered, the loss that they felt is over. The clock moves by less than hosts may be silent for.
    private func over(_ plimsoll: Installation, _ clock: MovableClock) async throws {
        let felt = "rule = 'provider_health' AND impact_from IS NOT NULL"
        let isOver = { try await plimsoll.rows("SELECT count(*) FROM reliability.incident WHERE \(felt) AND resolved_at IS NULL") == ["0"] }
        for _ in 0..<16 where try await !isOver() {
            try await Waiting.until("answers of the minute are told, and hosts speak", within: .seconds(30)) {
                let isAnswered = try await plimsoll.answers()
                let facts = try await plimsoll.rows(
                    """
                    SELECT EXISTS (SELECT 1 FROM reliability.minute WHERE tier = 'pro' AND minute_at = date_trunc('minute', now()) AND good > 0),
                        (SELECT bool_and(last_heartbeat_at > now() - interval '15 seconds') FROM serving.hosts WHERE state = 'active')
                    """)
                return isAnswered && facts == ["t|t"]
            }
            try clock.move(by: Self.minute)
        }
        try await Waiting.until("the incident is over", within: .seconds(30), isOver)
        let ends = try await plimsoll.rows("SELECT DISTINCT detail ->> 'end' FROM reliability.incident_event WHERE kind = 'resolved'")
        #expect(ends == ["clean_minutes"])
        let posts = try await plimsoll.admin("GET", "/status-posts")
        let draft = try #require(posts.at("data.0.id"), "\(posts.body)")
        // Where it lasted for ten minutes it has published itself.
        guard posts.at("data.0.published_at") == "<null>" else { return }
        #expect(try await plimsoll.command(["status", "publish", draft]).code == 0)
    }

    private func closed(_ plimsoll: Installation, _ clock: MovableClock, _ end: Date) async throws {
        try await Waiting.until("the month's minutes are closed", within: .seconds(40)) {
            let seconds = Int(end.timeIntervalSince1970)
            return try await plimsoll.rows("SELECT closed_until >= to_timestamp(\(seconds)) FROM reliability.minute_progress") == ["t"]
        }
        // What was told late is summed again when another minute begins.
        try clock.move(by: Self.minute)
        // A credit of before is one that later leaves may contradict, until the keeper has computed the month anew.
        try await Waiting.until("the month's leaves are there", within: .seconds(150)) {
            try await plimsoll.rows(
                """
                SELECT bool_and(next_at >= (month + interval '1 month') AT TIME ZONE 'UTC') AND NOT EXISTS (SELECT 1 FROM reliability.late_minute)
                    AND NOT EXISTS (SELECT 1 FROM reliability.evidence_late)
                FROM reliability.evidence_tree WHERE month + interval '1 month' <= now() AT TIME ZONE 'UTC'
                """) == ["t"]
        }
        // One that was told late is there as unmeasured, and stays the one bad minute that it is.
        try await Waiting.until("the ledger has every bad minute", within: .seconds(60)) {
            try await plimsoll.rows(
                """
                SELECT count(*) >= 6 AND bool_and((SELECT sum(amount) FROM reliability.budget_entry AS entry
                    JOIN reliability.budget_subject AS subject ON subject.id = subject_id
                    WHERE subject.tier = told.tier AND tenant_id IS NULL AND entry.minute_at = told.minute_at) = 1)
                FROM reliability.service_minute AS told WHERE tier = 'pro' AND bad > 0
                """) == ["t"]
        }
    }

    /// Cents of the credit, computed by the command line.
    private func credit(_ plimsoll: Installation, _ agreement: String, _ month: String) async throws -> Int {
        let made = try await plimsoll.command(["credits", "compute", agreement, month, "--output", "json"])
        let document = try #require(try JSONSerialization.jsonObject(with: Data(made.text.utf8)) as? [String: Any], "\(made.text)")
        let cents = try #require(document["amount_cents"] as? Int)
        #expect(made.code == 0 && cents > 0, "\(made.text)")
        return cents
    }

    private func verify(_ plimsoll: Installation, _ cents: Int, _ end: Date) async throws {
        let (file, month) = (plimsoll.state + "/bundle", monthText(end))
        // As a customer, who has no token.
        let key = try await HTTPCall.send("GET", (plimsoll.environment["PLIMSOLL_EVIDENCE_URL"] ?? "") + "/evidence/v1/key").body
        try key.write(toFile: file + ".key", atomically: true, encoding: .utf8)
        try await Waiting.until("a bundle with the credit", within: .seconds(60)) {
            guard try await plimsoll.command(["evidence", "bundle", "demo-pro", month, "--to", file]).code == 0 else { return false }
            return try String(contentsOfFile: file, encoding: .utf8).contains("\ncredit|")
        }
        let link = try await plimsoll.command(["tenants", "report", "demo-pro", "--month", month, "--link"]).text
        let page = try await HTTPCall.send("GET", link)
        #expect(page.status == 200 && page.body.contains("Credits") && page.body.contains("month.evidence"), "\(page.body)")
        let evidence = try await HTTPCall.send("GET", link + "/month.evidence").body
        #expect(try evidence.split(separator: "\n") == String(contentsOfFile: file, encoding: .utf8).split(separator: "\n"))
        let words = ["verify", file, "--key", file + ".key"]
        let told = try await plimsoll.command(words)
        #expect(told.code == 0, "\(told.text)")
        #expect(told.text.contains(String(format: "%d.%02d", cents / 100, cents % 100)), "\(told.text)")
        var bytes = try Data(contentsOf: URL(filePath: file))
        let place = try #require(bytes.range(of: Data("\ncredit|".utf8))?.upperBound)
        bytes[place] ^= 1
        try bytes.write(to: URL(filePath: file))
        #expect(try await plimsoll.command(words).code != 0, "one other byte")
        try await Waiting.until("the public page tells of it", within: .seconds(40)) {
            try await HTTPCall.send("GET", plimsoll.url + "/api/v2/incidents.json").body.contains("\"impact\":")
        }
    }
}
