import Domain
import FoundationEssentials
import Postgres

/// What a rule found: it opens an incident, or is one more sign of one that is open.
struct IncidentTrigger: Sendable {
    var key: IncidentKey
    var beganAt: Date
    /// For operators.
    var text: String
    var isDrill = false
    /// Nil: as usual of its signal.
    var severity: BurnRule.Severity?

    /// It wakes people.
    var isPage: Bool { (severity ?? key.signal.severity) == .page }

    /// A budget that is spent slowly is felt in single requests, of which no more is known than that.
    var isFelt: Bool { key.signal.isFelt && (isPage || key.signal != .burn) }
}

/// An incident that is not over, as its keeper needs it.
struct OpenIncident: Sendable {
    let id: UUID
    let key: String
    let signal: IncidentSignal
    let severity: String
    let tier: String
    let model: String
    let region: String
    /// It is about, or that was found to be worse than others; empty: none.
    var provider: String
    var worker: UUID?
    /// Whose promise it is about; nil: all customers'.
    let owner: UUID?
    var step: IncidentStep
    let beganAt: Date
    let openedAt: Date
    var lastSignalAt: Date
    let isAcknowledged: Bool
    /// Who sends far more than usual, by the snapshot.
    var tenant: String?
    /// What was found to be worse than others while it was open.
    var release: String?
    /// A release that took over lately, of which too little is known.
    var suspect: String?
    let haste: Int64
    let isDrill: Bool

    static let columns: SQL = """
        id, key, rule, severity, tier, model, region, coalesce(nullif(provider, ''), \(culprit("'provider'")), '') AS provider, coalesce(worker_id, \(culprit("'worker'"))::uuid) AS worker_id, tenant_id, step, drill, began_at, opened_at, last_signal_at,
        acknowledged_at IS NOT NULL AS is_acknowledged, snapshot ->> 'noisy_tenant' AS noisy_tenant,
        \(culprit("'release'")) AS culprit_release, \(haste(drill: "drill", openedAt: "opened_at")) AS haste
        """

    /// As the timeline has it: what was found stays found, also when it serves nobody any more and nothing new can be found of it.
    private static func culprit(_ kind: SQL) -> SQL {
        """
        (SELECT event.detail ->> \(kind) FROM reliability.incident_event AS event
            WHERE event.incident_id = incident.id AND event.kind = 'signal' AND event.detail ->> \(kind) IS NOT NULL
            ORDER BY event.id DESC LIMIT 1)
        """
    }

    /// Times as fast as usual that holds and clean times of an incident go by: of one that a drill made, as the drill says.
    static func haste(drill: SQL, openedAt: SQL) -> SQL {
        """
        CASE WHEN \(drill) THEN coalesce((SELECT rehearsal.compression FROM reliability.drill AS rehearsal
            WHERE rehearsal.started_at <= \(openedAt) ORDER BY rehearsal.started_at DESC LIMIT 1), 1) ELSE 1 END
        """
    }

    /// Nil for a rule of a later release: its own keeper looks after it.
    init?(_ row: PostgresRow) throws {
        guard let signal = IncidentSignal(rawValue: try row.value("rule")), let step = IncidentStep(rawValue: try row.value("step")) else {
            return nil
        }
        self.signal = signal
        self.step = step
        id = try row.value("id")
        key = try row.value("key")
        severity = try row.value("severity")
        tier = try row.value("tier")
        model = try row.value("model")
        region = try row.value("region")
        provider = try row.value("provider")
        worker = try row.value("worker_id")
        owner = try row.value("tenant_id")
        beganAt = try row.value("began_at")
        openedAt = try row.value("opened_at")
        lastSignalAt = try row.value("last_signal_at")
        isAcknowledged = try row.value("is_acknowledged")
        tenant = try row.value("noisy_tenant")
        release = try row.value("culprit_release")
        haste = try row.value("haste")
        isDrill = try row.value("drill")
    }

    var trouble: Trouble {
        func named(_ text: String) -> String? { text.isEmpty ? nil : text }
        var trouble = Trouble(
            id: id.lowercased, signal: signal, tier: named(tier), model: named(model), region: named(region), provider: named(provider),
            worker: worker?.lowercased, tenant: tenant == owner?.lowercased ? nil : tenant, release: release, suspect: suspect,
            since: beganAt.wholeSeconds,
            lastSeen: lastSignalAt.wholeSeconds,
            haste: haste, isDrill: isDrill)
        trouble.isSlowBurn = signal == .burn && severity == BurnRule.Severity.ticket.rawValue
        return trouble
    }
}

extension Date {
    /// Since 1970.
    var wholeSeconds: Int64 { Int64(timeIntervalSince1970.rounded(.down)) }
}
