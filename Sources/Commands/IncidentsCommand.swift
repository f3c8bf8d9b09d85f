import ArgumentParser
import HTTPWire

enum Incidents: AdminKind {
    static let path = "incidents"
    static let noun = "incident"
    static let columns: [AdminColumn] = [
        "number", "severity", "step", "title", "provider", "occurrences", "opened_at", "resolved_at", "acknowledged_by", "postmortem_overdue",
    ]
    static let filters: [KindFilter] = [
        KindFilter("state", "open or over"), "rule", KindFilter("severity", "page or ticket"), "model", "region", "tier", .tenant,
        KindFilter("postmortem_overdue", "true or false"), .since, .until,
    ]
}

struct IncidentsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "incidents", abstract: "What went wrong, what was done about it, and who was told.",
        subcommands: [
            ListVerb<Incidents>.self, ShowIncident.self, AcknowledgeIncident.self, NoteIncident.self, ResolveIncident.self, WriteUpIncident.self,
            ExportIncident.self,
        ])
}

/// An incident, by the number that lists show or by its id.
struct IncidentReference: ParsableArguments {
    @OptionGroup var options: AdminOptions
    @Argument(help: "Its number or id.") var reference: String

    var path: String { "\(Incidents.path)/\(AdminClient.escape(reference))" }

    func change(_ verb: String, _ body: JSONValue = .object(JSONObject())) async throws {
        try await CommandFailure.reporting {
            options.show(try await options.client().change("POST", "\(path)/\(verb)", body))
        }
    }
}

/// `plimsoll incidents show 12`
struct ShowIncident: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows one incident with its write-up and its timeline.",
        discussion: "With -o json what was known when it opened is there too: accelerators, caches, queues, errors, tenants.")

    @OptionGroup var incident: IncidentReference

    func run() async throws {
        try await CommandFailure.reporting {
            let client = try incident.options.client()
            let document = try await client.get(incident.path)
            guard incident.options.output == .table else { return incident.options.show(document) }
            let events = try await client.all("\(incident.path)/events", most: 1_000)
            incident.options.show(Self.head(document))
            print("")
            for line in WriteUpText.lines(document["postmortem"]) { print(line) }
            print("")
            incident.options.show(events, columns: ["at", "kind", "text", "actor"], empty: "no events")
        }
    }

    /// What is of interest as a whole only stands apart, or is left to JSON.
    private static func head(_ document: JSONValue) -> JSONValue {
        var shown = JSONObject()
        for member in document.object?.members ?? [] where !["snapshot", "postmortem"].contains(member.name) {
            _ = shown.append(member.name, member.value)
        }
        return .object(shown)
    }
}

/// The write-up of an incident as lines.
enum WriteUpText {
    /// As it is told; the database keeps no order.
    private static let order = [
        "title", "author", "began_at", "detected_at", "in_force_at", "mitigated_at", "ended_at", "duration_seconds", "seconds_to_detect",
        "seconds_to_mitigate", "felt_minutes", "impact", "customer_effect", "customers_touched", "bad_requests", "late_first_tokens", "bad_minutes",
        "excluded_drill_requests", "fallback_answers", "budget", "credits_caused", "root_cause", "actions", "prevention", "proposals",
    ]

    static func lines(_ postmortem: JSONValue?) -> [String] {
        guard let document = postmortem, let object = document.object else { return ["write-up: none yet, it is drafted when the incident is over"] }
        var parts = JSONObject()
        let others = object.names.filter { $0 != "state" && !order.contains($0) }
        for name in order + others { if let value = object[name] { _ = parts.append(name, value) } }
        let isDraft = document["state"]?.string == "draft"
        return ["write-up\(isDraft ? ", a draft" : ""):"] + ReadableText.lines(.object(parts), depth: 1)
    }
}

/// `plimsoll incidents acknowledge 12`
struct AcknowledgeIncident: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "acknowledge", abstract: "Says that somebody looks after it; nobody else is woken.")

    @OptionGroup var incident: IncidentReference

    func run() async throws { try await incident.change("acknowledge") }
}

/// `plimsoll incidents note 12 'the driver of one host hangs' --diagnosed`
struct NoteIncident: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "note", abstract: "Adds a line to its timeline.")

    @OptionGroup var incident: IncidentReference
    @Argument(help: "What to write down.") var text: String
    @Flag(help: "This is the cause: the incident is diagnosed.") var diagnosed = false

    func run() async throws {
        var body = JSONObject()
        _ = body.append("text", .string(text))
        if diagnosed { _ = body.append("step", .string("diagnosed")) }
        try await incident.change("note", .object(body))
    }
}

/// `plimsoll incidents resolve 12 --reason 'the route is back'`
struct ResolveIncident: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve", abstract: "Says that it is over; ten clean minutes say so without anybody.")

    @OptionGroup var incident: IncidentReference
    @Option(help: "Why, for the record.") var reason: String

    func run() async throws { try await incident.change("resolve", .members(("reason", .string(reason)))) }
}

/// `plimsoll incidents postmortem 12 root_cause='…' prevention='…'`
struct WriteUpIncident: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "postmortem", abstract: "Files the write-up of a resolved incident; without fields it shows the draft.",
        discussion: "Fields: root_cause *, prevention *, impact, customer_effect, credits_caused.")

    private static let names = ["root_cause", "prevention", "impact", "customer_effect", "credits_caused"]

    @OptionGroup var incident: IncidentReference
    @Argument(help: "Fields as name=value.") var fields: [String] = []

    func validate() throws {
        try FieldAssignment.parse(fields).check(Self.names, "field of a write-up")
    }

    func run() async throws {
        let given = try FieldAssignment.parse(fields)
        guard given.isEmpty else {
            let body = given.reduce(into: JSONObject()) { object, field in _ = object.append(field.name, .string(field.text)) }
            return try await incident.change("postmortem", .object(body))
        }
        try await CommandFailure.reporting {
            let document = try await incident.options.client().get(incident.path)
            guard incident.options.output == .table else { return print(JSONPrinter.pretty(document["postmortem"] ?? .null)) }
            for line in WriteUpText.lines(document["postmortem"]) { print(line) }
        }
    }
}

/// `plimsoll incidents export 12`
struct ExportIncident: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Prints what may be handed to a customer, without names of providers and hosts.")

    @OptionGroup var incident: IncidentReference

    func run() async throws {
        try await CommandFailure.reporting { print(JSONPrinter.pretty(try await incident.options.client().get("\(incident.path)/export"))) }
    }
}
