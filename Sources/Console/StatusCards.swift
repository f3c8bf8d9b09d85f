import FoundationEssentials
import PlimsollWire

/// Pieces of the status page.
enum StatusCards {
    static func component(_ component: StatusComponent, _ snapshot: StatusSnapshot) -> HTML {
        let work: HTML? =
            snapshot.hasWorkBeside(component) ? "<p class=\"meta\">Announced maintenance is under way here, beside what is measured.</p>" : nil
        return """
            <article class="card"><div class="top-line"><h3>\(component.modelName) <span class="region">\(component.regionName)</span></h3>\
            <span class="state \(component.status.rawValue)"><span aria-hidden="true">\(component.status.sign)</span> \(component.status.words)</span></div>\(work)\
            \(StatusCharts.history(component))\
            <p class="scale"><span>\(component.days.count) days ago</span><span>today</span></p><p class="sum">\(StatusCharts.summary(component.days))</p>\
            <details><summary>Charts of \(component.modelName), \(component.regionName)</summary><div class="charts">\
            \(StatusCharts.lines.map { StatusCharts.chart($0, component.days, over: "by day, \(component.days.count) days") })\
            \(StatusCharts.lines.map { StatusCharts.chart($0, component.hours, over: "by hour, 24 hours") })</div></details>\
            \(StatusCharts.days(component.days, "Days of \(component.modelName), \(component.regionName), that were not all good"))</article>
            """
    }

    static func incident(_ incident: StatusIncident, _ snapshot: StatusSnapshot, isWhole: Bool, hasTitle: Bool = true) -> HTML {
        let updates: HTML? = isWhole ? self.updates(incident.updates) : nil
        let end: HTML? = incident.resolvedAt.map { " – \(Moment.element($0))" }
        return """
            <article class="card incident \(incident.impact.rawValue)\(incident.isOpen ? nil : " over" as HTML?)"><div class="top-line">\
            \(hasTitle ? title(incident.title, incident.id) : nil)<span class="tag">\(incident.status.words)</span></div>\
            <p class="meta">\(Moment.element(incident.startedAt))\(end) · \(incident.impact.words)\(places(incident.components, snapshot))</p>\(updates)</article>
            """
    }

    static func work(_ work: StatusMaintenance, _ snapshot: StatusSnapshot, isWhole: Bool = true, hasTitle: Bool = true) -> HTML {
        let updates: HTML? = isWhole ? self.updates(work.updates) : nil
        return """
            <article class="card work\(work.completedAt == nil ? nil : " over" as HTML?)"><div class="top-line">\
            \(hasTitle ? title(work.title, work.id) : nil)<span class="tag">\(work.status.words)</span></div>\
            <p class="meta">\(Moment.element(work.scheduledFor)) – \(Moment.element(work.scheduledUntil))\(places(work.components, snapshot))</p>\
            \(updates)</article>
            """
    }

    static func note(_ note: StatusNote) -> HTML {
        """
        <section aria-labelledby="note"><h2 id="note">Post-incident note</h2><dl class="card">\
        \(note.parts.map { "<dt>\($0.title)</dt><dd>\($0.text)</dd>" as HTML })</dl></section>
        """
    }

    private static func title(_ title: String, _ id: String) -> HTML { "<h3><a href=\"/status/incidents/\(id)\">\(title)</a></h3>" }

    private static func places(_ ids: [String], _ snapshot: StatusSnapshot) -> HTML? {
        let names = snapshot.components.filter { ids.contains($0.id) }.map { "\($0.modelName) (\($0.regionName))" }
        guard !names.isEmpty else { return nil }
        if names.count == snapshot.components.count, names.count > 1 { return " · all components" }
        return " · \(names.joined(separator: ", "))"
    }

    private static func updates(_ updates: [StatusUpdate]) -> HTML? {
        guard !updates.isEmpty else { return nil }
        return "<ol class=\"updates\">\(updates.map(update))</ol>"
    }

    /// A corrected one stays readable, struck through, with a word that says so.
    private static func update(_ update: StatusUpdate) -> HTML {
        let tag: HTML? =
            if update.correctedBy != nil { " <span class=\"tag\">corrected above</span>" } else if update.corrects != nil {
                " <span class=\"tag\">correction</span>"
            } else { nil }
        return """
            <li id="u\(update.id)"\(update.correctedBy == nil ? nil : " class=\"corrected\"" as HTML?)><strong>\(update.status.words)</strong>\(tag) \
            \(Moment.element(update.createdAt))<p>\(update.body)</p></li>
            """
    }
}
