import Foundation
import TestSupport
import Testing

extension MachineTests {
    @Suite struct QuotaTests {
        /// Row 48 of the failure catalogue, and the bound that `docs/limits.md` publishes: four real gateways, two hundred customers at once, a
        /// quota that they all reach. What is answered and recorded is never above it, and hardly anything of it stays unused.
        @Test(.timeLimit(.minutes(5))) func fourGatewaysTogetherAdmitTheQuotaAndNoMore() async throws {
            try await Installation.with { plimsoll in
                let quota = 30_000
                let gateways = try await Self.gateways(plimsoll, 3)
                defer { for gateway in gateways { gateway.child.signal(SIGKILL) } }
                let made = try await Self.limitedKey(plimsoll, tokensPerDay: quota)
                let loads = try ([plimsoll.url] + gateways.map(\.url)).map { url in
                    try LoadClient(url: url, key: made.key, model: plimsoll.model, customers: 50, maxTokens: 20, seconds: 60, plain: true)
                }
                try await Waiting.until("the quota is used up everywhere", within: .seconds(80)) {
                    loads.allSatisfy { $0.endings.suffix(50).count(where: Self.isOverQuota) == 50 }
                }
                var endings: [LoadClient.Ending] = []
                for load in loads { endings += try await load.finish() }
                #expect(endings.allSatisfy { $0.outcome == "finished" || Self.isOverQuota($0) }, "\(endings.summary)")
                let used = try await Self.recorded(plimsoll, key: made.id, answers: endings.count("finished"))
                #expect(used <= quota, "\(used) of \(quota)")
                // Each gateway may keep less than one request needs.
                #expect(used > quota - 4 * 60, "\(used) of \(quota)")
                let held = try await plimsoll.rows(
                    "SELECT sum(greatest(granted, spent)) FROM serving.quota_leases WHERE holder = 'key/\(made.id)' AND kind = 'tokens_per_day'")
                #expect(held.first.flatMap { Int($0) } ?? .max <= quota)
            }
        }

        /// Rows 49 and 50: what a killed gateway used it knows again, and what it had reserved for requests that ended with it is free.
        @Test(.timeLimit(.minutes(4))) func aKilledGatewayForgetsNothingThatWasUsed() async throws {
            try await Installation.with { plimsoll in
                let made = try await Self.limitedKey(plimsoll, tokensPerDay: 5_000)
                let load = try LoadClient(url: plimsoll.url, key: made.key, model: plimsoll.model, customers: 8, maxTokens: 20, seconds: 60)
                try await Waiting.until("some answers are whole", within: .seconds(60)) { load.endings.count("finished") >= 16 }
                let gateway = try plimsoll.pid("gateway")
                try plimsoll.kill("gateway")
                try await plimsoll.restarted("gateway", from: gateway)
                try await Waiting.until("the quota is used up", within: .seconds(60)) { load.endings.suffix(8).allSatisfy(Self.isOverQuota) }
                let ended = try await load.finish()
                // Eight at once reserve more than they need. One alone gets to the end of what is left.
                let last = try LoadClient(url: plimsoll.url, key: made.key, model: plimsoll.model, customers: 1, maxTokens: 20, seconds: 60)
                try await Waiting.until("nothing is left for one", within: .seconds(60)) { last.endings.last.map(Self.isOverQuota) ?? false }
                let answers = ended.count("finished") + (try await last.finish().count("finished"))
                let used = try await Self.recorded(plimsoll, key: made.id, answers: answers)
                #expect(used <= 5_000 && used > 5_000 - 60, "\(used) \(ended.summary)")
            }
        }

        private static func isOverQuota(_ ending: LoadClient.Ending) -> Bool { ending.detail.contains("tokens_per_day_exceeded") }

        private static func gateways(_ plimsoll: Installation, _ count: Int) async throws -> [AddedGateway] {
            var gateways: [AddedGateway] = []
            for number in 1...count { gateways.append(try await plimsoll.addGateway(number)) }
            return gateways
        }

        private static func limitedKey(_ plimsoll: Installation, tokensPerDay: Int) async throws -> (id: String, key: String) {
            let made = try await plimsoll.makeKey("limited")
            let limited = try await plimsoll.admin("PATCH", "/keys/\(made.id)", #"{"tokens_per_day":\#(tokensPerDay)}"#)
            try #require(limited.status == 200, "\(limited.status) \(limited.body)")
            return made
        }

        /// Tokens of all records of a key, once each answer has its own.
        private static func recorded(_ plimsoll: Installation, key: String, answers: Int) async throws -> Int {
            var used = 0
            try await Waiting.until("a record of each answer", within: .seconds(30)) {
                let row = try await plimsoll.rows(
                    "SELECT count(*) FILTER (WHERE outcome = 'good'), coalesce(sum(billable_prompt_tokens + billable_completion_tokens), 0) "
                        + "FROM billing.usage_event WHERE key_id = '\(key)'")
                let parts = row.first?.split(separator: "|").compactMap { Int($0) } ?? []
                guard parts.count == 2, parts[0] >= answers else { return false }
                used = parts[1]
                return true
            }
            return used
        }
    }
}
