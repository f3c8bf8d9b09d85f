import Domain
package import FoundationEssentials
package import Logging
import Outbound
import Postgres
import ServiceLifecycle
package import Telemetry

/// Delivers pages, each at least once: tries again with growing pauses, and leaves to a person what cannot be delivered. One replica at a time.
package struct Pager: Service {
    private struct Delivery: Sendable {
        var notice: PageNotice
        var kind: PageChannelKind
        var url: String
        var secretFile: String?
        var attempts: Int
        /// An earlier try may have been taken.
        var mayBeHeard: Bool
    }

    private static let mostAtOnce = 40
    /// Of a channel in a turn: one that does not answer keeps the others' pages waiting for a turn, not for all of its own.
    private static let mostOfChannel = 4
    /// With its pauses half a day.
    private static let mostAttempts = 50
    private static let backoff = Domain.Backoff(first: .seconds(5), cap: .seconds(900))

    private let pool: PostgresPool
    private let webhook: Webhook
    private let outbox: Outbox
    private let pages: [String: CounterMetric]
    private let logger: Logger

    package init(databases: ControlDatabases, holder: UUID, metrics: MetricRegistry, logger: Logger) {
        self.init(pool: databases.serving, client: OutboundClient(), holder: holder, metrics: metrics, logger: logger)
    }

    init(pool: PostgresPool, client: OutboundClient, holder: UUID = UUID(), metrics: MetricRegistry = MetricRegistry(), logger: Logger) {
        self.pool = pool
        webhook = Webhook(client: client)
        pages = ["delivered", "failed", "dead"].reduce(into: [:]) { counters, result in
            counters[result] = metrics.counter("plimsoll_control_pages_total", "Tries to page people, by how they went.", labels: ["result": result])
        }
        outbox = Outbox(
            pool: pool, lease: Lease("pager", holder: holder, seconds: 30),
            waiting: metrics.gauge("plimsoll_control_pages_waiting", "Pages that are due and not delivered."),
            dead: metrics.gauge("plimsoll_control_pages_dead", "Pages that were given up in the last seven days."))
        self.logger = logger
    }

    package func run() async throws {
        await outbox.run(Turns("Pages are delayed", logger: logger)) { try await turn(at: Date()) }
    }

    /// Tries what is due.
    func turn(at now: Date) async throws {
        try await outbox.deliver(try await claim(now)) { try await settle($0, await send($0, now: now), now: now) }
        try await show(now)
    }

    /// The next try is written down before this one, and that it may be heard: a process that dies in between leaves a page that is sent again. What is told of an
    /// incident's end waits until its beginning has been told. A channel that is paused is told later, one that was removed never.
    private func claim(_ now: Date) async throws -> [Delivery] {
        let order = PageEvent.beginnings.map { ($0.key.rawValue, $0.value.rawValue) }
        let rows = try await pool.query(
            """
            WITH gone AS (
                UPDATE reliability.page AS page SET state = 'dropped', ended_at = \(now) FROM reliability.page_channel AS channel
                WHERE page.state = 'pending' AND channel.id = page.channel_id AND channel.state = 'deleted'),
            ready AS (
                SELECT page.id, row_number() OVER (PARTITION BY page.channel_id ORDER BY page.next_attempt_at, page.id) AS place
                FROM reliability.page AS page JOIN reliability.page_channel AS channel ON channel.id = page.channel_id
                WHERE page.state = 'pending' AND page.next_attempt_at <= \(now) AND channel.state = 'active' AND NOT EXISTS (
                    SELECT 1 FROM unnest(\(order.map(\.0))::text[], \(order.map(\.1))::text[]) AS rule (event, beginning)
                    JOIN reliability.page AS earlier ON earlier.event = rule.beginning
                    WHERE rule.event = page.event AND earlier.incident_id = page.incident_id AND earlier.channel_id = page.channel_id
                        AND earlier.state = 'pending')),
            due AS (
                SELECT page.id, page.may_be_heard AS was_heard FROM reliability.page AS page JOIN ready ON ready.id = page.id
                WHERE ready.place <= \(Self.mostOfChannel) AND page.state = 'pending'
                ORDER BY ready.place, page.next_attempt_at, page.id LIMIT \(Self.mostAtOnce) FOR UPDATE OF page SKIP LOCKED),
            claimed AS (
                UPDATE reliability.page AS page SET attempts = attempts + 1, next_attempt_at = \(now.addingTimeInterval(60)), may_be_heard = TRUE
                FROM due WHERE page.id = due.id RETURNING page.*, due.was_heard)
            SELECT claimed.id, claimed.event, claimed.attempts, claimed.was_heard, channel.kind, channel.url, channel.secret_file, incident.id AS incident_id,
                incident.number, incident.rule, incident.severity, incident.title, incident.tier, incident.model, incident.region,
                incident.provider, incident.step, incident.opened_at, incident.resolved_at, incident.reported_at, incident.acknowledged_by, incident.drill
            FROM claimed JOIN reliability.page_channel AS channel ON channel.id = claimed.channel_id
            JOIN reliability.incident AS incident ON incident.id = claimed.incident_id
            """)
        return try rows.compactMap(Self.delivery)
    }

    private static func delivery(_ row: PostgresRow) throws -> Delivery? {
        guard let event = PageEvent(rawValue: try row.value("event")), let kind = PageChannelKind(rawValue: try row.value("kind")) else { return nil }
        let notice = PageNotice(
            page: try row.value("id"), incident: try row.value("incident_id"), number: try row.value("number"), event: event,
            rule: try row.value("rule"), severity: try row.value("severity"), title: try row.value("title"), tier: try row.value("tier"),
            model: try row.value("model"), region: try row.value("region"), provider: try row.value("provider"), step: try row.value("step"),
            openedAt: try row.value("opened_at"), resolvedAt: try row.value("resolved_at"), reportedAt: try row.value("reported_at"),
            acknowledgedBy: try row.value("acknowledged_by"),
            isDrill: try row.value("drill"))
        return Delivery(
            notice: notice, kind: kind, url: try row.value("url"), secretFile: try row.value("secret_file"), attempts: try row.value("attempts"),
            mayBeHeard: try row.value("was_heard"))
    }

    private func send(_ delivery: Delivery, now: Date) async -> Webhook.Outcome {
        await webhook.send(secretIn: delivery.secretFile) { secret in
            let message = PageMessage(delivery.notice, delivery.kind, secret: secret, now: now.wholeSeconds)
            // A webhook of Slack's has its secret in its address.
            let url = delivery.kind == .slack ? secret ?? delivery.url : delivery.url
            return Webhook.Message(url: url, headers: message.headers, body: message.body)
        }
    }

    private func settle(_ delivery: Delivery, _ outcome: Webhook.Outcome, now: Date) async throws {
        let page = delivery.notice.page
        switch outcome {
        case .delivered:
            pages["delivered"]?.increment()
            try await end(page, "delivered", nil, mayBeHeard: true, now: now)
        case .refused(let status): try await giveUp(delivery, "answered \(status)", mayBeHeard: delivery.mayBeHeard, now: now)
        case .failed(let reason, let mayBeHeard) where delivery.attempts >= Self.mostAttempts:
            try await giveUp(delivery, reason, mayBeHeard: mayBeHeard || delivery.mayBeHeard, now: now)
        case .failed(let reason, let mayBeHeard):
            pages["failed"]?.increment()
            var generator = SystemRandomNumberGenerator()
            let pause = Self.backoff.delay(afterFailures: delivery.attempts, using: &generator)
            try await pool.execute(
                """
                UPDATE reliability.page SET next_attempt_at = \(now.addingTimeInterval(Double(pause.components.seconds))), last_error = \(reason),
                    may_be_heard = \(mayBeHeard || delivery.mayBeHeard)
                WHERE id = \(page) AND state = 'pending'
                """)
        }
    }

    private func giveUp(_ delivery: Delivery, _ reason: String, mayBeHeard: Bool, now: Date) async throws {
        pages["dead"]?.increment()
        logger.error("A page cannot be delivered", metadata: [LogKeys.reason: "\(reason)", LogKeys.attempt: "\(delivery.attempts)"])
        try await end(delivery.notice.page, "dead", reason, mayBeHeard: mayBeHeard, now: now)
    }

    private func end(_ page: UUID, _ state: String, _ error: String?, mayBeHeard: Bool, now: Date) async throws {
        try await pool.transaction(.repeatable) { connection in
            let row = try await connection.queryOne(
                """
                UPDATE reliability.page AS page SET state = \(state), ended_at = \(now), last_error = \(error), may_be_heard = \(mayBeHeard)
                FROM reliability.page_channel AS channel
                WHERE page.id = \(page) AND page.state = 'pending' AND channel.id = page.channel_id
                RETURNING page.incident_id, page.event, channel.name
                """)
            guard let row else { return }
            let (event, channel): (String, String) = (try row.value("event"), try row.value("name"))
            try await IncidentBook(connection: connection, now: now).note(
                try row.value("incident_id"), "page", "\(event): \(channel): \(state)\(error.map { ", \($0)" } ?? "")", actor: "pager")
        }
    }

    private func show(_ now: Date) async throws {
        let row = try await pool.queryOne(
            """
            SELECT count(*) FILTER (WHERE state = 'pending' AND attempts > 0) AS waiting,
                count(*) FILTER (WHERE state = 'dead' AND ended_at > \(now.addingTimeInterval(-7 * 86_400))) AS dead
            FROM reliability.page WHERE state IN ('pending', 'dead')
            """)
        outbox.waiting.set(Double(try row?.value("waiting", as: Int.self) ?? 0))
        outbox.dead.set(Double(try row?.value("dead", as: Int.self) ?? 0))
    }
}
