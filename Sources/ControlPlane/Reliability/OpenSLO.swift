import Domain
import FoundationEssentials
import HTTPTypes
import HTTPWire
import Postgres

/// Objectives as OpenSLO v1 documents in JSON. What is measured is named by a metric source of the type `plimsoll`, because only what gateways and
/// probes count can be judged here.
enum OpenSLO {
    private static let version = "openslo/v1"
    fileprivate static let freezeAnnotation = "plimsoll/freezes"
    /// An objective without a budget: targets of OpenSLO are below 1.
    fileprivate static let wholeAnnotation = "plimsoll/target"
    private static let ignoredKinds = ["Service", "DataSource", "SLI", "AlertPolicy", "AlertCondition", "AlertNotificationTarget"]

    static let export = AdminRoute.read("openslo") { call, databases in
        try call.refuseQuery()
        let objectives = try await ObjectiveStore.active { try await databases.serving.query($0) }
        let service = #"{"apiVersion":"openslo/v1","kind":"Service","metadata":{"name":"plimsoll"},"spec":{"description":"Managed LLM inference"}}"#
        let documents = [service] + OpenSLOAlerts.documents + objectives.map(document)
        return AdminAnswer(body: "{\"documents\":[\(documents.joined(separator: ","))]}")
    }

    /// By name: objectives that are there are changed, others made.
    static let imports = AdminRoute.change(.post, "openslo") { call, fields, connection in
        let documents = fields.raw("documents")?.array ?? []
        let alerts = OpenSLOAlerts(documents)
        var read: [ImportedObjective] = []
        for (index, document) in documents.enumerated() {
            guard document["apiVersion"]?.string == version else {
                fields.add("documents.\(index).apiVersion", "must be \(version)")
                continue
            }
            guard document["kind"]?.string == "SLO" else {
                if !ignoredKinds.contains(document["kind"]?.string ?? "") { fields.add("documents.\(index).kind", "is no kind of OpenSLO v1") }
                continue
            }
            do throws(ImportFault) {
                read.append(try ImportedObjective(document, alerts))
            } catch {
                fields.add("documents.\(index).\(error.place)", error.message)
            }
        }
        if documents.isEmpty { fields.add("documents", "must be a list of documents") }
        try fields.finish()
        var written: [String] = []
        for objective in read { written.append(try await store(objective, connection)) }
        return AdminChange(
            status: .created,
            document: "{\"imported\":[\(written.map(AdminJSON.string).joined(separator: ","))],\"ignored\":\(documents.count - read.count)}",
            action: "import", subjectKind: "objective", subjectId: "openslo")
    }

    private static func store(_ imported: ImportedObjective, _ connection: PostgresConnection) async throws -> String {
        let objective = imported.objective
        let tenant = try await TenantOwned.tenant(objective.scope.tenant, connection)
        let row = try await connection.queryOne(
            """
            INSERT INTO reliability.objective AS r (name, kind, tenant_id, tier, model, region, target_ppm, threshold_microseconds, bad_above_ppm,
                period, time_zone, burn_alerts, freezes)
            VALUES (\(imported.name), \(objective.kind.rawValue), \(tenant), \(objective.scope.tier), \(objective.scope.model),
                \(objective.scope.region), \(objective.targetPpm), \(objective.thresholdMicroseconds), \(objective.badAbovePpm),
                \(imported.isRolling ? "rolling" : "calendar"), \(imported.timeZone),
                coalesce(\(imported.raisesBurnAlerts)::boolean, TRUE), coalesce(\(imported.freezes)::boolean, \(objective.kind == .availability)))
            ON CONFLICT (name) WHERE state <> 'deleted' DO UPDATE SET target_ppm = EXCLUDED.target_ppm,
                threshold_microseconds = EXCLUDED.threshold_microseconds, bad_above_ppm = EXCLUDED.bad_above_ppm, period = EXCLUDED.period,
                time_zone = EXCLUDED.time_zone, burn_alerts = coalesce(\(imported.raisesBurnAlerts)::boolean, r.burn_alerts),
                freezes = coalesce(\(imported.freezes)::boolean, r.freezes), updated_at = now()
            WHERE r.kind = EXCLUDED.kind AND (r.tenant_id, r.tier, r.model, r.region) IS NOT DISTINCT FROM
                (EXCLUDED.tenant_id, EXCLUDED.tier, EXCLUDED.model, EXCLUDED.region)
            RETURNING id
            """)
        guard let id = try row?.value("id", as: UUID.self) else {
            throw AdminRefusal.conflict("already_exists", "\(imported.name) is there with another kind or scope", param: "documents")
        }
        try await ObjectiveResource.resource.check(connection, id)
        return imported.name
    }

