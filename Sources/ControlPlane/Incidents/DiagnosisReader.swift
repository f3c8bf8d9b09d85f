import Domain
import FoundationEssentials
import Postgres

/// What was known at the moment in which an incident opened; kept as it was.
struct DiagnosisReader: Sendable {
    let serving: PostgresPool
    let reliability: PostgresPool
    let now: Date
    /// Of models.
    var culprits: [String: CulpritReader.Findings] = [:]

    /// Bytes of what is kept of the fleet. The schema takes a mebibyte of all: hosts, which nobody trusts, must not keep an incident from being opened.
    private static let mostBytes = 400_000

    /// A JSON object. What a host says in words has gone through redaction.
    func read(_ key: IncidentKey) async throws -> String {
        let traffic = try await reliability.queryOne(trafficDocument(key))?.value("document", as: String.self) ?? "{}"
        var members = [
            "\"taken_at\":\(AdminJSON.string(Self.instant(now)))", "\"fleet\":\(try await fleet(key))", "\"traffic\":\(traffic)",
            "\"queue_time\":\(try await queueTime(key))", "\"runtime_messages\":[\(try await messages(key).joined(separator: ","))]",
        ]
        if let tenant = try await noisyTenant(key) { members.append("\"noisy_tenant\":\(AdminJSON.string(tenant.lowercased))") }
        if let found = culprits[key.model] {
            if let release = found.release, release.verdict != .alike { members += Self.members("suspect_release", release) }
            if let provider = found.providers[key.region] { members += Self.members("suspect_provider", provider) }
            if let worker = found.workers[key.region] { members += Self.members("suspect_worker", worker) }
        }
        return "{\(members.joined(separator: ","))}"
    }

    private static func members(_ name: String, _ finding: CulpritReader.Finding) -> [String] {
        ["\(AdminJSON.string(name)):\(AdminJSON.string(finding.name))", "\(AdminJSON.string(name + "_evidence")):\(AdminJSON.string(finding.text))"]
    }

    static func instant(_ date: Date) -> String { date.formatted(.iso8601) }

    /// With all of as many workers as there is room for; of the others what they are and how they do.
    private func fleet(_ key: IncidentKey) async throws -> String {
        var document = "{}"
        for detailed in [200, 40, 8, 2, 0] {
            document = try await serving.queryOne(fleetDocument(key, detailed: detailed))?.value("document", as: String.self) ?? "{}"
            if document.utf8.count <= Self.mostBytes { break }
        }
        return document
    }

