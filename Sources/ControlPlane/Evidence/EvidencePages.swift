import Cryptography
import HTTPTypes
package import Hummingbird
package import Logging
import NIOCore
package import Postgres
import Telemetry

/// The public log for everybody, without a token: checkpoints, leaves and proofs. It tells nothing that the newest checkpoint does not cover, and
/// nobody's name.
package struct EvidencePages: Sendable {
    private let log: PublicLog
    private let signer: EvidenceSigner?
    private let logger: Logger

    /// - Parameter reliability: Pool of the reliability room.
    package init(reliability: PostgresPool, signer: EvidenceSigner?, logger: Logger) {
        log = PublicLog(pool: reliability)
        self.signer = signer
        self.logger = logger
    }

    package func addRoutes(to router: Router<AdminContext>) {
        router.get("/evidence/v1/checkpoint") { _, _ in
            try await answer { AdminAnswer(body: try await log.checkpoint() ?? "", contentType: Self.text) }
        }
        router.get("/evidence/v1/key") { _, _ in
            try await answer { AdminAnswer(body: signer.map { "\($0.noteKey)\n" } ?? "", contentType: Self.text) }
        }
        router.get("/evidence/v1/entries") { request, _ in
            try await answer { try await entries(Self.query(request)) }
        }
        router.get("/evidence/v1/inclusion") { request, _ in
            try await answer { try await inclusion(Self.query(request)) }
        }
        router.get("/evidence/v1/consistency") { request, _ in
            try await answer { try await consistency(Self.query(request)) }
        }
    }

    private static let text = "text/plain; charset=utf-8"

    /// A line for each leaf.
    private func entries(_ query: LogQuery) async throws -> AdminAnswer {
        try query.allow(["from", "count"])
        let size = try await log.signedSize()
        let from = try query.number("from", in: 0...size) ?? 0
        let count = try query.number("count", in: 1...PublicLog.page) ?? PublicLog.page
        let entries = try await log.entries(from..<min(from + count, size))
        return AdminAnswer(body: entries.map { $0 + "\n" }.joined(), contentType: Self.text)
    }

    private func inclusion(_ query: LogQuery) async throws -> AdminAnswer {
        try query.allow(["position", "size"])
        let signed = try await log.signedSize()
        let size = try query.number("size", in: 1...max(signed, 1)) ?? signed
        guard size > 0, size <= signed else { throw AdminRefusal.notFound }
        guard let position = try query.number("position", in: 0...size - 1) else { throw AdminRefusal.fault("position", "is missing") }
        let entry = try await log.entries(position..<position + 1).first ?? ""
        let path = try await log.inclusion(of: position, size: size)
        return AdminAnswer(
            body: "{\"position\":\(position),\"size\":\(size),\"entry\":\(AdminJSON.string(entry)),\"path\":\(EvidenceResource.hexes(path))}")
    }

    private func consistency(_ query: LogQuery) async throws -> AdminAnswer {
        try query.allow(["from", "to"])
        let signed = try await log.signedSize()
        let to = try query.number("to", in: 0...signed) ?? signed
        guard let from = try query.number("from", in: 0...to) else { throw AdminRefusal.fault("from", "is missing") }
        let path = try await log.consistency(from: from, to: to)
        return AdminAnswer(body: "{\"from\":\(from),\"to\":\(to),\"path\":\(EvidenceResource.hexes(path))}")
    }

    private static func query(_ request: Request) -> LogQuery {
        var query: [String: String] = [:]
        for (name, value) in request.uri.queryParameters { query[String(name)] = String(value) }
        return LogQuery(values: query)
    }

    private func answer(_ work: () async throws -> AdminAnswer) async throws -> Response {
        do {
            let answer = try await work()
            return (answer.body.isEmpty ? AdminAnswer(status: .notFound, body: AdminRefusal.notFound.body) : answer).response
        } catch {
            let refusal = (error as? AdminRefusal) ?? (error as? PostgresError).map { AdminRefusal($0) } ?? .failed
            if refusal.status.code >= 500 { logger.error("The public log was not told", metadata: [LogKeys.code: "\(errorCode(error))"]) }
            return AdminAnswer(status: refusal.status, body: refusal.body).response
        }
    }
}

/// Parameters of a request to the log.
private struct LogQuery {
    let values: [String: String]

    func allow(_ known: Set<String>) throws {
        if let name = values.keys.filter({ !known.contains($0) }).min() { throw AdminRefusal.fault(name, "is not a parameter of this request") }
    }

    func number(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = values[name] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw AdminRefusal.fault(name, "must be an integer from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}
