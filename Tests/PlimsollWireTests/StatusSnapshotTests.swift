import FoundationEssentials
import PlimsollWire
import Testing

@Suite struct StatusSnapshotTests {
    /// Every field filled, so that none hides behind an empty list.
    static var full: StatusSnapshot {
        let moment = Date(timeIntervalSince1970: 1_700_000_000)
        let period = StatusPeriod(
            start: moment, good: 1, bad: 2, excluded: 3, unmeasured: 4, worst: .unmeasured, failedPpm: 5, limitedPpm: 6, firstTokenP50: 7,
            firstTokenP95: 8)
        let update = StatusUpdate(id: "u", status: .investigating, body: "b", createdAt: moment, corrects: "c", correctedBy: "d")
        let note = StatusNote(impact: "i", durationMinutes: 1, rootCause: "r", effect: "e", credits: "c", prevention: "p")
        return StatusSnapshot(
            version: 1, generatedAt: moment, evidenceUntil: moment,
            page: StatusPage(id: "p", name: "n", url: "https://status.example", supportContact: "s", supportHours: "h"),
            components: [
                StatusComponent(
                    id: "c", model: "m", modelName: "M", region: "eu", regionName: "Europe", status: .majorOutage, measuredSince: moment,
                    days: [period], hours: [period])
            ],
            incidents: [
                StatusIncident(
                    id: "i", title: "t", impact: .major, status: .monitoring, components: ["c"], startedAt: moment, createdAt: moment,
                    updatedAt: moment, monitoringAt: moment, resolvedAt: moment, updates: [update], note: note)
            ],
            maintenances: [
                StatusMaintenance(
                    id: "m", title: "t", impact: .none, status: .scheduled, components: ["c"], scheduledFor: moment, scheduledUntil: moment,
                    createdAt: moment, updatedAt: moment, completedAt: moment, updates: [update])
            ])
    }

    @Test func `a snapshot survives the wire`() throws {
        #expect(try WireCoder.decode(StatusSnapshot.self, from: WireCoder.encode(Self.full)) == Self.full)
    }

    /// Another name here is another thing that the public learns: think before adding one.
    @Test func `the public learns these fields and no others`() {
        let known: Set = [
            "version", "generatedAt", "evidenceUntil", "page", "components", "incidents", "maintenances", "id", "name", "url", "supportContact",
            "supportHours", "model", "modelName", "region", "regionName", "status", "measuredSince", "days", "hours", "start", "good", "bad",
            "excluded", "unmeasured", "worst", "failedPpm", "limitedPpm", "firstTokenP50", "firstTokenP95", "title", "impact", "startedAt",
            "createdAt", "updatedAt", "monitoringAt", "resolvedAt", "updates", "note", "body", "corrects", "correctedBy", "durationMinutes",
            "rootCause", "effect", "credits", "prevention", "scheduledFor", "scheduledUntil", "completedAt",
        ]
        #expect(names(of: Self.full).subtracting(known) == [])
        let forbidden = ["provider", "host", "worker", "gateway", "agent", "pool", "tenant", "runtime", "address"]
        for name in names(of: Self.full) { #expect(!forbidden.contains { name.lowercased().contains($0) }, "\(name)") }
    }

    @Test func `without news for five minutes the stale body is told`() {
        let document = StatusDocument(path: "/status", contentType: "text/html", live: "up", stale: "unmeasured")
        #expect(document.body(ageSeconds: 299) == "up")
        #expect(document.body(ageSeconds: 300) == "unmeasured")
        #expect(StatusDocument(path: "/status/incidents/1", contentType: "text/html", live: "past").body(ageSeconds: 9_000) == "past")
    }

    private func names(of value: Any) -> Set<String> {
        if value is Date { return [] }
        var found: Set<String> = []
        for child in Mirror(reflecting: value).children {
            if let label = child.label, label != "some" { found.insert(label) }
            found.formUnion(names(of: child.value))
        }
        return found
    }
}
