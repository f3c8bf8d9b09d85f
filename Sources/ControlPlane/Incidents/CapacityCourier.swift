import Domain
package import FoundationEssentials
package import Logging
import Outbound
import Postgres
import ServiceLifecycle
package import Telemetry

/// Tells scalers what is ordered of them, each message at least once and those of one order in their order. One replica at a time.
package struct CapacityCourier: Service {
    private struct Delivery: Sendable {
        var message: UUID
        var event: CapacityEvent
        var body: String
        var url: String
        var secretFile: String
        var attempts: Int

        /// Capacity that comes after a quarter of an hour helps nobody: a person is asked then. What is not released goes on costing.
        var mostAttempts: Int { event == .release ? 50 : 10 }

        /// What the scaler does not know is released.
        func isSettled(by status: Int) -> Bool { event == .release && (status == 404 || status == 410) }
    }

    private static let mostAtOnce = 20
    private static let backoff = Domain.Backoff(first: .seconds(2), cap: .seconds(300))

    private let pool: PostgresPool
    private let webhook: Webhook
    private let outbox: Outbox
    private let orders: [String: CounterMetric]
    private let logger: Logger

    package init(databases: ControlDatabases, holder: UUID, metrics: MetricRegistry, logger: Logger) {
        self.init(pool: databases.serving, client: OutboundClient(), holder: holder, metrics: metrics, logger: logger)
    }

    init(pool: PostgresPool, client: OutboundClient, holder: UUID = UUID(), metrics: MetricRegistry = MetricRegistry(), logger: Logger) {
        self.pool = pool
        webhook = Webhook(client: client)
        orders = ["delivered", "failed", "refused", "dead"].reduce(into: [:]) { counters, result in
            counters[result] = metrics.counter(
                "plimsoll_control_capacity_orders_total", "Tries to tell scalers of orders, by how they went.", labels: ["result": result])
        }
        outbox = Outbox(
            pool: pool, lease: Lease("capacity", holder: holder, seconds: 30),
            waiting: metrics.gauge("plimsoll_control_capacity_orders_waiting", "Messages to scalers that were tried and not delivered yet."),
            dead: metrics.gauge(
                "plimsoll_control_capacity_orders_dead",
                "Messages to scalers that were refused or given up: releases of the last seven days, others of the last hour."))
        self.logger = logger
    }

    package func run() async throws {
        await outbox.run(Turns("Orders of workers are delayed", logger: logger)) { try await turn(at: Date()) }
    }

    /// Tries what is due.
    func turn(at now: Date) async throws {
        try await outbox.deliver(try await claim(now)) { try await settle($0, await send($0, now: now), now: now) }
        try await show(now)
    }

    /// The next try is written down before this one: a process that dies in between leaves a message that is sent again. A scaler that is paused
    /// is asked for nothing new.
    private func claim(_ now: Date) async throws -> [Delivery] {
        let rows = try await pool.query(
            """
            WITH gone AS (
                UPDATE reliability.capacity_order AS message SET state = 'dead', ended_at = \(now), last_error = 'its scaler was removed'
                FROM reliability.scaler AS scaler
                WHERE message.state = 'pending' AND scaler.id = message.scaler_id AND scaler.state = 'deleted'),
            due AS (
                SELECT message.id FROM reliability.capacity_order AS message JOIN reliability.scaler AS scaler ON scaler.id = message.scaler_id
                WHERE message.state = 'pending' AND message.next_attempt_at <= \(now)
                    AND (scaler.state = 'active' OR scaler.state = 'paused' AND message.event <> 'raise')
                    AND NOT EXISTS (SELECT 1 FROM reliability.capacity_order AS earlier
                        WHERE earlier.mitigation_id = message.mitigation_id AND earlier.number < message.number AND earlier.state = 'pending')
                ORDER BY message.next_attempt_at, message.number LIMIT \(Self.mostAtOnce) FOR UPDATE OF message SKIP LOCKED),
            claimed AS (
                UPDATE reliability.capacity_order AS message SET attempts = attempts + 1, next_attempt_at = \(now.addingTimeInterval(60))
                FROM due WHERE message.id = due.id RETURNING message.*)
            SELECT claimed.id, claimed.event, claimed.attempts, scaler.url, scaler.secret_file, json_build_object('version', 1,
                'delivery', claimed.id, 'number', claimed.number, 'event', claimed.event, 'order', claimed.mitigation_id,
                'model', mitigation.model, 'region', mitigation.region, 'workers', claimed.workers,
                'expires_at', serving.wire_time(claimed.expires_at), 'cause', mitigation.cause,
                'incident', CASE WHEN incident.id IS NOT NULL THEN json_build_object('id', incident.id, 'number', incident.number,
                    'rule', incident.rule, 'drill', incident.drill) END)::text AS body
            FROM claimed JOIN reliability.scaler AS scaler ON scaler.id = claimed.scaler_id
            JOIN reliability.mitigation AS mitigation ON mitigation.id = claimed.mitigation_id
            LEFT JOIN reliability.incident AS incident ON incident.id = mitigation.incident_id
            """)
        return try rows.compactMap(Self.delivery)
    }

    private static func delivery(_ row: PostgresRow) throws -> Delivery? {
        guard let event = CapacityEvent(rawValue: try row.value("event")) else { return nil }
        return Delivery(
            message: try row.value("id"), event: event, body: try row.value("body"), url: try row.value("url"),
            secretFile: try row.value("secret_file"), attempts: try row.value("attempts"))
    }

    private func send(_ delivery: Delivery, now: Date) async -> Webhook.Outcome {
        await webhook.send(secretIn: delivery.secretFile) { secret in
            let headers = Webhook.signed(delivery.body, delivery: delivery.message, secret: secret, now: now.wholeSeconds)
            return Webhook.Message(url: delivery.url, headers: headers, body: delivery.body)
        }
    }

    private func settle(_ delivery: Delivery, _ outcome: Webhook.Outcome, now: Date) async throws {
        switch outcome {
        case .delivered: try await end(delivery, "delivered", nil, now: now)
        case .refused(let status) where delivery.isSettled(by: status): try await end(delivery, "delivered", nil, now: now)
        case .refused(let status): try await end(delivery, "refused", "answered \(status)", now: now)
        case .failed(let reason, _) where delivery.attempts >= delivery.mostAttempts: try await end(delivery, "dead", reason, now: now)
        case .failed(let reason, _):
            orders["failed"]?.increment()
            var generator = SystemRandomNumberGenerator()
            let pause = Self.backoff.delay(afterFailures: delivery.attempts, using: &generator)
            try await pool.execute(
                """
                UPDATE reliability.capacity_order SET next_attempt_at = \(now.addingTimeInterval(Double(pause.components.seconds))),
                    last_error = \(reason) WHERE id = \(delivery.message) AND state = 'pending'
                """)
        }
    }

    /// What was dropped meanwhile stays dropped: a release follows it.
    private func end(_ delivery: Delivery, _ state: String, _ error: String?, now: Date) async throws {
        orders[state]?.increment()
        if let error {
            logger.error("An order of workers was not taken", metadata: [LogKeys.reason: "\(error)", LogKeys.attempt: "\(delivery.attempts)"])
        }
        try await pool.transaction(.repeatable) { connection in
            let row = try await connection.queryOne(
                """
                UPDATE reliability.capacity_order AS message SET state = \(state), ended_at = \(now), last_error = \(error)
                FROM reliability.scaler AS scaler, reliability.mitigation AS mitigation
                WHERE message.id = \(delivery.message) AND message.state = 'pending' AND scaler.id = message.scaler_id
                    AND mitigation.id = message.mitigation_id
                RETURNING mitigation.incident_id, scaler.name, message.workers, serving.wire_time(message.expires_at)::text AS expires_at
                """)
            guard let row, let incident = try row.value("incident_id", as: UUID?.self) else { return }
            let scaler: String = try row.value("name")
            let workers = WorkerOrder.words(try row.value("workers"))
            let words =
                switch (delivery.event, error) {
                case (.raise, nil): "ordered: \(scaler) took it: \(workers) until \(try row.value("expires_at", as: String.self))"
                case (.extend, nil): "ordered on: \(scaler) keeps \(workers) until \(try row.value("expires_at", as: String.self))"
                case (.release, nil): "released: \(scaler) takes \(workers) back"
                case (let event, let error?): "\(state == "dead" ? "given up" : state): \(event.rawValue) of \(workers) by \(scaler): \(error)"
                }
            try await IncidentBook(connection: connection, now: now).note(incident, "mitigation", words, actor: "courier")
        }
    }

    private func show(_ now: Date) async throws {
        let row = try await pool.queryOne(
            """
            SELECT count(*) FILTER (WHERE state = 'pending' AND attempts > 0) AS waiting,
                count(*) FILTER (WHERE state IN ('refused', 'dead')
                    AND ended_at > \(now)::timestamptz - CASE event WHEN 'release' THEN interval '7 days' ELSE interval '1 hour' END) AS dead
            FROM reliability.capacity_order WHERE state IN ('pending', 'refused', 'dead')
            """)
        outbox.waiting.set(Double(try row?.value("waiting", as: Int.self) ?? 0))
        outbox.dead.set(Double(try row?.value("dead", as: Int.self) ?? 0))
    }
}
