import Foundation
import TestSupport
import Testing

extension MachineTests {
    @Suite struct AnomalyTests {
        /// From refusals at the gateway, by its minutes and the control plane's judgement, back to the limits that the gateway holds.
        @Test(.timeLimit(.minutes(4))) func aSurgeOfErrorsIsAnEventAndThrottlesItsTenantAtTheGateway() async throws {
            try await Installation.with { plimsoll in
                let tenants = try await plimsoll.rows("SELECT id FROM serving.tenants WHERE tier ILIKE 'pro%' ORDER BY created_at LIMIT 1")
                let tenant = try #require(tenants.first)
                try #require(try await plimsoll.admin("PATCH", "/tenants/\(tenant)", #"{"anomaly_throttle_ppm":250000}"#).status == 200)
                let whole = try #require(try await Self.requestsAMinute(plimsoll))
                let made = try await plimsoll.makeKey("surge")
                try #require(try await plimsoll.admin("PATCH", "/keys/\(made.id)", #"{"requests_per_minute":1}"#).status == 200)
                let load = try LoadClient(
                    url: plimsoll.url, key: made.key, model: plimsoll.model, customers: 10, maxTokens: 4, seconds: 60, plain: true)
                try await Waiting.until("a hundred refusals", within: .seconds(50)) {
                    load.endings.count { $0.detail.contains("rate_limit_exceeded") } >= 100
                }
                _ = try await load.finish()
                try await Waiting.until("the minute is told", within: .seconds(30)) {
                    try await plimsoll.rows(
                        "SELECT 1 FROM reliability.minute WHERE tenant_id = '\(tenant)' AND excluded >= 30 LIMIT 1") == ["1"]
                }
                try await Self.judge(plimsoll, tenant)
                try await Waiting.until("the gateway holds a quarter of the limit", within: .seconds(60)) {
                    try await Self.requestsAMinute(plimsoll) == whole / 4
                }
                let events = try await plimsoll.admin("GET", "/abuse-events?tenant=\(tenant)")
                #expect(events.body.contains(#""anomaly""#) && events.body.contains(#""errors""#), "\(events.body)")
                #expect(try await plimsoll.answers(), "who is throttled still gets on")
            }
        }

        /// Puts the minute four minutes back, behind a hundred quiet ones and two bad ones, so that nobody waits for its end.
        private static func judge(_ plimsoll: Installation, _ tenant: String) async throws {
            _ = try await plimsoll.rows(
                """
                INSERT INTO reliability.minute SELECT (jsonb_populate_record(told,
                    jsonb_build_object('minute_at', date_trunc('minute', now()) - interval '4 minutes'))).*
                FROM (SELECT m FROM reliability.minute AS m WHERE tenant_id = '\(tenant)' ORDER BY excluded DESC LIMIT 1) AS one (told);
                INSERT INTO serving.behaviour_progress (minute_at) VALUES (date_trunc('minute', now()) - interval '5 minutes')
                    ON CONFLICT (single) DO UPDATE SET minute_at = excluded.minute_at;
                INSERT INTO serving.behaviour (tenant_id, signal, mean, variance, samples, alarmed, streak)
                    VALUES ('\(tenant)', 'errors', 0, 0, 100, false, 2)
                    ON CONFLICT (tenant_id, signal) DO UPDATE SET mean = 0, variance = 0, samples = 100, alarmed = false, streak = 2
                """)
        }

        private static func requestsAMinute(_ plimsoll: Installation) async throws -> Int? {
            try await HTTPCall.send("GET", plimsoll.url + "/v1/usage", headers: ["Authorization": "Bearer " + plimsoll.key])
                .at("minute.requests.limit").flatMap { Int($0) }
        }
    }
}
