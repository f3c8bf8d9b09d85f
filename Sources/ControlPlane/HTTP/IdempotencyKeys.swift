import FoundationEssentials
import HTTPTypes
import Postgres

/// Remembers for 24 hours what a request with an idempotency key was answered. Secrets are not kept: a repeated answer lacks them.
struct IdempotencyKeys {
    let pool: PostgresPool
    let token: UUID
    let key: String
    /// SHA-256 of the request.
    let request: [UInt8]

    enum Claim {
        /// This request runs now; the moment fences it against one that takes over after its time.
        case claimed(Date)
        case answered(AdminAnswer)
    }

    func claim() async throws -> Claim {
        let row = try await pool.queryOne(
            """
            INSERT INTO serving.idempotency_keys AS held (token_id, key, request_sha256, running_until)
            VALUES (\(token), \(key), \(request), clock_timestamp() + interval '60 seconds')
            ON CONFLICT (token_id, key) DO UPDATE
            SET request_sha256 = excluded.request_sha256, running_until = excluded.running_until, state = 'running', status = NULL,
                answer = NULL, created_at = now()
            WHERE held.created_at < now() - interval '24 hours' OR (held.state = 'running' AND held.running_until < now())
            RETURNING running_until
            """)
        if let row { return .claimed(try row.value("running_until")) }
        return .answered(try await earlier())
    }

    private func earlier() async throws -> AdminAnswer {
        let row = try await pool.queryOne(
            """
            SELECT request_sha256 = \(request) AS same, status, answer FROM serving.idempotency_keys WHERE token_id = \(token) AND key = \(key)
            """)
        // It was released between the two statements.
        guard let row else { throw Self.running }
        guard try row.value("same") else {
            throw AdminRefusal(
                .unprocessableContent, code: "idempotency_key_reused", "this idempotency key was used with another request",
                faults: [AdminRefusal.Fault(param: "Idempotency-Key", message: "was used with another request")])
        }
        guard let status: Int = try row.value("status", as: Int?.self), let answer: String = try row.value("answer", as: String?.self) else {
            throw Self.running
        }
        return AdminAnswer(status: HTTPResponse.Status(code: status), body: answer, isReplayed: true)
    }

    private static let running = AdminRefusal.conflict(
        "request_in_progress", "a request with this idempotency key is still running", param: "Idempotency-Key")

    /// Within the change's own transaction; throws when another request has taken over.
    func save(_ answer: AdminAnswer, _ claim: Date, _ connection: PostgresConnection) async throws {
        let saved = try await connection.execute(
            """
            UPDATE serving.idempotency_keys SET state = 'done', status = \(answer.status.code), answer = \(answer.body)
            WHERE token_id = \(token) AND key = \(key) AND state = 'running' AND running_until = \(claim)
            """)
        guard saved == 1 else { throw Self.running }
    }

    /// Lets a refused request be sent again. If this fails too, the claim ends by itself.
    func release(_ claim: Date) async {
        do {
            try await pool.execute(
                """
                DELETE FROM serving.idempotency_keys
                WHERE token_id = \(token) AND key = \(key) AND state = 'running' AND running_until = \(claim)
                """)
        } catch {
            return
        }
    }
}
