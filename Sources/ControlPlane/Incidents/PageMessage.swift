import Cryptography
import FoundationEssentials

/// What a page says, before it has a form.
struct PageNotice: Sendable, Equatable {
    var page: UUID
    var incident: UUID
    var number: Int64
    var event: PageEvent
    var rule: String
    /// `page` or `ticket`.
    var severity: String
    var title: String
    var tier: String
    var model: String
    var region: String
    var provider: String
    var step: String
    var openedAt: Date
    var resolvedAt: Date?
    var reportedAt: Date?
    var acknowledgedBy: String?
    var isDrill: Bool

    /// The same for all that is told of one incident, so that receivers put it together. A late write-up is a matter of its own.
    var dedupKey: String { "plimsoll-incident-\(incident.lowercased)" + (isOfWriteUp ? "-postmortem" : "") }

    var isOfWriteUp: Bool { event == .overdue || event == .reported }

    /// Nil: what it tells of goes on.
    var endedAt: Date? {
        switch event {
        case .opened, .overdue: nil
        // A dead letter that is sent again may come behind the end.
        case .acknowledged: resolvedAt
        case .resolved: resolvedAt ?? openedAt
        case .reported: reportedAt ?? resolvedAt ?? openedAt
        }
    }

    var headline: String {
        let prefix =
            switch event {
            case .opened: "Incident \(number)"
            case .acknowledged: "Incident \(number) acknowledged"
            case .resolved: "Incident \(number) resolved"
            case .overdue: "Write-up of incident \(number) is overdue"
            case .reported: "Write-up of incident \(number) is there"
            }
        return (isDrill ? "[drill] " : "") + "\(prefix): \(title)"
    }

    /// Names and values for people, without those that are not known.
    var facts: [(name: String, value: String)] {
        [
            ("rule", rule), ("severity", severity), ("step", step), ("tier", tier), ("model", model), ("region", region), ("provider", provider),
            ("opened_at", DiagnosisReader.instant(openedAt)), ("resolved_at", resolvedAt.map(DiagnosisReader.instant) ?? ""),
            ("acknowledged_by", acknowledgedBy ?? ""), ("look", "plimsoll incidents show \(number)"),
        ].filter { !$0.1.isEmpty }
    }
}

/// Forms in which pages are sent.
enum PageChannelKind: String, Sendable, CaseIterable {
    /// Events API v2.
    case pagerduty
    /// As Alertmanager calls webhooks, payload version 4.
    case alertmanager
    /// Incoming webhook of Slack, and of those that understand it.
    case slack
    /// Signed JSON of our own.
    case generic
}

/// One request to a channel: headers and body.
struct PageMessage: Sendable {
    private static let never = "0001-01-01T00:00:00Z"

    let headers: [(name: String, value: String)]
    let body: String

    /// - Parameters:
    ///   - secret: Routing key, bearer token or signing key.
    ///   - now: Seconds since 1970; part of what is signed.
    init(_ notice: PageNotice, _ kind: PageChannelKind, secret: String?, now: Int64) {
        switch kind {
        case .pagerduty:
            (headers, body) = (Webhook.headers, Self.pagerDuty(notice, routingKey: secret ?? ""))
        case .alertmanager:
            headers = Webhook.headers + (secret.map { [(name: "authorization", value: "Bearer \($0)")] } ?? [])
            body = Self.alertmanager(notice)
        case .slack:
            (headers, body) = (Webhook.headers, Self.slack(notice))
        case .generic:
            body = Self.generic(notice)
            headers = Webhook.signed(body, delivery: notice.page, secret: secret, now: now)
        }
    }

    private static func object(_ members: [(String, String)]) -> String {
        "{" + members.map { "\(AdminJSON.string($0.0)):\($0.1)" }.joined(separator: ",") + "}"
    }

    private static func texts(_ members: [(name: String, value: String)]) -> String {
        object(members.map { ($0.name, AdminJSON.string($0.value)) })
    }

