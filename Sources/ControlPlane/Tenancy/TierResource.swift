import Domain
import FoundationEssentials
import HTTPTypes
import Postgres

extension AdminResource {
    static let tiers = AdminResource(
        path: "tiers", kind: "tier", table: "serving.tiers",
        listing: Listing(
            document: """
                json_build_object('id', r.id, 'name', r.name, 'display_name', r.display_name, 'state', r.state,
                    'capacity_policy', r.capacity_policy, 'priority', r.priority, 'max_prompt_tokens', r.max_prompt_tokens,
                    'max_output_tokens', r.max_output_tokens, 'max_body_bytes', r.max_body_bytes,
                    'requests_per_minute', r.requests_per_minute, 'tokens_per_minute', r.tokens_per_minute,
                    'concurrent_requests', r.concurrent_requests, 'max_table_age_seconds', r.max_table_age_seconds,
                    'ttft_objective_microseconds', r.ttft_objective_microseconds, 'ttlt_objective_microseconds', r.ttlt_objective_microseconds,
                    'floor_percent', r.floor_percent, 'queue_requests', r.queue_requests, 'queue_bytes', r.queue_bytes,
                    'queue_wait_microseconds', r.queue_wait_microseconds, 'burst_percent', r.burst_percent,
                    'reserved_percent', r.reserved_percent,
                    'tenant_share_percent', r.tenant_share_percent, 'batch_deadline_seconds', r.batch_deadline_seconds,
                    'micro_batch_window_ms', r.micro_batch_window_ms,
                    'hedge_ppm', r.hedge_ppm, 'continues_streams', r.continues_streams, 'anomaly_throttle_ppm', r.anomaly_throttle_ppm,
                    'monthly_minimum_micro_usd', r.monthly_minimum_micro_usd, 'burst_requests', r.burst_requests,
                    'burst_tokens', r.burst_tokens, 'tokens_per_day', r.tokens_per_day, 'tokens_per_month', r.tokens_per_month,
                    'spend_per_month_micro_usd', r.spend_per_month_micro_usd, 'created_at', serving.wire_time(r.created_at),
                    'updated_at', serving.wire_time(r.updated_at))
                """,
            source: "serving.tiers AS r", visible: "r.state <> 'deleted'"),
        fields: [
            AdminField("name", .slug, .required, changeable: false),
            AdminField("display_name", .label, .required),
            AdminField("capacity_policy", .choice(["shared", "warm_regional", "preallocated"]), .required),
            AdminField("priority", .integer(0...100), .required),
            AdminField("max_prompt_tokens", .integer(1...10_000_000), .required),
            AdminField("max_output_tokens", .integer(1...1_000_000), .required),
            AdminField("max_body_bytes", .integer(1_024...67_108_864), .required),
            AdminField("requests_per_minute", .integer(1...10_000_000), .required),
            AdminField("tokens_per_minute", .integer(1...2_000_000_000), .required),
            AdminField("concurrent_requests", .integer(1...1_000_000), .required),
            AdminField("max_table_age_seconds", .integer(60...604_800), .required),
            AdminField("ttft_objective_microseconds", .integer(1_000...600_000_000), .required),
            AdminField("ttlt_objective_microseconds", .integer(1_000...3_600_000_000)),
            AdminField("floor_percent", .integer(0...50)),
            AdminField("queue_requests", .integer(1...100_000)),
            AdminField("queue_bytes", .integer(1_048_576...1_073_741_824)),
            AdminField("queue_wait_microseconds", .integer(1_000...600_000_000), nullable: true),
            AdminField("burst_percent", .integer(0...50)),
            AdminField("reserved_percent", .integer(0...80)),
            AdminField("tenant_share_percent", .integer(1...100)),
            AdminField("batch_deadline_seconds", .integer(1...86_400)),
            AdminField("micro_batch_window_ms", .integer(0...25), nullable: true),
            AdminField("anomaly_throttle_ppm", .integer(1_000...1_000_000), nullable: true),
            AdminField("hedge_ppm", .integer(0...100_000)),
            AdminField("continues_streams", .boolean),
            AdminField("monthly_minimum_micro_usd", .integer(0...1_000_000_000_000_000)),
            AdminField("burst_requests", .integer(1...10_000_000), nullable: true),
            AdminField("burst_tokens", .integer(1...2_000_000_000), nullable: true),
            AdminField("tokens_per_day", .integer(1...1_000_000_000_000_000), nullable: true),
            AdminField("tokens_per_month", .integer(1...1_000_000_000_000_000), nullable: true),
            AdminField("spend_per_month_micro_usd", .integer(1...1_000_000_000_000), nullable: true),
        ],
        check: { connection, id in
            try await checkLimits(connection, tier: id)
            try await TierReservation.check(connection, tier: id)
            // A quota may not fall below what was promised to a key of its own.
            let exceeded: SQL = """
                SELECT 1 FROM serving.tiers AS tier
                JOIN serving.tenants AS tenant ON tenant.tier = tier.name AND tenant.state <> 'deleted'
                JOIN serving.api_keys AS key ON key.tenant_id = tenant.id AND key.revoked_at IS NULL
                WHERE tier.id = \(id) AND (key.requests_per_minute > tier.requests_per_minute
                    OR key.tokens_per_minute > tier.tokens_per_minute OR key.concurrent_requests > tier.concurrent_requests)
                LIMIT 1
                """
            guard try await connection.query(exceeded).isEmpty else {
                throw AdminRefusal.conflict("in_use", "a key of this tier has a greater limit of its own; lower that first")
            }
        },
        blocker: { connection, id in
            let users: SQL = """
                SELECT 1 FROM serving.tiers AS tier WHERE tier.id = \(id)
                AND (EXISTS (SELECT 1 FROM serving.tenants WHERE tenants.tier = tier.name AND state <> 'deleted')
                    OR EXISTS (SELECT 1 FROM serving.skus WHERE skus.tier = tier.name AND state <> 'deleted'))
                """
            return try await connection.query(users).isEmpty ? nil : "tenants or SKUs are of this tier"
        }, reusesNames: true)

