import Foundation
import TestSupport
import Testing

extension MachineTests {
    @Suite struct GatewayLossTests {
        /// `PLIMSOLL_KILLS`: how many, in place of 20.
        @Test(.timeLimit(.minutes(20))) func everyFinishedAnswerHasOneRecordThroughManyKills() async throws {
            let kills = ProcessInfo.processInfo.environment["PLIMSOLL_KILLS"].flatMap { Int($0) } ?? 20
            try await Installation.with { plimsoll in
                let load = try plimsoll.load(customers: 16, maxTokens: 12, seconds: 90 + 8 * kills)
                for _ in 0..<kills {
                    let finished = load.endings.count("finished")
                    try await Waiting.until("answers after a restart", within: .seconds(40)) { load.endings.count("finished") >= finished + 16 }
                    let gateway = try plimsoll.pid("gateway")
                    try plimsoll.kill("gateway")
                    try await plimsoll.restarted("gateway", from: gateway)
                }
                let endings = try await load.finish()
                #expect(endings.count("finished") > 300, "\(endings.summary)")
                // Finished or cut: whoever saw the head of an answer is in the books once.
                let answered = Set(endings.filter { $0.status == 200 }.compactMap(\.id))
                let counts = try await plimsoll.recordCounts(of: answered)
                #expect(counts.values.allSatisfy { $0 == 1 })
                #expect(try await plimsoll.rows("SELECT request_id FROM billing.usage_quarantine").isEmpty)
                // Whoever was cut in the middle of a stream pays nothing, and its record says what happened; but for one whose answer was complete and
                // recorded, and only its last bytes did not arrive.
                let cut = endings.filter { $0.first && $0.outcome == "cut" }.compactMap(\.id)
                try #require(!cut.isEmpty, "no kill met a stream")
                let ids = cut.map { "'\($0)'" }.joined(separator: ",")
                let records = try await plimsoll.rows(
                    "SELECT outcome, billable_prompt_tokens + billable_completion_tokens FROM billing.usage_event WHERE request_id IN (\(ids))")
                #expect(records.count == cut.count && records.allSatisfy { $0 == "bad:interrupted|0" || $0.hasPrefix("good|") }, "\(Set(records))")
                #expect(records.contains("bad:interrupted|0"))
                try await Waiting.until("minutes that hold what the records show", within: .seconds(60)) {
                    try await plimsoll.rows(Self.missing) == ["0"]
                }
                #expect(try await plimsoll.rows("SELECT 1 FROM reliability.minute WHERE boot_id LIKE '%-lost' AND bad > 0").isEmpty)
            }
        }

        /// Counts of minutes that are not those of the records. Refusals have none, so only what nobody is refused with must be equal.
        private static let missing = """
            WITH counted AS (
                SELECT tenant_id, minute_at, outcome.key AS outcome, sum(outcome.value::bigint) AS requests
                FROM reliability.minute, jsonb_each_text(outcomes) AS outcome WHERE NOT drill GROUP BY 1, 2, 3
            ), recorded AS (
                SELECT event.tenant_id, date_trunc('minute', event.accepted_at) AS minute_at, event.outcome, count(*) AS requests
                FROM billing.usage_event AS event JOIN serving.api_keys AS key ON key.id = event.key_id AND key.purpose IS NULL GROUP BY 1, 2, 3
            )
            SELECT count(*) FROM recorded FULL JOIN counted USING (tenant_id, minute_at, outcome)
            WHERE coalesce(counted.requests, 0) < coalesce(recorded.requests, 0)
                OR outcome IN ('good', 'bad:interrupted') AND counted.requests IS DISTINCT FROM recorded.requests
            """
    }
}
