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
                let made = try await Self.limitedKey(plimsoll, "tokens_per_day", quota)
                let loads = try Self.loads(plimsoll, gateways, key: made.key, customers: 50)
                try await Waiting.until("the quota is used up everywhere", within: .seconds(80)) {
                    loads.allSatisfy { $0.endings.suffix(50).count(where: Self.isOverQuota) == 50 }
                }
                let endings = try await Self.finish(loads)
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

        /// Cut off from the control plane, each gateway goes on with its last share, and all together stay within the quota.
        @Test(.timeLimit(.minutes(5))) func fourGatewaysThatAreCutOffAdmitFromTheirLastSharesAndNoMoreThanTheQuota() async throws {
            try await Installation.with { plimsoll in
                let quota = 30_000
                let gateways = try await Self.gateways(plimsoll, 3)
                defer { for gateway in gateways { gateway.child.signal(SIGKILL) } }
                let made = try await Self.limitedKey(plimsoll, "tokens_per_day", quota)
                let loads = try Self.loads(plimsoll, gateways, key: made.key, customers: 10)
                try await Waiting.until("each gateway has a share", within: .seconds(60)) { loads.allSatisfy { $0.endings.count("finished") >= 5 } }
                try plimsoll.kill("control", SIGSTOP)
                let before = loads.map { $0.endings.count("finished") }
                try await Waiting.until("the shares are used up", within: .seconds(80)) {
                    loads.allSatisfy { $0.endings.suffix(10).count(where: Self.isOverQuota) == 10 }
                }
                let endings = try await Self.finish(loads)
                try plimsoll.kill("control", SIGCONT)
                #expect(endings.allSatisfy { $0.outcome == "finished" || Self.isOverQuota($0) }, "\(endings.summary)")
                #expect(endings.count("finished") > before.reduce(0, +), "what was leased is used")
                let used = try await Self.recorded(plimsoll, key: made.id, answers: endings.count("finished"))
                #expect(used <= quota, "\(used) of \(quota)")
            }
        }

        /// The limits that are no quota of tokens: of a minute and of requests at once, which are parted among gateways, and of money, which is leased.
        @Test(.timeLimit(.minutes(6))) func fourGatewaysTogetherKeepEveryOtherLimit() async throws {
            try await Installation.with { plimsoll in
                let gateways = try await Self.gateways(plimsoll, 3)
                defer { for gateway in gateways { gateway.child.signal(SIGKILL) } }
                let requests = try await Self.used(plimsoll, gateways, "requests_per_minute", 120, until: "rate_limit_exceeded")
                #expect(requests.count <= 120 + 120 * requests.seconds / 60 + 1 && requests.count >= 100, "\(requests)")
                let tokens = try await Self.used(plimsoll, gateways, "tokens_per_minute", 6_000, until: "tokens_per_minute_exceeded")
                // Prompts are estimated before they are counted: those that run at the end may be longer than was thought.
                #expect(tokens.tokens <= 6_000 + 100 * tokens.seconds + 40 * 20 && tokens.tokens >= 3_000, "\(tokens)")
                let together = try await Self.used(plimsoll, gateways, "concurrent_requests", 8, until: "too_many_concurrent_requests")
                #expect(together.atOnce <= 8 && together.atOnce >= 4, "\(together)")
                // What has no price costs nothing: the first one holds a little after the start.
                try await Waiting.until("the price holds", within: .seconds(90)) {
                    _ = try await plimsoll.answers()
                    return try await plimsoll.rows("SELECT 1 FROM billing.usage_event WHERE price_version IS NOT NULL LIMIT 1") == ["1"]
                }
                let spend = try await Self.used(plimsoll, gateways, "spend_per_month_micro_usd", 2_000, until: "spend_limit_exceeded")
                #expect(spend.picoUSD <= 2_000_000_000 && spend.picoUSD >= 1_000_000_000, "\(spend)")
            }
        }

        /// One request may need nearly all of a minute, of which each gateway has a quarter: the others lend what they do not use.
        @Test(.timeLimit(.minutes(4))) func oneRequestMayNeedMoreThanItsGatewaysPart() async throws {
            try await Installation.with { plimsoll in
                let gateways = try await Self.gateways(plimsoll, 3)
                defer { for gateway in gateways { gateway.child.signal(SIGKILL) } }
                // No key may have fewer tokens than the longest answer of its tier.
                try #require(try await plimsoll.admin("PATCH", "/tiers/pro", #"{"max_output_tokens":240}"#).status == 200)
                let made = try await Self.limitedKey(plimsoll, "tokens_per_minute", 240)
                try await Waiting.until("the limit is parted", within: .seconds(60)) {
                    let usage = try await HTTPCall.send("GET", plimsoll.url + "/v1/usage", headers: ["Authorization": "Bearer " + made.key])
                    return usage.body.contains(#""tokens":{"limit":240,"burst":240,"used":0,"left":60,"#)
                }
                func ask(_ tokens: Int) async throws -> HTTPCall {
                    let body = #"{"model":"\#(plimsoll.model)","max_tokens":\#(tokens),"messages":[{"role":"user","content":"hello"}]}"#
                    return try await plimsoll.chat(body, key: made.key)
                }
                let answer = try await ask(200)
                #expect(answer.status == 200, "\(answer.status) \(answer.body)")
                let above = try await ask(240)
                #expect(above.status == 429 && above.body.contains("ask for fewer"), "\(above.status) \(above.body)")
            }
        }

        /// What the records of a key say after customers at all gateways have met its limit.
        private struct Use {
            var count = 0
            var tokens = 0
            var picoUSD = 0
            /// From the first to the last acceptance, rounded up.
            var seconds = 0
            /// The most that ran at one time.
            var atOnce = 0
        }

        private static func used(
            _ plimsoll: Installation, _ gateways: [AddedGateway], _ limit: String, _ value: Int, until code: String
        ) async throws -> Use {
            let made = try await limitedKey(plimsoll, limit, value)
            let loads = try loads(plimsoll, gateways, key: made.key, customers: 10)
            try await Waiting.until("\(limit) is met everywhere", within: .seconds(60)) {
                loads.allSatisfy { $0.endings.contains { $0.detail.contains(code) } } && loads.reduce(0) { $0 + $1.endings.count("finished") } >= 40
            }
            let endings = try await finish(loads)
            #expect(endings.allSatisfy { $0.outcome == "finished" || $0.detail.contains(code) }, "\(endings.summary)")
            var use = Use()
            use.tokens = try await recorded(plimsoll, key: made.id, answers: endings.count("finished"))
            // A place is taken when the body has been read and looked at: one that was given back between acceptance and then was free.
            let rows = try await plimsoll.rows(
                """
                WITH own AS (SELECT accepted_at AS accepted, accepted_at + interval '50 milliseconds' AS begin, accepted_at + finished_after_us * interval '1 microsecond' AS end,
                    billable_prompt_tokens AS prompt, billable_completion_tokens AS completion FROM billing.usage_event WHERE key_id = '\(made.id)')
                SELECT count(*), sum(prompt * 100000 + completion * 400000), ceil(extract(epoch FROM max(accepted) - min(accepted)))::int,
                    (SELECT max((SELECT count(*) FROM own AS other WHERE other.begin <= one.begin AND other.end > one.begin)) FROM own AS one)
                FROM own
                """)
            let parts = rows.first?.split(separator: "|").compactMap { Int($0) } ?? []
            try #require(parts.count == 4, "\(rows)")
            (use.count, use.picoUSD, use.seconds, use.atOnce) = (parts[0], parts[1], parts[2], parts[3])
            return use
        }

        /// Rows 49 and 50: what a killed gateway used it knows again, and what it had reserved for requests that ended with it is free.
        @Test(.timeLimit(.minutes(4))) func aKilledGatewayForgetsNothingThatWasUsed() async throws {
            try await Installation.with { plimsoll in
                let made = try await Self.limitedKey(plimsoll, "tokens_per_day", 5_000)
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

        /// At each gateway.
        private static func loads(_ plimsoll: Installation, _ gateways: [AddedGateway], key: String, customers: Int) throws -> [LoadClient] {
            try ([plimsoll.url] + gateways.map(\.url)).map { url in
                try LoadClient(url: url, key: key, model: plimsoll.model, customers: customers, maxTokens: 20, seconds: 60, plain: true)
            }
        }

        private static func finish(_ loads: [LoadClient]) async throws -> [LoadClient.Ending] {
            var endings: [LoadClient.Ending] = []
            for load in loads { endings += try await load.finish() }
            return endings
        }

        private static func limitedKey(_ plimsoll: Installation, _ limit: String, _ value: Int) async throws -> (id: String, key: String) {
            let made = try await plimsoll.makeKey("limited")
            let limited = try await plimsoll.admin("PATCH", "/keys/\(made.id)", #"{"\#(limit)":\#(value)}"#)
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