    private static func checkLimits(_ connection: PostgresConnection, tier id: UUID) async throws {
        let row = try await connection.queryOne("SELECT max_output_tokens, tokens_per_minute, burst_tokens FROM serving.tiers WHERE id = \(id)")
        if let row { try TierLimits(row).refuseFaults() }
    }

    /// Makes a tier, with an objective for the first tokens that its gateways count.
    static let tierCreation = AdminRoute.change(.post, "tiers") { call, fields, connection in
        guard case .change(let create) = tiers.creation.work else { preconditionFailure("a creation is a change") }
        let change = try await create(call, &fields, connection)
        try await TierObjective.begin(fields.text(of: "name") ?? "", call, connection)
        return change
    }

    /// Changes a tier; what contracts agree and are counted against stays, and objectives of first tokens of the tier go with its threshold.
    static let tierUpdate = AdminRoute.change(.patch, "tiers/{id}") { call, fields, connection in
        guard case .change(let update) = tiers.update.work else { preconditionFailure("an update is a change") }
        try await KeptPromises.takeTurn(connection)
        let id = try await tiers.locked(call.reference, connection)
        let row = try await connection.queryOne("SELECT name, ttft_objective_microseconds AS threshold FROM serving.tiers WHERE id = \(id)")
        guard let row else { throw AdminRefusal.notFound }
        let (name, threshold): (String, Int64) = (try row.value("name"), try row.value("threshold"))
        let limits = try await AgreedLimits.present(tier: name, connection)
        let countsOtherwise = fields.has("ttft_objective_microseconds")
        var reader = fields
        let change = try await KeptPromises.guarding(connection) {
            let change = try await update(call, &reader, connection)
            if countsOtherwise { try await TierObjective.follow(name, from: threshold, call, connection) }
            return change
        }
        fields = reader
        try await AgreedLimits.check(.tier(name, before: limits), connection)
        return change
    }
}

extension TierLimits {
    /// - Parameter row: With these columns of a tier.
    init(_ row: PostgresRow) throws {
        self.init(
            maxOutputTokens: try row.value("max_output_tokens"), tokensPerMinute: try row.value("tokens_per_minute"),
            burstTokens: try row.value("burst_tokens"))
    }

    func refuseFaults() throws {
        let faults = validate()
        if !faults.isEmpty { throw AdminRefusal.faults(faults.map { AdminRefusal.Fault(param: $0.field, message: $0.message) }) }
    }
}
