import Cryptography
import FoundationEssentials
import HTTPTypes
import Postgres

/// One change: the work, its audit row and the saved answer in a single transaction, so that all of them happen or none.
struct AdminTransaction {
    typealias Work = @Sendable (AdminCall, inout FieldReader, PostgresConnection) async throws -> AdminChange

    let pool: PostgresPool
    let route: AdminRoute
    let call: AdminCall
    let body: [UInt8]

    /// With an idempotency key a repeated request gets the first one's answer instead of a second effect.
    func run(key: String?, _ work: Work) async throws -> AdminAnswer {
        guard let key else { return try await perform(nil, work) }
        guard (1...255).contains(key.utf8.count), TextForm.isToken(key) else {
            throw AdminRefusal.fault("Idempotency-Key", "must be 1 to 255 visible ASCII characters")
        }
        let keys = IdempotencyKeys(pool: pool, token: call.actor.tokenId, key: key, request: digest)
        switch try await keys.claim() {
        case .answered(let answer): return answer
        case .claimed(let claim):
            do {
                return try await perform((keys, claim), work)
            } catch {
                await keys.release(claim)
                throw error
            }
        }
    }

    private func perform(_ saved: (keys: IdempotencyKeys, claim: Date)?, _ work: Work) async throws -> AdminAnswer {
        try await pool.transaction(.repeatable) { connection in
            var fields = try FieldReader(body)
            let change = try await work(call, &fields, connection)
            try await connection.execute(
                """
                SELECT audit.append(\(call.actor.label), \(change.action), \(change.subjectKind), \(change.subjectId), \(call.requestId),
                    \(fields.audited(without: change.unaudited)))
                """)
            if let saved {
                try await saved.keys.save(AdminAnswer(status: change.status, body: change.document), saved.claim, connection)
            }
            guard let secret = change.secret else { return AdminAnswer(status: change.status, body: change.document) }
            return AdminAnswer(status: change.status, body: AdminJSON.adding(secret.name, secret.value, to: change.document))
        }
    }

    /// Of method, path and body, each with its length.
    private var digest: [UInt8] {
        var path = route.path
        for (name, value) in call.parameters {
            path = path.replacing("{\(name)}", with: value)
        }
        let head = "\(route.method.rawValue) \(path.utf8.count) \(path) "
        return Hash.sha256(Array(head.utf8) + body).bytes
    }
}
