import Domain
package import FoundationEssentials
package import PlimsollWire

/// Every document of the status page, from the public snapshot and nothing else. The same snapshot gives the same bytes.
package struct StatusPages: Sendable {
    private let snapshot: StatusSnapshot

    package init(_ snapshot: StatusSnapshot) {
        self.snapshot = snapshot
    }

    /// Without a slash at the end of their paths.
    package var documents: [StatusDocument] {
        let old = snapshot.withoutNews
        let page = StatusDocument(
            path: "/status", contentType: Self.html, live: Self.page(snapshot, isStale: false).text, stale: Self.page(old, isStale: true).text)
        let incidents = snapshot.incidents.map { incident in
            StatusDocument(path: "/status/incidents/\(incident.id)", contentType: Self.html, live: incidentPage(incident).text)
        }
        let works = snapshot.maintenances.map { work in
            StatusDocument(path: "/status/incidents/\(work.id)", contentType: Self.html, live: workPage(work).text)
        }
        let feed = StatusDocument(path: "/status/history.atom", contentType: "application/atom+xml; charset=utf-8", live: StatusFeed(snapshot).text)
        return [page] + incidents + works + [feed] + StatuspageDocuments(live: snapshot, stale: old).documents
    }

    private static let html = "text/html; charset=utf-8"

    // MARK: The page

    private static func page(_ snapshot: StatusSnapshot, isStale: Bool) -> HTML {
        let open = snapshot.incidents.filter(\.isOpen)
        let work = snapshot.maintenances.filter { $0.completedAt == nil }
        return PageFrame(title: snapshot.page.name, page: snapshot.page, generatedAt: snapshot.generatedAt).html(
            """
            \(now(snapshot, isStale: isStale))
            \(section("Open incidents", id: "open", open.map { StatusCards.incident($0, snapshot, isWhole: true) }))
            \(section("Maintenance", id: "maintenance", work.map { StatusCards.work($0, snapshot) }))
            <section aria-labelledby="components"><h2 id="components">Components</h2>\(legend)\(snapshot.components.map { StatusCards.component($0, snapshot) })\
            \(snapshot.components.isEmpty ? quiet("Nothing is offered yet.") : nil)</section>
            <section aria-labelledby="past"><h2 id="past">Past incidents and maintenance</h2>\(past(snapshot))</section>
            """)
    }

    /// The latest first.
    private static func past(_ snapshot: StatusSnapshot) -> [HTML] {
        let incidents = snapshot.incidents.filter { !$0.isOpen }.map { ($0.startedAt, StatusCards.incident($0, snapshot, isWhole: false)) }
        let works = snapshot.maintenances.filter { $0.completedAt != nil }.map { ($0.scheduledFor, StatusCards.work($0, snapshot, isWhole: false)) }
        let cards = (incidents + works).sorted { $0.0 > $1.0 }.map(\.1)
        return cards.isEmpty ? [quiet("None in the last 90 days.")] : cards
    }

    private static func now(_ snapshot: StatusSnapshot, isStale: Bool) -> HTML {
        let overall = OverallStatus(snapshot)
        let when: HTML =
            if isStale {
                "No news since \(Moment.element(snapshot.generatedAt)). Until there is, nothing here is told as running; what was measured before stays."
            } else if let until = snapshot.evidenceUntil {
                "Measured up to \(Moment.element(until))."
            } else {
                "Nothing has been measured yet."
            }
        return """
            <section class="now \(overall.status.rawValue)" aria-labelledby="now"><h2 class="headline" id="now"><span aria-hidden="true">\
            \(overall.status.sign)</span> \(overall.headline)</h2><p class="when">\(when)</p></section>
            """
    }

    private static let legend: HTML = """
        <ul class="key" aria-label="Colours of the bars"><li><i style="background:var(--good)"></i>good</li><li><i style="background:var(--bad)"></i>bad</li>\
        <li><i style="background:var(--none)"></i>unmeasured</li><li><i style="background:var(--fix)"></i>announced maintenance</li>\
        <li><i style="background:var(--empty)"></i>not there yet</li></ul>
        """

    private static func quiet(_ text: String) -> HTML { "<p class=\"card quiet\">\(text)</p>" }

    private static func section(_ title: String, id: String, _ cards: [HTML]) -> HTML? {
        cards.isEmpty ? nil : "<section aria-labelledby=\"\(id)\"><h2 id=\"\(id)\">\(title)</h2>\(cards)</section>"
    }

    // MARK: One incident

    private func incidentPage(_ incident: StatusIncident) -> HTML {
        PageFrame(title: "\(incident.title) – \(snapshot.page.name)", page: snapshot.page, generatedAt: nil).html(
            """
            <h2>\(incident.title)</h2>\(StatusCards.incident(incident, snapshot, isWhole: true, hasTitle: false))\
            \(incident.note.map(StatusCards.note))<p><a href="/status">Back to the status page</a></p>
            """)
    }

    private func workPage(_ work: StatusMaintenance) -> HTML {
        PageFrame(title: "\(work.title) – \(snapshot.page.name)", page: snapshot.page, generatedAt: nil).html(
            "<h2>\(work.title)</h2>\(StatusCards.work(work, snapshot, hasTitle: false))<p><a href=\"/status\">Back to the status page</a></p>")
    }
}

/// What stands around the content of each page.
package struct PageFrame {
    package var title: String
    package var page: StatusPage
    package var generatedAt: Date?

    package init(title: String, page: StatusPage, generatedAt: Date?) {
        self.title = title
        self.page = page
        self.generatedAt = generatedAt
    }

    package func html(_ content: HTML) -> HTML {
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>\(title)</title>\
        <meta name="color-scheme" content="light dark"><link rel="icon" href="data:,">\
        <link rel="alternate" type="application/atom+xml" title="Incidents and maintenance" href="/status/history.atom"><style>\(StatusStyle.sheet)</style></head>
        <body><a class="skip" href="#content">Skip to content</a><header><h1><a href="/status">\(page.name)</a></h1></header>
        <main id="content">\(content)</main>
        <footer>\(support)<p><a href="/status/history.atom">Atom feed</a> · <a href="/api/v2/summary.json">JSON</a></p>\
        \(generatedAt.map { "<p>Made \(Moment.element($0)). A minute counts as bad when more than 5 % of its requests failed, or nobody asked and every probe failed; a minute without evidence is unmeasured and never counts as good.</p>" as HTML })</footer></body></html>
        """
    }

    private var support: HTML? {
        guard let contact = page.supportContact else { return nil }
        let hours: HTML? = page.supportHours.map { " · \($0)" }
        return "<p>Support: \(link(contact))\(hours)</p>"
    }

    private func link(_ contact: String) -> HTML {
        if contact.hasPrefix("https://") || contact.hasPrefix("http://") { return "<a href=\"\(contact)\">\(contact)</a>" }
        let isMail = contact.contains("@") && !contact.contains(where: { $0 == " " || $0 == "<" || $0 == "?" || $0 == "&" })
        return isMail ? "<a href=\"mailto:\(contact)\">\(contact)</a>" : "\(contact)"
    }
}
