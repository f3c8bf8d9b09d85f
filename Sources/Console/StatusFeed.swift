import FoundationEssentials
import PlimsollWire

/// Incidents and maintenance as an Atom feed (RFC 4287): one entry for each, which changes with its last update.
struct StatusFeed {
    private let snapshot: StatusSnapshot

    init(_ snapshot: StatusSnapshot) {
        self.snapshot = snapshot
    }

    private struct Entry {
        var id: String
        var title: String
        var updatedAt: Date
        var createdAt: Date
        var updates: [StatusUpdate]
        var note: StatusNote?
    }

    var text: String {
        let entries =
            snapshot.incidents.map {
                Entry(id: $0.id, title: $0.title, updatedAt: $0.updatedAt, createdAt: $0.createdAt, updates: $0.updates, note: $0.note)
            }
            + snapshot.maintenances.map { Entry(id: $0.id, title: $0.title, updatedAt: $0.updatedAt, createdAt: $0.createdAt, updates: $0.updates) }
        let sorted = entries.sorted { ($0.updatedAt, $0.id) > ($1.updatedAt, $1.id) }
        let newest = sorted.first?.updatedAt ?? Date(timeIntervalSince1970: 0)
        let page = snapshot.page
        return
            ("""
        <?xml version="1.0" encoding="utf-8"?>
        <feed xmlns="http://www.w3.org/2005/Atom"><id>urn:uuid:\(page.id)</id><title>\(page.name)</title><updated>\(Moment.machine(newest))</updated>\
        <author><name>\(page.name)</name></author><link rel="self" href="\(page.url ?? "")/status/history.atom"/>\
        <link rel="alternate" type="text/html" href="\(page.url ?? "")/status"/>
        \(sorted.map(entry))</feed>

        """ as HTML).text
    }

    private func entry(_ entry: Entry) -> HTML {
        let words = entry.updates.map { update -> HTML in
            "<p><strong>\(update.status.words)</strong> – \(Moment.machine(update.createdAt))\(update.correctedBy == nil ? nil : " (corrected above)" as HTML?)<br/>\(update.body)</p>"
        }
        let note = (entry.note?.parts ?? []).map { "<p><strong>\($0.title)</strong><br/>\($0.text)</p>" as HTML }
        // The content is HTML within XML, so it is escaped once more.
        let content = (note + words).map(\.text).joined()
        return """
            <entry><id>urn:uuid:\(entry.id)</id><title>\(entry.title)</title><published>\(Moment.machine(entry.createdAt))</published>\
            <updated>\(Moment.machine(entry.updatedAt))</updated><link rel="alternate" type="text/html" \
            href="\(snapshot.page.url ?? "")/status/incidents/\(entry.id)"/><content type="html">\(content)</content></entry>

            """
    }
}