    private static func document(_ stored: StoredObjective) -> String {
        let objective = stored.objective
        var facts = [("kind", AdminJSON.string(objective.kind.rawValue))]
        for (name, value) in [
            ("tenant", objective.scope.tenant), ("tier", objective.scope.tier), ("model", objective.scope.model), ("region", objective.scope.region),
        ] {
            if let value { facts.append((name, AdminJSON.string(value))) }
        }
        if let threshold = objective.thresholdMicroseconds { facts.append(("threshold_microseconds", String(threshold))) }
        let source = "{\"metricSource\":{\"type\":\"plimsoll\",\"spec\":{\(facts.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ","))}}}"
        let window =
            stored.period == .rolling
            ? #"{"duration":"30d","isRolling":true}"#
            : "{\"duration\":\"1M\",\"isRolling\":false,\"calendar\":{\"startTime\":\"2024-01-01 00:00:00\",\"timeZone\":\(AdminJSON.string(stored.timeZone))}}"
        var target = "{\"displayName\":\(AdminJSON.string(stored.name)),\"target\":\(min(objective.goodShare, Self.greatest).shortDecimal(places: 6))"
        if objective.kind == .availability {
            let slice = objective.badAbovePpm.map { Ratio(Objective.million - $0, Objective.million).shortDecimal(places: 6) } ?? "1"
            target += ",\"timeSliceTarget\":\(slice),\"timeSliceWindow\":\"1m\""
        }
        // OpenSLO knows no freeze; what is usual of a kind is not said.
        let isUsual = stored.freezes == (objective.kind == .availability)
        let notes =
            (isUsual ? [] : ["\"\(freezeAnnotation)\":\"\(stored.freezes)\""])
            + (objective.goodShare > Self.greatest ? ["\"\(wholeAnnotation)\":\"1\""] : [])
        let annotations = notes.isEmpty ? "" : ",\"annotations\":{\(notes.joined(separator: ","))}"
        return
            "{\"apiVersion\":\"\(version)\",\"kind\":\"SLO\",\"metadata\":{\"name\":\(AdminJSON.string(stored.name))\(annotations)},\"spec\":{\"service\":\"plimsoll\","
            + "\"indicator\":{\"metadata\":{\"name\":\(AdminJSON.string(stored.name))},\"spec\":{\"ratioMetric\":{\"counter\":true,"
            + "\"good\":\(source),\"total\":\(source)}}},\"timeWindow\":[\(window)],"
            + "\"budgetingMethod\":\"\(objective.kind == .availability ? "Timeslices" : "Occurrences")\",\"objectives\":[\(target)}],"
            + "\"alertPolicies\":[\(stored.raisesBurnAlerts ? OpenSLOAlerts.references : "")]}}"
    }

    /// That a target may be.
    private static let greatest = Ratio(Objective.million - 1, Objective.million)
}

/// Where a document cannot be taken over, and why.
struct ImportFault: Error {
    var place: String
    var message: String
}

/// What a document of the kind SLO asks for.
struct ImportedObjective: Sendable {
    var name: String
    var objective: Objective
    var isRolling: Bool
    var timeZone: String
    /// Nil: the document does not say.
    var raisesBurnAlerts: Bool?
    var freezes: Bool?