    /// Utilisation and memory of accelerators, KV cache, queue and errors of runtimes, and what gateways have out.
    private func fleetDocument(_ key: IncidentKey, detailed: Int) -> SQL {
        """
        SELECT json_build_object(
            'workers', coalesce((SELECT json_agg(json_build_object('worker', worker.id, 'host', hosts.id, 'provider', pools.provider,
                    'region', hosts.region, 'release', worker.release, 'model', releases.model, 'runtime_state', worker.runtime_state, 'slots', worker.slots,
                    'running', worker.load -> 'running', 'waiting', worker.load -> 'waiting', 'kv_used_ratio', worker.load -> 'kv_used_ratio',
                    'errors_total', worker.load -> 'errors_total', 'last_heartbeat_at', serving.wire_time(hosts.last_heartbeat_at),
                    'log_tail', CASE WHEN chosen.place <= \(detailed) AND worker.log_tail_at > \(now.addingTimeInterval(-3_600)) THEN \(LogTail.shown("worker.log_tail")) END,
                    'log_tail_at', CASE WHEN worker.log_tail_at > \(now.addingTimeInterval(-3_600)) THEN serving.wire_time(worker.log_tail_at) END,
                    'agent_state', hosts.agent_state, 'intent', hosts.intent,
                    'accelerators', (SELECT json_agg(json_build_object('name', device -> 'name', 'utilization_percent', device -> 'utilization',
                            'memory_bytes', device -> 'memory_bytes', 'memory_used_bytes', device -> 'memory_used_bytes',
                            'memory_headroom_bytes', (device ->> 'memory_bytes')::bigint - (device ->> 'memory_used_bytes')::bigint,
                            'temperature_celsius', device -> 'temperature_celsius'))
                        FROM jsonb_array_elements(CASE WHEN chosen.place <= \(detailed) AND jsonb_typeof(hosts.inventory -> 'accelerators') = 'array'
                            THEN hosts.inventory -> 'accelerators' ELSE '[]' END) AS device)) ORDER BY chosen.place)
                FROM (\(workers(key))) AS chosen JOIN serving.workers AS worker ON worker.id = chosen.id
                JOIN serving.hosts AS hosts ON hosts.id = worker.host_id JOIN serving.pools AS pools ON pools.name = hosts.pool
                LEFT JOIN serving.releases AS releases ON releases.name = worker.release), '[]'),
            'out', coalesce((SELECT json_agg(json_build_object('gateway', gateway.name, 'region', gateway.region,
                    'count', (SELECT count(*) FROM jsonb_object_keys(gateway.workers_out)),
                    'workers', coalesce((SELECT jsonb_object_agg(told.key, told.value) FROM jsonb_each(gateway.workers_out) AS told
                        JOIN (\(workers(key))) AS chosen ON chosen.id::text = told.key WHERE chosen.place <= \(detailed)), '{}'),
                    'told_at', serving.wire_time(gateway.workers_out_at)) ORDER BY gateway.name)
                FROM serving.gateways AS gateway WHERE gateway.state = 'active' AND gateway.workers_out <> '{}'), '[]'))::text AS document
        """
    }

    /// Up to two hundred that the incident may be about, by their places: the one that it is about, then those that are not well.
    private func workers(_ key: IncidentKey) -> SQL {
        """
        SELECT worker.id, row_number() OVER (ORDER BY coalesce(worker.id = \(UUID(uuidString: key.subject)), FALSE) DESC,
            worker.runtime_state = 'ready' AND coalesce(hosts.last_heartbeat_at > \(now.addingTimeInterval(-90)), FALSE), worker.id) AS place
        FROM serving.workers AS worker JOIN serving.hosts AS hosts ON hosts.id = worker.host_id
        JOIN serving.pools AS pools ON pools.name = hosts.pool LEFT JOIN serving.releases AS releases ON releases.name = worker.release
        WHERE worker.retired_at IS NULL AND (\(key.region) = '' OR hosts.region = \(key.region))
            AND (\(key.provider) = '' OR pools.provider = \(key.provider)) AND (\(key.model) = '' OR releases.model = \(key.model))
        ORDER BY place LIMIT 200
        """
    }

    private func messages(_ key: IncidentKey) async throws -> [String] {
        let rows = try await serving.query(
            """
            SELECT worker.id AS worker, worker.refusal AS text FROM (\(workers(key))) AS chosen
            JOIN serving.workers AS worker ON worker.id = chosen.id WHERE worker.refusal IS NOT NULL
            UNION ALL
            SELECT worker.id, operation.message FROM (\(workers(key))) AS chosen JOIN serving.workers AS worker ON worker.id = chosen.id
            JOIN serving.operations AS operation ON operation.host_id = worker.host_id
            WHERE operation.message IS NOT NULL AND operation.updated_at > \(now.addingTimeInterval(-3_600))
            LIMIT 50
            """)
        return try rows.map { row in
            let text = Redactor.standard.redact(try row.value("text"))
            return "{\"worker\":\(AdminJSON.string(try row.id("worker"))),\"text\":\(AdminJSON.string(text))}"
        }
    }