    /// Only what begins has a payload; the rest is found by its key.
    private static func pagerDuty(_ notice: PageNotice, routingKey: String) -> String {
        let action =
            switch notice.event {
            case .opened, .overdue: "trigger"
            case .acknowledged: "acknowledge"
            case .resolved, .reported: "resolve"
            }
        var members = [
            ("routing_key", AdminJSON.string(routingKey)), ("event_action", AdminJSON.string(action)),
            ("dedup_key", AdminJSON.string(notice.dedupKey)),
        ]
        guard action == "trigger" else { return object(members) }
        let severity = notice.severity == "page" && notice.event == .opened ? "critical" : "warning"
        var payload = [
            ("summary", AdminJSON.string(String(notice.headline.prefix(1024)))), ("source", AdminJSON.string("plimsoll")),
            ("severity", AdminJSON.string(severity)), ("timestamp", AdminJSON.string(DiagnosisReader.instant(notice.openedAt))),
            ("class", AdminJSON.string(notice.rule)),
        ]
        if !notice.model.isEmpty { payload.append(("component", AdminJSON.string(notice.model))) }
        if !notice.region.isEmpty { payload.append(("group", AdminJSON.string(notice.region))) }
        payload.append(("custom_details", texts(notice.facts)))
        members.append(("payload", object(payload)))
        members.append(("client", AdminJSON.string("Plimsoll")))
        return object(members)
    }

    private static func alertmanager(_ notice: PageNotice) -> String {
        let status = AdminJSON.string(notice.endedAt == nil ? "firing" : "resolved")
        let name = notice.isOfWriteUp ? "PlimsollPostmortemOverdue" : "PlimsollIncident"
        let known = [("tier", notice.tier), ("model", notice.model), ("region", notice.region), ("provider", notice.provider)]
        let labels = texts(
            [
                ("alertname", name), ("incident", "\(notice.number)"), ("rule", notice.rule),
                ("severity", notice.severity == "page" ? "critical" : "warning"),
            ] + known.filter { !$0.1.isEmpty }.map { (name: $0.0, value: $0.1) })
        let group = texts([("alertname", name), ("incident", "\(notice.number)")])
        let annotations = texts([("summary", notice.headline), ("description", "Step: \(notice.step). plimsoll incidents show \(notice.number)")])
        let end = notice.endedAt.map(DiagnosisReader.instant) ?? never
        let fingerprint = String(Hash.sha256(notice.dedupKey).hex.prefix(16))
        let alert = object([
            ("status", status), ("labels", labels), ("annotations", annotations),
            ("startsAt", AdminJSON.string(DiagnosisReader.instant(notice.openedAt))), ("endsAt", AdminJSON.string(end)),
            ("generatorURL", AdminJSON.string("")), ("fingerprint", AdminJSON.string(fingerprint)),
        ])
        return object([
            ("version", AdminJSON.string("4")), ("groupKey", AdminJSON.string("{}:{alertname=\"\(name)\", incident=\"\(notice.number)\"}")),
            ("truncatedAlerts", "0"), ("status", status), ("receiver", AdminJSON.string("plimsoll")), ("groupLabels", group),
            ("commonLabels", labels), ("commonAnnotations", annotations), ("externalURL", AdminJSON.string("")), ("alerts", "[\(alert)]"),
        ])
    }

    private static func slack(_ notice: PageNotice) -> String {
        func escaped(_ text: String) -> String {
            text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
        }
        func text(_ type: String, _ words: String) -> String { texts([("type", type), ("text", words)]) }
        let header = object([("type", "\"header\""), ("text", text("plain_text", String(notice.headline.prefix(150))))])
        let fields = notice.facts.prefix(10).map { text("mrkdwn", String("*\($0.name)*\n\(escaped($0.value))".prefix(2000))) }
        let section = object([("type", "\"section\""), ("fields", "[\(fields.joined(separator: ","))]")])
        return object([("text", AdminJSON.string(escaped(notice.headline))), ("blocks", "[\(header),\(section)]")])
    }

    private static func generic(_ notice: PageNotice) -> String {
        object([
            ("version", "1"), ("delivery", AdminJSON.string(notice.page.lowercased)), ("event", AdminJSON.string(notice.event.rawValue)),
            ("dedup_key", AdminJSON.string(notice.dedupKey)), ("headline", AdminJSON.string(notice.headline)),
            (
                "incident",
                object(
                    [("id", AdminJSON.string(notice.incident.lowercased)), ("number", "\(notice.number)"), ("drill", "\(notice.isDrill)")]
                        + notice.facts.filter { $0.name != "look" }.map { ($0.name, AdminJSON.string($0.value)) })
            ),
        ])
    }
}