    init(_ document: JSONValue, _ alerts: OpenSLOAlerts) throws(ImportFault) {
        guard let name = document["metadata"]?["name"]?.string, TextForm.isSlug(name) else {
            throw ImportFault(place: "metadata.name", message: "must be a name of lower-case letters, digits, dots, dashes and underscores")
        }
        self.name = name
        guard let spec = document["spec"] else { throw ImportFault(place: "spec", message: "is required") }
        let (facts, kind) = try Self.source(spec)
        guard let targets = spec["objectives"]?.array, targets.count == 1, var target = Self.target(targets[0]) else {
            throw ImportFault(place: "spec.objectives", message: "must be one objective with a target of whole millionths, from one of them to 1")
        }
        let annotations = document["metadata"]?["annotations"]
        if annotations?[OpenSLO.wholeAnnotation]?.string == "1", target == Objective.million - 1 { target = Objective.million }
        let slice = try Self.badAbove(targets[0])
        let isShare = kind == .errorRate || kind == .refusalRate
        objective = Objective(
            kind: kind,
            scope: ObjectiveScope(
                tenant: facts["tenant"]?.string, tier: facts["tier"]?.string, model: facts["model"]?.string, region: facts["region"]?.string),
            targetPpm: isShare ? Objective.million - target : target, thresholdMicroseconds: facts["threshold_microseconds"]?.integer,
            badAbovePpm: kind == .availability ? slice.flatMap { $0 == 0 ? nil : $0 } : nil)
        let windows = spec["timeWindow"]?.array ?? []
        let calendar = windows.first?["calendar"]
        guard windows.count == 1, let rolling = windows[0]["isRolling"]?.bool ?? calendar.map({ _ in false }), !rolling || calendar == nil,
            windows[0]["duration"]?.string == (rolling ? "30d" : "1M")
        else {
            throw ImportFault(place: "spec.timeWindow", message: "must be one window: 30d rolling, or 1M of a calendar")
        }
        isRolling = rolling
        timeZone = calendar?["timeZone"]?.string ?? "UTC"
        if let policies = spec["alertPolicies"] {
            guard let items = policies.array else { throw ImportFault(place: "spec.alertPolicies", message: "must be a list") }
            raisesBurnAlerts = try alerts.raises(items)
        }
        freezes = annotations?[OpenSLO.freezeAnnotation]?.string.map { $0 != "false" }
        try Self.check(spec, target: targets[0], start: calendar?["startTime"]?.string, kind)
    }

    /// What is measured: good events and all of them, of one source, because that is what is counted here.
    private static func source(_ spec: JSONValue) throws(ImportFault) -> (facts: JSONValue, kind: ObjectiveKind) {
        let indicator = spec["indicator"]?["spec"]
        let (good, total) = (indicator?["ratioMetric"]?["good"]?["metricSource"], indicator?["ratioMetric"]?["total"]?["metricSource"])
        guard indicator?["thresholdMetric"] == nil, total?["type"]?.string == "plimsoll", let facts = total?["spec"],
            let kind = facts["kind"]?.string.flatMap(ObjectiveKind.init)
        else {
            throw ImportFault(
                place: "spec.indicator",
                message: "must have a ratioMetric whose metricSource is of the type plimsoll, with a kind; nothing else is measured here")
        }
        guard good == total, indicator?["ratioMetric"]?["bad"] == nil, indicator?["ratioMetric"]?["raw"] == nil, spec["indicatorRef"] == nil else {
            throw ImportFault(
                place: "spec.indicator.spec.ratioMetric",
                message: "must have good and total, both of the same metricSource: one kind counts both here")
        }
        return (facts, kind)
    }

    /// What would be judged otherwise here than the document says is refused.
    private static func check(_ spec: JSONValue, target: JSONValue, start: String?, _ kind: ObjectiveKind) throws(ImportFault) {
        let method = kind == .availability ? "Timeslices" : "Occurrences"
        guard spec["budgetingMethod"]?.string == method else {
            throw ImportFault(place: "spec.budgetingMethod", message: "must be \(method): that is how \(kind.rawValue) is judged here")
        }
        guard kind != .availability || (target["timeSliceWindow"]?.string ?? "1m") == "1m" else {
            throw ImportFault(place: "spec.objectives.0.timeSliceWindow", message: "must be 1m: minutes are judged here")
        }
        guard start.map({ $0.dropFirst(8).hasPrefix("01") && !$0.dropFirst(10).contains { ("1"..."9").contains($0) } }) ?? true else {
            throw ImportFault(place: "spec.timeWindow.0.calendar.startTime", message: "must be midnight of the first day of a month")
        }
    }

    private static func target(_ objective: JSONValue) -> Int64? {
        (objective["target"]?.double ?? objective["targetPercent"]?.double.map { $0 / 100 }).flatMap(millionths)
    }

    private static func badAbove(_ objective: JSONValue) throws(ImportFault) -> Int64? {
        guard let slice = objective["timeSliceTarget"] else { return nil }
        guard let good = slice.double.flatMap(millionths) else {
            throw ImportFault(place: "spec.objectives.0.timeSliceTarget", message: "must be whole millionths, from one of them to 1")
        }
        return Objective.million - good
    }

    /// Nil: none, more than all, or a share that is not kept as exactly as it is written.
    private static func millionths(_ share: Double) -> Int64? {
        guard share > 0, share <= 1 else { return nil }
        let exact = share * 1_000_000
        guard exact.rounded() >= 1, abs(exact - exact.rounded()) < 0.001 else { return nil }
        return Int64(exact.rounded())
    }
}
