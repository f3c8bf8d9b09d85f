import FoundationEssentials
@testable import PlimsollWire

/// Months of a tenant: one with everything, one with nothing.
enum TenantMonthFixture {
    static let all: [(String, TenantMonth)] = [("full", full), ("empty", empty)]

    static var empty: TenantMonth {
        TenantMonth(
            name: "acme", displayName: "Acme & Sons", tier: "pro", month: "2030-01", from: "2030-01-01T00:00Z", until: "2030-01-01T00:00Z",
            complete: false, countsKept: true, series: [], incidents: [], maintenance: [], exclusions: [], credits: [], evidence: nil)
    }

    static var full: TenantMonth {
        var month = empty
        month.until = "2030-02-01T00:00Z"
        month.complete = true
        month.series = [series("chat-large", "eu"), series("chat-small", "us")]
        month.incidents = [
            TenantMonth.IncidentWindow(
                number: 12, rule: "server_errors", model: "chat-large", region: "eu", step: "reported", impactFrom: "2030-01-12T10:03:20Z",
                impactUntil: "2030-01-12T10:25:00Z", feltMinutes: 17, badMinutes: 21, requestsGood: 800, requestsBad: 1_240)
        ]
        month.maintenance = [
            TenantMonth.Maintenance(
                title: "New disks", model: nil, region: "eu", startsAt: "2030-01-20T02:00:00Z", endsAt: "2030-01-20T03:00:00Z",
                announcedAt: "2030-01-14T09:00:00Z")
        ]
        month.exclusions = [
            TenantMonth.Exclusion(
                code: "customer_network", reason: "<b>their line</b> was cut", model: nil, region: nil, startsAt: "2030-01-22T02:00:00Z",
                endsAt: "2030-01-22T02:10:00Z")
        ]
        month.credits = [credit]
        month.evidence = TenantMonth.Evidence(
            leaves: 89_280, root: String(repeating: "0af3", count: 16), complete: true, closedUntil: "2030-02-01T00:00:00Z")
        return month
    }

    private static func series(_ model: String, _ region: String) -> TenantMonth.Series {
        let days = (1...31).map { day in
            let (bad, out) = (day == 12 ? 21 : 0, day == 20 ? 60 : 0)
            return TenantMonth.Day(
                day: "2030-01-\(day < 10 ? "0" : "")\(day)", minutes: minutes(1_440, bad: Int64(bad), excluded: Int64(out)), good: 40_000,
                bad: day == 12 ? 1_240 : 3, excluded: 12,
                refused: 10, firstTokenP50Microseconds: 240_000, firstTokenP95Microseconds: day == 17 ? nil : 700_000 + Int64(day) * 9_000,
                lastToken256P95Microseconds: 4_200_000, lastToken512P95Microseconds: 8_100_000 + Int64(day) * 20_000,
                queueP95Microseconds: day == 12 ? 900_000 : 12_000)
        }
        let latency = TenantMonth.Latency(
            thresholdMicroseconds: 1_500_000, samples: 1_240_000, over: 310, p95IsOver: false, p50Microseconds: 240_000, p95Microseconds: 900_000,
            p99Microseconds: 1_400_000)
        return TenantMonth.Series(
            model: model, region: region, from: "2030-01-01T00:00Z", until: "2030-02-01T00:00Z",
            covered: model == "chat-large"
                ? [.init(from: "2030-01-01T00:00Z", until: "2030-01-09T12:00Z"), .init(from: "2030-01-11T00:00Z", until: "2030-02-01T00:00Z")]
                : [.init(from: "2030-01-01T00:00Z", until: "2030-02-01T00:00Z")],
            objectiveView: minutes(44_640, bad: 21, excluded: 0),
            promiseView: minutes(44_640, bad: 21, excluded: 60),
            contractMonths: model == "chat-large"
                ? [
                    TenantMonth.ContractMonth(
                        timeZone: "Asia/Tokyo", from: "2029-12-31T15:00Z", until: "2030-01-31T15:00Z", minutes: minutes(44_640, bad: 81, excluded: 60)
                    )
                ] : [],
            requests: TenantMonth.Requests(
                good: 1_240_000, bad: 1_330, excluded: 12, serverErrors: 1_240, refusedWithinQuota: 90, refusedAboveQuota: 220, brokenStreams: 0,
                disconnects: 14, promptTokens: 900_000_000, completionTokens: 310_000_000),
            firstToken: latency, lastToken256: latency,
            lastToken512: TenantMonth.Times(samples: 90, p50Microseconds: 7_000_000, p95Microseconds: 8_300_000, p99Microseconds: 8_900_000),
            queue: TenantMonth.Times(samples: 40, p50Microseconds: 2_000, p95Microseconds: 21_000, p99Microseconds: 340_000),
            retrieval: region == "eu" ? retrieval : nil,
            batch: region == "eu" ? TenantMonth.Batch(requests: 50_000, inTime: 49_998, late: 1, failed: 1, inTimePpm: 999_960) : nil,
            budget: TenantMonth.Budget(
                objective: "availability", targetPpm: 999_000, allowedMinutes: 44, badMinutes: 21, causes: ["deployment": 4, "unexpected": 17],
                isOfTier: true),
            days: days)
    }

    private static var retrieval: TenantMonth.Retrieval {
        let told = TenantMonth.Times(samples: 900, p50Microseconds: 120_000, p95Microseconds: 640_000, p99Microseconds: 900_000)
        return TenantMonth.Retrieval(time: told, withFirstToken: told, withAnswer: told)
    }

    private static func minutes(_ all: Int64, bad: Int64, excluded: Int64) -> TenantMonth.Minutes {
        let eligible = all - excluded
        return TenantMonth.Minutes(
            minutes: all, excluded: excluded, good: eligible - bad, goodIdle: 0, bad: bad, badIdle: 0, unmeasured: 0,
            uptime: TenantMonth.Uptime(numerator: eligible - bad, denominator: eligible))
    }

    private static var credit: TenantMonth.Credit {
        typealias Sums = TenantMonth.Credit.Arithmetic
        return TenantMonth.Credit(
            model: "chat-large", region: "eu", version: 1, status: "issued", currency: "USD", amountCents: 2_505,
            arithmetic: Sums(
                terms: Sums.Terms(name: "pro", version: 2),
                minutes: Sums.Minutes(covered: 44_640, excluded: 60, eligible: 44_580, bad: 21, badIdle: 0, unmeasured: 46),
                availability: Sums.Availability(
                    objective: [999, 1_000], uptime: [44_513, 44_580], shortfall: [1, 2_000], steps: [1, 1], percent: [5, 1]),
                latency: Sums.Latency(longestRunHours: 1, consecutiveHoursNeeded: 3, percent: 0),
                fee: Sums.Fee(minimumUsd: "500.000000000000", chargesUsd: "501.000500000000", baseUsd: "501.000500000000"),
                totalPercent: [5, 1], capPercent: 25))
    }
}
