import Domain
import FoundationEssentials
import PlimsollWire
import TestSupport
import Testing

@testable import Console

@Suite struct StatusPagesTests {
    private func document(_ path: String, of snapshot: StatusSnapshot) throws -> StatusDocument {
        try #require(StatusPages(snapshot).documents.first { $0.path == path })
    }

    private func tree(_ name: String, of snapshot: StatusSnapshot) throws -> JSONTree {
        try JSONDecoder().decode(JSONTree.self, from: Data(document("/api/v2/\(name).json", of: snapshot).live.utf8))
    }

    @Test func `what is interpolated cannot become markup`() {
        let evil = "<script>alert(\"x\")</script> & 'y'\u{0}"
        let page: HTML = "<p title=\"\(evil)\">\(evil)</p>"
        let safe = "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;y&#39;"
        #expect(page.text == "<p title=\"\(safe)\">\(safe)</p>")
    }

    @Test func `one minute is told as one`() {
        let minute = StatusPeriod(start: StatusFixture.moment, good: 1)
        #expect(StatusCharts.summary([minute]) == "100 % of 1 minute was good")
        #expect(StatusCharts.summary([minute, minute]) == "100 % of 2 minutes were good")
    }

    @Test func `no word of a snapshot becomes markup on any page`() throws {
        var snapshot = StatusFixture.snapshot()
        let evil = "</title><script>alert(1)</script>"
        (snapshot.page.name, snapshot.page.supportContact, snapshot.page.supportHours) = (evil, evil, evil)
        (snapshot.components[0].modelName, snapshot.components[0].regionName) = (evil, evil)
        snapshot.incidents = [StatusFixture.incident(isOpen: true, title: evil)]
        snapshot.incidents[0].updates[0].body = evil
        for document in StatusPages(snapshot).documents where !document.contentType.hasPrefix("application/json") {
            for body in [document.live, document.stale ?? ""] { #expect(!body.contains("<script"), "\(document.path)") }
        }
    }

    @Test func `nothing is told as running without news, and history stays`() throws {
        let snapshot = StatusFixture.snapshot()
        let page = try document("/status", of: snapshot)
        let stale = page.body(ageSeconds: 300)
        #expect(page.body(ageSeconds: 299).contains("All systems operational"))
        #expect(!stale.contains("operational\"") && !stale.contains("All systems operational") && stale.contains("No news since"))
        #expect(stale.contains("unmeasured right now"))
        let history = try #require(page.live.split(separator: "<svg class=\"history\"").dropFirst().first)
        #expect(stale.contains(history.prefix(2_000)))
        for name in ["summary", "components", "status"] {
            let old = try document("/api/v2/\(name).json", of: snapshot).body(ageSeconds: 9_999)
            #expect(!old.contains("\"operational\"") && !old.contains("\"none\""), "\(name)")
        }
    }

    @Test func `JSON is in the shape that clients of Statuspage know`() throws {
        var snapshot = try #require(StatusFixture.all["incident"])
        snapshot.maintenances = [StatusFixture.work(isActive: true)]
        snapshot.components[2].status = .unmeasured
        let summary = try tree("summary", of: snapshot)
        #expect(summary.names == ["page", "components", "incidents", "scheduled_maintenances", "status"])
        #expect(summary["page"].names == ["id", "name", "url", "time_zone", "updated_at"])
        #expect(summary["status"].names == ["indicator", "description"] && summary["status"]["indicator"].string == "major")
        let component = summary["components"][2]
        #expect(
            component.names == [
                "id", "name", "status", "created_at", "updated_at", "position", "description", "showcase", "start_date", "group_id", "page_id",
                "group", "only_show_if_degraded", "measured",
            ])
        #expect(component["status"].string == "degraded_performance" && component["description"].string?.hasPrefix("Unmeasured") == true)
        #expect(component["description"].string?.hasSuffix(" Announced maintenance is under way.") == true)
        let incident = summary["incidents"][0]
        let common: Set = [
            "id", "name", "status", "created_at", "updated_at", "monitoring_at", "resolved_at", "impact", "shortlink", "started_at", "page_id",
            "incident_updates", "components",
        ]
        #expect(incident.names == common && incident["impact"].string == "major" && incident["resolved_at"] == .null)
        #expect(
            incident["incident_updates"][0].names == [
                "id", "status", "body", "incident_id", "created_at", "updated_at", "display_at", "affected_components", "deliver_notifications",
                "custom_tweet", "tweet_id",
            ])
        #expect(incident["incident_updates"][0]["affected_components"] == .null, "states of the past are not kept")
        let work = summary["scheduled_maintenances"][0]
        #expect(work.names == common.union(["scheduled_for", "scheduled_until"]) && work["status"].string == "in_progress")
    }

    @Test func `work stands beside what is measured, and once where that is all there is to tell`() throws {
        let words = "Announced maintenance is under way here, beside what is measured."
        var snapshot = try #require(StatusFixture.all["maintenance"])
        func page() throws -> String { try document("/status", of: snapshot).live }
        #expect(try !page().contains(words))
        for status in [ComponentStatus.majorOutage, .unmeasured] {
            snapshot.components[2].status = status
            #expect(try page().ranges(of: words).count == 1)
        }
    }

    @Test func `what was written of an incident is in its last word in the JSON, and in the feed`() throws {
        var snapshot = try #require(StatusFixture.all["incident"])
        snapshot.incidents[1].status = .postmortem
        snapshot.incidents[1].updates.insert(
            StatusUpdate(id: "9", status: .postmortem, body: "We have written up what happened.", createdAt: StatusFixture.moment), at: 0)
        let updates = try tree("incidents", of: snapshot)["incidents"][1]["incident_updates"]
        let body = updates[0]["body"].string ?? ""
        let parts = [
            "We have written up", "Impact: 9 % of requests", "Duration: 50 minutes", "Root cause: Machines went", "Prevention: A second source",
        ]
        for part in parts { #expect(body.contains(part), "\(part)") }
        #expect(updates.elements.dropFirst().allSatisfy { $0["body"].string?.contains("Root cause") == false })
        let feed = try document("/status/history.atom", of: snapshot).live
        #expect(feed.contains("&lt;strong&gt;Root cause&lt;/strong&gt;&lt;br/&gt;Machines went away together."), "\(feed)")
    }

    @Test func `lists hold what their names say`() throws {
        var snapshot = try #require(StatusFixture.all["incident"])
        snapshot.maintenances = [StatusFixture.work(isActive: false)]
        let count = { (name: String, list: String) in
            try tree(name, of: snapshot)[list].elements.count
        }
        #expect(try count("incidents", "incidents") == 2)
        #expect(try count("incidents/unresolved", "incidents") == 1)
        #expect(try count("scheduled-maintenances", "scheduled_maintenances") == 1)
        #expect(try count("scheduled-maintenances/upcoming", "scheduled_maintenances") == 1)
        #expect(try count("scheduled-maintenances/active", "scheduled_maintenances") == 0)
        #expect(try count("components", "components") == 3)
    }

    @Test func `what is open is in every list of incidents, however much came after it`() throws {
        var snapshot = StatusFixture.snapshot()
        snapshot.incidents = (0..<60).map { _ in StatusFixture.incident(isOpen: false) } + [StatusFixture.incident(isOpen: true)]
        let states = { (name: String) in try tree(name, of: snapshot)["incidents"].elements.map { $0["resolved_at"].string == nil } }
        #expect(try states("incidents").count == 51 && states("incidents").last == true)
        #expect(try states("incidents/unresolved") == [true] && states("summary") == [true])
    }

    @Test func `an open incident that is about no component is in the one line of the whole service`() throws {
        var snapshot = StatusFixture.snapshot()
        snapshot.incidents = [StatusFixture.incident(isOpen: true, title: "Keys cannot be made")]
        snapshot.incidents[0].components = []
        let status = { try tree("status", of: snapshot)["status"] }
        #expect(try status()["indicator"].string == "minor" && status()["description"].string == "An incident is open")
        let page = try document("/status", of: snapshot)
        #expect(!page.live.contains("All systems operational") && page.stale?.contains("The service is unmeasured right now") == true)
        snapshot.components[0].status = .majorOutage
        #expect(try status()["indicator"].string == "critical")
        (snapshot.components[0].status, snapshot.incidents[0].impact) = (.operational, .none)
        #expect(try status()["indicator"].string == "none", "a drill is no trouble")
    }

    @Test func `an incident has a page with its corrected words, and its note when it is over`() throws {
        let snapshot = try #require(StatusFixture.all["incident"])
        let open = try document("/status/incidents/\(snapshot.incidents[0].id)", of: snapshot).live
        #expect(open.contains("corrected above") && open.contains("About 4 %") && open.contains("About 9 %"))
        let over = try document("/status/incidents/\(snapshot.incidents[1].id)", of: snapshot).live
        #expect(over.contains("Post-incident note") && over.contains("Machines went away together."))
    }

    @Test func `maintenance that is over stays on the page for its 90 days, and so does each day that was not all good`() throws {
        var snapshot = StatusFixture.snapshot()
        snapshot.incidents = [StatusFixture.incident(isOpen: false)]
        snapshot.maintenances = [StatusFixture.pastWork]
        let page = try document("/status", of: snapshot).live
        let past = try #require(page.firstRange(of: "id=\"past\""))
        let work = try #require(page.firstRange(of: "/status/incidents/\(StatusFixture.pastWork.id)"))
        let incident = try #require(page.firstRange(of: "/status/incidents/\(snapshot.incidents[0].id)"))
        #expect(past.lowerBound < work.lowerBound && work.lowerBound < incident.lowerBound, "the latest first")
        let days = snapshot.components[0].days.filter { $0.bad + $0.unmeasured + $0.excluded > 0 }
        #expect(!days.isEmpty)
        for day in days { #expect(page.contains("<li><strong>\(Moment.day(day.start))</strong>")) }
    }

    @Test func `a bad minute is never rounded away`() {
        #expect(ShareText.uptime(nil) == nil)
        #expect(ShareText.uptime(.init(129_599, 129_600)) == "99.999 %")
        #expect(ShareText.uptime(.init(129_600, 129_600)) == "100 %")
        #expect(ShareText.uptime(.init(9_995, 10_000)) == "99.95 %")
    }
}
