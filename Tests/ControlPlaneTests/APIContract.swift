import Postgres
import TestSupport

/// The document beside the running server: sends what the document shows and holds every answer against it. What comes back are faults.
struct APIContract {
    let document: OpenAPIDocument
    let admin: AdminFixture

    /// In the order in which things can be made.
    private static let creations = [
        "tiers", "tenants", "models", "keys", "rules", "providers", "pools", "releases", "skus", "prices", "routing-weights", "enrolment-tokens",
        "tokens", "openslo", "objectives", "maintenance-windows", "exclusions", "freeze-passes", "terms", "agreements", "drills", "mitigations",
        "mitigations/vetoes",
        "page-channels", "scalers", "fallback-drills", "report-links", "status-posts", "readiness/attestations", "readiness/withdrawals",
    ]

    static func run(_ body: @Sendable (APIContract) async throws -> Void) async throws {
        let document = try await OpenAPIDocument.read()
        try await AdminFixture.run { admin in try await body(APIContract(document: document, admin: admin)) }
    }

    /// Makes one of each kind from the document's examples.
    func create() async throws -> [String] {
        let documented = Set(document.operations.filter { $0.method == "POST" && !$0.path.contains("{") }.map(\.path))
        var faults = documented.subtracting(Self.creations.map { "/admin/v1/\($0)" }).map { "\($0): this test does not make it" }
        // Nothing is promised that no probe looks at.
        _ = try await admin.row(
            "INSERT INTO reliability.probe_minute VALUES ('tiny', 'eu', date_trunc('minute', now()) - interval '9 minutes', 1, 0) RETURNING 1")
        for name in Self.creations {
            guard let operation = document.operation("POST", "/admin/v1/\(name)") else { return ["POST \(name): is not documented"] }
            faults += try await send(operation, to: operation.path, document.body(operation)["example"], expecting: [201])
        }
        return faults
    }

    /// What has no creation in this API: hosts, workers, gateways and the records of gateways.
    func seed() async throws {
        for statement in Self.seeds { _ = try await admin.row(statement) }
    }

    /// Every documented creation and update, with a field more than there is.
    func sendUnknownFields() async throws -> [String] {
        var faults: [String] = []
        for operation in document.operations where ["POST", "PATCH"].contains(operation.method) {
            guard let path = try await concrete(operation.path) else { continue }
            let body = (operation.path.contains("{") ? JSONTree.object([:]) : document.body(operation)["example"]).adding("colour", .string("red"))
            faults += try await send(operation, to: path, body, expecting: [400])
        }
        return faults
    }

    /// Every list with each of its filters, both orders and a short page, and the first row of each alone.
    func read() async throws -> [String] {
        var faults: [String] = []
        for operation in document.operations where operation.method == "GET" {
            // A bundle is no JSON, and there is one only of a whole month; nor is a page.
            if operation.path.hasSuffix("/bundle") || operation.path.hasSuffix("/page") { continue }
            guard let path = try await concrete(operation.path) else { return faults + ["\(operation.path): there is no row to ask for"] }
            faults += try await send(operation, to: path, nil, expecting: [200])
            faults += try await send(operation, to: path + "?colour=red", nil, expecting: [400])
            guard let row = try await admin.client.send("GET", path).json["data"].elements.first else { continue }
            let filters = document.filters(operation).map { "\($0)=\(Self.value(of: $0, in: row))" }
            for query in filters + ["order=asc", "order=desc", "limit=1"] {
                faults += try await send(operation, to: "\(path)?\(query)", nil, expecting: [200])
                let found = try await admin.client.send("GET", "\(path)?\(query)").json["data"].elements
                if found.isEmpty { faults.append("GET \(path)?\(query): does not find the row that it was taken from") }
            }
        }
        return faults
    }

