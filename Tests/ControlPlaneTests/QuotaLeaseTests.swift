import Cryptography
import Domain
import FoundationEssentials
import PlimsollWire
import Postgres
import Testing

@testable import ControlPlane

@Suite struct QuotaLeaseTests {
    /// A tenant with so many tokens a day, and gateways.
    private struct Stand {
        let world: PeerWorld
        let holder: String
        let tenant: UUID
        let gateways: [UUID]
        let day = QuotaPeriod.day.number(at: Int64(Date().timeIntervalSince1970 * 1_000_000))

        init(_ world: PeerWorld, tokensPerDay: Int64 = 10_000, gateways count: Int = 4) async throws {
            self.world = world
            let row = try await world.pool.queryOne(
                "INSERT INTO serving.tenants (name, display_name, tier, tokens_per_day) VALUES ('acme', 'Acme', 'pro', \(tokensPerDay)) RETURNING id")
            tenant = try #require(try row?.value("id", as: UUID.self))
            holder = "tenant/\(tenant.uuidString.lowercased())"
            var ids: [UUID] = []
            for _ in 0..<count { ids.append(try #require(UUID(uuidString: try await world.enrol(.gateway).identity.id.uuidString))) }
            gateways = ids
        }

        func exchange(
            _ place: Int, _ sequence: Int64, granted: Int64 = 0, spent: Int64 = 0, need: Int64 = 0, enough: Int64? = nil, boot: String = "b"
        ) async throws -> LeaseAnswer {
            let report = LeaseReport(
                holder: holder, kind: "tokens_per_day", period: day, granted: granted, spent: spent, need: need, enough: enough)
            return try await QuotaLeases(pool: world.pool).exchange(
                LeaseRequest(boot: boot, sequence: sequence, reports: [report]), from: gateways[place])
        }

        func upkeep() -> QuotaUpkeep { QuotaUpkeep(serving: world.pool, billing: world.pool) }

        func expire() async throws {
            try await world.pool.execute("UPDATE serving.quota_leases SET expires_at = now() - interval '1 second'")
        }

        var held: Int64 {
            get async throws {
                let row = try await world.pool.queryOne(
                    "SELECT coalesce(sum(CASE state WHEN 'open' THEN greatest(granted, spent) ELSE spent END), 0)::bigint AS n FROM serving.quota_leases"
                )
                return try row?.value("n") ?? -1
            }
        }
    }

    @Test func aLeaseIsASliceAndARepeatedRequestIsOne() async throws {
        try await PeerWorld.with { world in
            let stand = try await Stand(world)
            let first = try await stand.exchange(0, 1, need: 10)
            #expect(first.grants.map(\.granted) == [1250] && first.grants[0].seconds == 3600 && !first.grants[0].isExhausted)
            #expect(try await stand.exchange(0, 1, need: 10).grants.map(\.granted) == [1250])
            #expect(try await stand.exchange(0, 2, need: 10).grants.map(\.granted) == [1250])
            #expect(try await stand.exchange(0, 3, granted: 1250, spent: 1200, need: 100).grants.map(\.granted) == [2343])
            // One that comes late says nothing new.
            #expect(try await stand.exchange(0, 2, granted: 0, spent: 5000, need: 9000).grants.map(\.granted) == [2343])
            #expect(try await stand.exchange(1, 1, need: 10).grants.map(\.elsewhere) == [1200])
        }
    }

    /// Row 48: all at once, over and over, and never more than there is.
    @Test func gatewaysThatAskTogetherNeverHoldMoreThanTheQuota() async throws {
        try await PeerWorld.with { world in
            let stand = try await Stand(world)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for place in 0..<4 {
                    group.addTask {
                        var granted: Int64 = 0
                        for turn in 1...40 {
                            let answer = try await stand.exchange(place, Int64(turn), granted: granted, spent: granted, need: 137)
                            granted = answer.grants[0].granted
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await stand.held == 10_000)
        }
    }

    /// Row 49: what a dead gateway did not spend goes back once, and what its records say counts.
    @Test func aDeadGatewaysLeaseEndsAndItsRestGoesBackOnce() async throws {
        try await PeerWorld.with { world in
            let stand = try await Stand(world, gateways: 2)
            _ = try await stand.exchange(0, 1, need: 8000)
            _ = try await stand.exchange(0, 2, granted: 8000, spent: 500)
            #expect(try await stand.exchange(1, 1, need: 5000).grants[0].isExhausted)
            var record = UsageIntakeTests().record(tenant: stand.tenant, tokens: 900)
            record.gateway = stand.gateways[0].uuidString.lowercased()
            _ = try await UsageIntake(pool: world.pool).store(UsageBatch(records: [record]), from: stand.gateways[0])
            try await stand.expire()
            for _ in 0..<3 { try await stand.upkeep().endExpired() }
            #expect(try await stand.held == 900)
            #expect(try await stand.exchange(1, 2, need: 9000).grants[0].granted == 9000)
            #expect(try await stand.exchange(0, 3, spent: 1000, need: 500, boot: "c").grants[0].granted == 1000)
            #expect(try await stand.held == 10_000)
        }
    }

    @Test func ofADeadGatewaysLeaseForAKeyTheKeysRecordsCount() async throws {
        try await PeerWorld.with { world in
            let stand = try await Stand(world, gateways: 1)
            let row = try await world.pool.queryOne(
                """
                INSERT INTO serving.api_keys (tenant_id, name, prefix, sha256, tokens_per_day)
                VALUES (\(stand.tenant), 'k', 'pls', \(Hash.sha256("k").bytes), 1000) RETURNING id
                """)
            let key: UUID = try #require(row).value("id")
            let report = LeaseReport(
                holder: "key/\(key.uuidString.lowercased())", kind: "tokens_per_day", period: stand.day, granted: 0, spent: 0, need: 800)
            _ = try await QuotaLeases(pool: world.pool).exchange(
                LeaseRequest(boot: "b", sequence: 1, reports: [report]), from: stand.gateways[0])
            for (tokens, isOwn) in [(300, true), (70, false)] {
                var record = UsageIntakeTests().record(tenant: stand.tenant, tokens: tokens)
                record.gateway = stand.gateways[0].uuidString.lowercased()
                if isOwn { record.key = key.uuidString.lowercased() }
                _ = try await UsageIntake(pool: world.pool).store(UsageBatch(records: [record]), from: stand.gateways[0])
            }
            try await stand.expire()
            try await stand.upkeep().endExpired()
            #expect(try await stand.held == 300)
        }
    }

    @Test func whoHoldsTooMuchIsToldThatOthersLookForIt() async throws {
        try await PeerWorld.with { world in
            let stand = try await Stand(world, gateways: 2)
            _ = try await stand.exchange(0, 1, need: 9000)
            #expect(try await stand.exchange(1, 1, need: 3000).grants[0].isExhausted)
            let told = try await stand.exchange(0, 2, granted: 9000, spent: 100)
            #expect(told.sought == [SoughtQuota(holder: stand.holder, kind: "tokens_per_day", period: stand.day)])
            _ = try await stand.exchange(0, 3, granted: 9000, spent: 100, enough: 400)
            let second = try await stand.exchange(1, 2, granted: 1000, need: 3000)
            #expect(second.grants[0].granted >= 4000 && !second.grants[0].isExhausted)
            #expect(try await stand.held <= 10_000)
        }
    }

    @Test func aHolderWithoutAQuotaOrWithNonsenseGetsNothing() async throws {
        try await PeerWorld.with { world in
            let stand = try await Stand(world, gateways: 1)
            let leases = QuotaLeases(pool: world.pool)
            let stranger = LeaseReport(
                holder: "key/\(UUID().uuidString.lowercased())", kind: "tokens_per_day", period: stand.day, granted: 0, spent: 0, need: 5)
            let answer = try await leases.exchange(LeaseRequest(boot: "b", sequence: 1, reports: [stranger]), from: stand.gateways[0])
            #expect(answer.grants.map(\.granted) == [0] && answer.grants[0].isExhausted)
            for holder in ["tenant/x", "host/\(UUID())", ""] {
                var bad = stranger
                bad.holder = holder
                let reports = [bad]
                let reason = try await world.reason {
                    _ = try await leases.exchange(LeaseRequest(boot: "b", sequence: 2, reports: reports), from: stand.gateways[0])
                }
                #expect(reason == .invalidRequest)
            }
        }
    }
}
