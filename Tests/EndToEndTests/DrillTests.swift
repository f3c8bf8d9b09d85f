import Foundation
import TestSupport
import Testing

extension MachineTests {
    @Suite struct DrillTests {
        /// All kinds of drills on one installation while customers ask, one after the other, and what they leave behind.
        @Test(.timeLimit(.minutes(8))) func everyDrillIsHeldUnderLoadAndLeavesNothingButItsRecord() async throws {
            try await MovableClock.with { clock in
                try await Installation.with(settings: clock.environment) { plimsoll in
                    let load = try plimsoll.load(customers: 6, maxTokens: 20, seconds: 420, plain: true)
                    try await Waiting.until("some answers are whole", within: .seconds(60)) { load.endings.count("finished") >= 12 }
                    // Questions that were asked before the hosts served have been counted by then.
                    try await Waiting.until("the counts are in", within: .seconds(60)) {
                        try await plimsoll.rows("SELECT coalesce(sum(good), 0) >= 20 FROM reliability.minute") == ["t"]
                    }
                    try await providerLoss(plimsoll)
                    for (words, seconds) in [
                        (["worker-loss", "--compression", "24", "--wait"], 20), (["wrong-answers", "--compression", "24", "--wait"], 20),
                        (["slow-region", "--region", "local", "--delay", "150", "--load", "2"], 10),
                        (["control-loss"], 10),
                    ] {
                        let told = try await drill(plimsoll, words, seconds: seconds)
                        // What is noticed is acted upon, and taken back before the next begins.
                        if words.contains("--wait") { #expect(told.contains("in force     after") && told.contains("taken back   after"), "\(told)") }
                    }
                    let endings = try await load.finish()
                    #expect(endings.allSatisfy { $0.outcome == "finished" }, "\(endings.summary)")
                    try await proven(plimsoll)
                    try await ledger(plimsoll, clock)
                }
            }
        }
    }
}

extension MachineTests.DrillTests {
    /// Runs one to its report, and holds it to its promise but for the first tokens of a `slow-region`, which a busy machine makes late by itself.
    private func drill(_ plimsoll: Installation, _ words: [String], seconds: Int) async throws -> String {
        let errors = plimsoll.state + "/drill.log"
        let child = try ChildProcess(
            Checkout.program("plimsoll"), ["drill"] + words + ["--seconds", "\(seconds)"], environment: plimsoll.environment, errors: errors)
        let code = try await child.ended(within: .seconds(300))
        let told = child.lines.joined(separator: "\n")
        let complaint = "\(words) \(code) \(told) \((try? String(contentsOfFile: errors, encoding: .utf8)) ?? "")"
        #expect(told.contains("of which 0 lost") && told.contains("bad minutes  0"), "\(complaint)")
        let lines = Array(child.lines.drop { !$0.hasPrefix("the promise") })
        let isLate = words.contains("slow-region") && code == 1 && lines.count == 2 && lines[1].contains("first tokens were later")
        #expect(isLate || code == 0 && lines == ["the promise held"], "\(complaint)")
        return told
    }

    /// Nothing is open and nothing in force.
    private func quiet(_ plimsoll: Installation) async throws {
        try await Waiting.until("incidents are over and mitigations taken back", within: .seconds(120)) {
            try await plimsoll.rows(
                """
                SELECT (SELECT count(*) FROM reliability.incident WHERE drill AND resolved_at IS NULL)
                    + (SELECT count(*) FROM reliability.mitigation WHERE state = 'active')
                """) == ["0"]
        }
    }

    /// An incident with its timeline, an entry on the public page, a mitigation that was taken back.
    private func providerLoss(_ plimsoll: Installation) async throws {
        let told = try await drill(plimsoll, ["provider-loss", "--compression", "24"], seconds: 25)
        #expect(told.contains("drain_provider") && told.contains("by another provider") && told.contains("0.00 % burned"), "\(told)")
        // With the provider goes the redundancy of what is sold, which is an incident of its own.
        try await quiet(plimsoll)
        let events = try await plimsoll.rows(
            """
            SELECT string_agg(CASE kind WHEN 'mitigation' THEN split_part(event.text, ':', 1) ELSE kind END, ' ' ORDER BY event.id)
            FROM reliability.incident_event AS event JOIN reliability.incident ON incident.id = incident_id
            WHERE drill AND rule = 'provider_health' AND kind IN ('opened', 'mitigation', 'resolved') GROUP BY incident_id
            """)
        #expect(events.count == 1 && events.first?.hasPrefix("opened") == true && events.first?.contains("in force") == true, "\(events)")
        #expect(events.first?.contains("reverted") == true && events.first?.contains("resolved") == true, "\(events)")
        let timeline = try await plimsoll.command(["incidents", "list", "--output", "json"])
        #expect(timeline.code == 0 && timeline.text.contains("provider_health"))
        try await Waiting.until("the public page tells of it once, as a drill", within: .seconds(60)) {
            let page = try await HTTPCall.send("GET", plimsoll.url + "/api/v2/incidents.json").body
            return page.components(separatedBy: "Drill: Disruption").count == 2
        }
        let html = try await HTTPCall.send("GET", plimsoll.url + "/status").body
        #expect(html.contains("Drill") && !html.contains("alpha") && !html.contains("beta"), "who failed is nobody's business")
    }

    /// Drills stand in the record with who served meanwhile, and prove the fallback of what is sold.
    private func proven(_ plimsoll: Installation) async throws {
        let drills = try await plimsoll.rows("SELECT count(*), count(report) FROM reliability.drill")
        #expect(drills == ["5|5"])
        let fallback = try await plimsoll.rows(
            "SELECT count(*) > 0 AND bool_and(drill_id IS NOT NULL), coalesce(bool_and(held), false) FROM reliability.tried_fallback WHERE sku LIKE '%-pro'"
        )
        #expect(fallback.first?.hasPrefix("t|") == true, "\(fallback)")
        let lines = try await plimsoll.command(["readiness"])
        let word = fallback == ["t|t"] ? "proven    " : "NOT PROVEN"
        #expect(lines.code == 1 && lines.text.contains("\(word) The fallback was tested under a synthetic failure"), "\(lines.text)")
    }

    /// When the minutes are closed the ledger has nothing of the drills' time: nobody's promise was broken.
    private func ledger(_ plimsoll: Installation, _ clock: MovableClock) async throws {
        try clock.move(by: 17 * 60)
        let last = "date_trunc('minute', (SELECT max(ended_at) FROM reliability.drill))"
        try await Waiting.until("the minutes are closed", within: .seconds(60)) {
            try await plimsoll.rows("SELECT closed_until > \(last) FROM reliability.minute_progress") == ["t"]
        }
        let spent = try await plimsoll.rows(
            """
            SELECT count(DISTINCT subject.id) > 0, count(entry.subject_id) FROM reliability.budget_subject AS subject
            LEFT JOIN reliability.budget_entry AS entry ON entry.subject_id = subject.id
                AND minute_at BETWEEN date_trunc('minute', (SELECT min(started_at) FROM reliability.drill)) AND \(last) AND status = 'bad'
            WHERE subject.tier = 'pro'
            """)
        #expect(spent == ["t|0"])
    }
}