    /// Updates with what creations were made of, commands, revocations and removals. Refusals must be documented too.
    func change() async throws -> [String] {
        var faults: [String] = []
        let changes = document.operations.filter { $0.path.contains("{") && $0.method != "GET" }
        for operation in changes.sorted(by: { Self.rank($0) < Self.rank($1) }) {
            guard let path = try await concrete(operation.path) else { return faults + ["\(operation.path): there is no row to change"] }
            let fields = document.body(operation)["properties"].names
            let creation = document.operation("POST", operation.path.replacing("/{id}", with: ""))
            let example = document.body(creation ?? operation)["example"]
            var body = JSONTree.object([:])
            for name in fields.intersection(example.names) { body = body.adding(name, example[name]) }
            if fields.contains("reason") { body = body.adding("reason", .string("contract")) }
            if operation.path.hasSuffix("/compute") { body = body.adding("month", .string("2026-01")) }
            for name in ["text", "root_cause", "prevention"] where fields.contains(name) { body = body.adding(name, .string("contract")) }
            if fields.contains("grounds") { body = body.adding("grounds", .string("by_agreement")) }
            if operation.path.hasSuffix("/close") { body = body.adding("state", .string("declined")) }
            if operation.path.hasSuffix("workers/{id}") { body = body.adding("weight_ppm", .number(1_000)) }
            faults += try await send(operation, to: path, body, expecting: Self.statuses(operation))
        }
        return faults
    }

    /// Methods that the document does not name.
    func sendOtherMethods() async throws -> [String] {
        var faults: [String] = []
        for path in Set(document.operations.map(\.path)).sorted() {
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] where document.operation(method, path) == nil {
                let place = path.replacing("{id}", with: "x").replacing("{operation}", with: "y")
                let status = try await admin.client.send(method, place, method == "GET" ? nil : "{}").status
                if ![404, 405].contains(status) { faults.append("\(method) \(path): is answered with \(status) and not documented") }
            }
        }
        return faults
    }

    private func send(
        _ operation: OpenAPIDocument.Operation, to path: String, _ body: JSONTree?, expecting statuses: [Int]
    ) async throws -> [String] {
        let answer = try await admin.client.send(operation.method, path, body?.text)
        var faults = document.faults(operation, status: answer.status, answer.json)
        if !statuses.contains(answer.status) { faults.append("\(operation.method) \(path): answers \(answer.status) \(answer.text.prefix(300))") }
        return faults
    }

    /// A path with the ids of the newest rows in place of its placeholders; nil when there are none.
    private func concrete(_ template: String) async throws -> String? {
        guard template.contains("{") else { return template }
        let list = String(template.prefix { $0 != "{" }.dropLast())
        if list.hasSuffix("/requests") {
            let usage = try await admin.client.send("GET", list.replacing("/requests", with: "/usage-records")).json["data"][0]
            return usage["request_id"].string.map { template.replacing("{id}", with: $0) }
        }
        guard let id = try await admin.client.send("GET", list + "?order=desc").json["data"][0]["id"].string else { return nil }
        let path = template.replacing("{id}", with: id)
        guard path.hasSuffix("/{operation}") else { return path }
        let operations = String(path.dropLast("/{operation}".count))
        guard let operation = try await admin.client.send("GET", operations).json["data"][0]["id"].string else { return nil }
        return "\(operations)/\(operation)"
    }

    private static func value(of filter: String, in row: JSONTree) -> String {
        switch (filter, row[filter]) {
        case ("since", _): "2000-01-01T00:00:00Z"
        case ("until", _): "2100-01-01T00:00:00Z"
        case (_, .bool(let flag)): flag ? "true" : "false"
        case (_, let value): value.string ?? value.text
        }
    }

    /// Whoever asked for something cannot approve it, what is not approved is not computed, and what is over is not ended again.
    private static func statuses(_ operation: OpenAPIDocument.Operation) -> [Int] {
        if operation.path.hasSuffix("/approve") || operation.path.hasSuffix("/compute") { return [200, 404, 409] }
        // One of them comes first, and the others find it over.
        let rivals = ["mitigations/{id}/revert", "mitigations/{id}/close", "status-posts/{id}/veto", "status-posts/{id}/publish"]
        if rivals.contains(where: operation.path.hasSuffix) { return [200, 409] }
        return operation.method == "DELETE" ? [200, 409] : [200]
    }

    /// Commands before revocations, and what refers to others before them.
    private static func rank(_ operation: OpenAPIDocument.Operation) -> Int {
        let kinds = ["skus", "releases", "models", "rules", "keys", "tenants", "tiers", "pools", "providers"]
        if operation.method == "PATCH" { return 0 }
        if operation.method == "POST" {
            // They end what others are done to, or want it ended.
            let last = ["/postmortem", "/revert", "/close"].contains { operation.path.hasSuffix($0) }
            return operation.path.hasSuffix("revoke") ? 3 : last ? 2 : 1
        }
        return 4 + (kinds.firstIndex { operation.path.contains("/\($0)/") } ?? kinds.count)
    }
}