    private func trafficDocument(_ key: IncidentKey) -> SQL {
        """
        SELECT json_build_object(
            'minutes', coalesce((SELECT json_agg(minute.document ORDER BY minute.minute_at) FROM (
                SELECT minute_at, json_build_object('minute_at', serving.wire_time(minute_at), 'good', sum(good), 'bad', sum(bad),
                    'first_token_samples', sum(first_token_samples), 'first_token_over', sum(first_token_over),
                    'disconnects', sum(disconnects), 'rate_limited', sum(rate_limited), 'tokens', sum(prompt_tokens + completion_tokens))
                    AS document
                FROM reliability.minute AS r WHERE \(recent(key, minutes: 15)) GROUP BY minute_at) AS minute), '[]'),
            'outcomes', coalesce((SELECT json_object_agg(outcome.key, outcome.total) FROM (
                SELECT pair.key, sum(pair.value::bigint) AS total FROM reliability.minute AS r, jsonb_each_text(r.outcomes) AS pair
                WHERE \(recent(key, minutes: 15)) GROUP BY pair.key) AS outcome), '{}'),
            'tenants', coalesce((SELECT json_agg(json_build_object('tenant', tenant.tenant_id, 'tokens', tenant.tokens)) FROM (
                SELECT tenant_id, sum(prompt_tokens + completion_tokens) AS tokens FROM reliability.minute AS r
                WHERE \(recent(key, minutes: 5)) GROUP BY tenant_id ORDER BY tokens DESC, tenant_id LIMIT 10) AS tenant), '[]'))::text AS document
        """
    }

    /// How long requests of the last five minutes waited for a worker.
    private func queueTime(_ key: IncidentKey) async throws -> String {
        let rows = try await reliability.query(
            """
            SELECT bucket.key::integer AS bucket, sum(bucket.value::bigint)::bigint AS requests
            FROM reliability.minute AS r, jsonb_each_text(r.queue_histogram) AS bucket WHERE \(recent(key, minutes: 5)) GROUP BY 1
            """)
        let waits = LatencyHistogram(counts: try rows.reduce(into: [:]) { $0[try $1.value("bucket")] = try $1.value("requests") })
        func wait(_ rank: Int64) -> String { waits.bucket(rank: rank).map { "\(LatencyHistogram.bounds(of: $0).upperBound)" } ?? "null" }
        return """
            {"requests":\(waits.total),"median_microseconds":\(wait((waits.total + 1) / 2)),\
            "p95_microseconds":\(wait(Percentile95.rank(count: waits.total)))}
            """
    }

    /// Traffic of drills is nobody's, but where a drill's own is what the incident is about.
    private func recent(_ key: IncidentKey, minutes: Int) -> SQL {
        """
        r.minute_at > \(now.addingTimeInterval(Double(-60 * minutes))) AND r.minute_at <= \(now) AND (NOT r.drill OR \(key.subject == "drill"))
            AND (\(key.model) = '' OR r.model = \(key.model)) AND (\(key.region) = '' OR r.region = \(key.region))
        """
    }

    /// Who sends more than half of all tokens, and three times what it sent in the ten minutes before.
    private func noisyTenant(_ key: IncidentKey) async throws -> UUID? {
        guard !key.model.isEmpty else { return nil }
        let row = try await reliability.queryOne(
            """
            WITH usage AS (
                SELECT tenant_id, coalesce(sum(prompt_tokens + completion_tokens) FILTER (WHERE minute_at > \(now.addingTimeInterval(-300))), 0) AS burst,
                    coalesce(sum(prompt_tokens + completion_tokens) FILTER (WHERE minute_at <= \(now.addingTimeInterval(-300))), 0) AS before
                FROM reliability.minute AS r WHERE \(recent(key, minutes: 15)) GROUP BY tenant_id)
            SELECT tenant_id FROM usage WHERE burst > 1000 AND burst * 2 > (SELECT sum(burst) FROM usage) AND burst * 2 > before * 3
                AND (SELECT count(*) FROM usage) > 1
            ORDER BY burst DESC LIMIT 1
            """)
        return try row?.value("tenant_id")
    }
}
