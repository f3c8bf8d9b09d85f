import Cryptography
import FoundationEssentials
import HTTPTypes
import PlimsollWire
import Postgres

/// Captures and what is kept under them. Nobody but the tenant's own keys makes or reads one; the admin API can only erase (`CaptureResource`).
struct CaptureStore: Sendable {
    /// Captures of one tenant at once.
    private static let most = 20
    private static let longest: Int64 = 7 * 86_400
    /// Bytes of a record that its column takes.
    private static let mostSealed = 1 << 20

    let pool: PostgresPool
    let seal: CaptureSeal

    /// The answer to a customer. What is wrong with the call is an answer too.
    func answer(_ call: CaptureCall) async throws -> CaptureAnswer {
        do {
            return try await perform(call)
        } catch let refusal as AdminRefusal {
            return CaptureAnswer(status: refusal.status.code, body: refusal.body)
        }
    }

    private func perform(_ call: CaptureCall) async throws -> CaptureAnswer {
        if call.action == .create { return CaptureAnswer(status: 201, body: try await create(call)) }
        let holder = try await CaptureHolder.find(call) { try await pool.queryOne($0) }
        if call.action == .list { return CaptureAnswer(status: 200, body: try await list(holder)) }
        guard let id = call.capture.flatMap({ UUID(uuidString: $0) }) else { throw AdminRefusal.notFound }
        let body =
            switch call.action {
            case .records: try await records(id, holder, call)
            case .erase: try await erase(id, holder, call)
            case .show, .list, .create: try await show(id, holder) { try await pool.queryOne($0) }
            }
        return CaptureAnswer(status: 200, body: body)
    }

    private func list(_ holder: CaptureHolder) async throws -> String {
        let rows = try await pool.query(
            "SELECT (\(Self.document))::text AS document FROM serving.captures AS r WHERE \(holder.captures) ORDER BY created_at DESC LIMIT 100")
        let documents = try rows.map { try $0.value("document", as: String.self) }
        return #"{"object":"list","data":[\#(documents.joined(separator: ","))]}"#
    }

    private static let document: SQL = """
        json_build_object('id', r.id, 'object', 'debug.capture', 'key_only', r.key_only, 'models', r.models, 'limit', r.record_limit,
            'records', (SELECT count(*) FROM serving.capture_records WHERE capture_id = r.id),
            'created_at', extract(epoch FROM r.created_at)::bigint, 'expires_at', extract(epoch FROM r.expires_at)::bigint,
            'erased_at', extract(epoch FROM r.erased_at)::bigint)
        """

    /// Whose it is not hears that there is none.
    private func show(_ id: UUID, _ holder: CaptureHolder, _ run: (SQL) async throws -> PostgresRow?) async throws -> String {
        let row = try await run(
            "SELECT (\(Self.document))::text AS document FROM serving.captures AS r WHERE r.id = \(id) AND \(holder.captures)")
        guard let row else { throw AdminRefusal.notFound }
        return try row.value("document")
    }

    // MARK: Consent

    private func create(_ call: CaptureCall) async throws -> String {
        var fields = try FieldReader(Array(call.body.utf8))
        let seconds = fields.integer("expires_in", 60...Self.longest, .required)
        let keyOnly = fields.value(AdminField("key_only", .boolean)) as? Bool ?? true
        let models = fields.value(AdminField("models", .modelNames(atMost: 64))) as? [String]
        let limit = fields.integer("limit", 1...1000) ?? 100
        if models?.isEmpty == true { fields.add("models", "must name one at least") }
        try fields.finish()
        let id = UUID()
        let sealedKey = try seal.newKey(id)
        let audited = fields.audited(without: [])
        return try await pool.transaction(.repeatable) { connection in
            // A revocation that comes now waits, and ends this one as well.
            let holder = try await CaptureHolder.find(call, locked: true) { try await connection.queryOne($0) }
            guard keyOnly || holder.readsAll else { throw CaptureHolder.refusal }
            let (tenant, key) = (holder.tenant, holder.key)
            // One after the other: two that count at once would both find room for one.
            try await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('captures ' || \(tenant)::text, 0))")
            let open = try await connection.queryOne(
                """
                SELECT count(*) AS count FROM serving.captures WHERE tenant_id = \(tenant) AND erased_at IS NULL AND expires_at > now()
                """)
            guard try open?.value("count", as: Int.self) ?? 0 < Self.most else {
                throw AdminRefusal.conflict("too_many_captures", "there are \(Self.most) captures already; erase one first")
            }
            try await check(models ?? [], holder, connection)
            try await connection.execute(
                """
                INSERT INTO serving.captures (id, tenant_id, key_id, key_only, models, record_limit, sealed_key, expires_at)
                VALUES (\(id), \(tenant), \(key), \(keyOnly), \(models), \(limit)::integer, \(sealedKey),
                    now() + make_interval(secs => \(seconds ?? 60)::double precision))
                """)
            try await audit("consent", id, call, audited, connection)
            return try await show(id, holder) { try await connection.queryOne($0) }
        }
    }

    /// A name that no request of the key can have would keep nothing, and nobody would know why. Models of other tiers and keys are not told from those
    /// that do not exist.
    private func check(_ models: [String], _ holder: CaptureHolder, _ connection: PostgresConnection) async throws {
        let missing = try await connection.query(
            """
            SELECT DISTINCT wanted FROM unnest(\(models)::text[]) AS wanted WHERE NOT EXISTS (
                SELECT 1 FROM serving.models AS model JOIN serving.tenants AS tenant ON tenant.id = \(holder.tenant)
                JOIN serving.api_keys AS key ON key.id = \(holder.key)
                WHERE model.name = wanted AND model.state = 'active' AND (model.tiers = '{}' OR tenant.tier = ANY(model.tiers))
                    AND (key.models IS NULL OR wanted = ANY(key.models)))
            ORDER BY wanted
            """)
        let faults = try missing.map { AdminRefusal.Fault(param: "models", message: "\(try $0.value("wanted", as: String.self)) does not exist") }
        if !faults.isEmpty { throw AdminRefusal.faults(faults) }
    }

    private func audit(_ action: String, _ id: UUID, _ call: CaptureCall, _ change: String, _ connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            SELECT audit.append(\("key:" + call.key), \(action), 'capture', \(id.uuidString.lowercased()), \(String(call.requestId.prefix(64))), \(change))
            """)
    }

    // MARK: Contents

    /// A page of records in the order in which they were kept: as many as are asked for, fewer where they are long.
    private func records(_ id: UUID, _ holder: CaptureHolder, _ call: CaptureCall) async throws -> String {
        let page = try CapturePage(call.query)
        let (documents, last, hasMore) = try await pool.transaction(.repeatable) { connection in
            try await checkReader(id, holder, connection)
            let lengths = try await connection.query(
                """
                SELECT record.id, octet_length(record.sealed) AS bytes FROM serving.capture_records AS record
                JOIN serving.captures AS capture ON capture.id = record.capture_id
                WHERE capture.id = \(id) AND capture.sealed_key IS NOT NULL AND capture.expires_at > now() AND \(page.condition(id))
                ORDER BY record.at, record.id LIMIT \(page.limit + 1)
                """)
            let shown = page.shown(try lengths.map { (try $0.value("id", as: UUID.self), try $0.value("bytes", as: Int.self)) })
            let rows = try await connection.query(
                """
                SELECT record.id, record.sealed, capture.sealed_key FROM serving.capture_records AS record
                JOIN serving.captures AS capture ON capture.id = record.capture_id
                WHERE record.id = ANY(\(shown)::uuid[]) AND capture.sealed_key IS NOT NULL ORDER BY record.at, record.id
                """)
            try await audit("read", id, call, #"{"records":\#(rows.count)}"#, connection)
            return (try rows.map { try opened($0, of: id) }, shown.last, shown.count < lengths.count)
        }
        let end = last.map { AdminJSON.string($0.uuidString.lowercased()) } ?? "null"
        return #"{"object":"list","data":[\#(documents.joined(separator: ","))],"last_id":\#(end),"has_more":\#(hasMore)}"#
    }

    private func checkReader(_ id: UUID, _ holder: CaptureHolder, _ connection: PostgresConnection) async throws {
        let row = try await connection.queryOne(
            "SELECT \(holder.isReader) AS reads FROM serving.captures AS r WHERE r.id = \(id) AND \(holder.captures)")
        guard let row else { throw AdminRefusal.notFound }
        guard try row.value("reads") else { throw CaptureHolder.refusal }
    }

    private func opened(_ row: PostgresRow, of capture: UUID) throws -> String {
        let record = try seal.open(row.value("sealed"), id: row.value("id"), of: capture, key: row.value("sealed_key"))
        return String(decoding: record, as: UTF8.self)
    }

    private func erase(_ id: UUID, _ holder: CaptureHolder, _ call: CaptureCall) async throws -> String {
        try await pool.transaction(.repeatable) { connection in
            try await CaptureErasure.end(
                where: "r.id = \(id) AND \(holder.captures)", by: "key:" + call.key, requestId: String(call.requestId.prefix(64)), connection)
            return try await show(id, holder) { try await connection.queryOne($0) }
        }
    }

    /// Takes what gateways kept; what is beyond a capture's limit or end is thrown away.
    func store(_ batch: CaptureBatch) async throws -> IntakeResponse {
        var stored = 0
        for record in batch.records.prefix(1000) {
            guard let capture = UUID(uuidString: record.capture), let key = UUID(uuidString: record.key) else { continue }
            stored += try await pool.transaction(.repeatable) { try await keep(record, capture, of: key, $0) }
        }
        return IntakeResponse(stored: stored, duplicates: 0, quarantined: batch.records.count - stored)
    }

    /// - Parameter key: The tenant's, by which the request came.
    private func keep(_ record: CaptureRecord, _ capture: UUID, of key: UUID, _ connection: PostgresConnection) async throws -> Int {
        let row = try await connection.queryOne(
            """
            SELECT r.sealed_key, r.record_limit FROM serving.captures AS r JOIN serving.api_keys AS maker ON maker.id = r.key_id
            WHERE r.id = \(capture) AND r.sealed_key IS NOT NULL AND r.expires_at > now()
                AND CASE WHEN r.key_only THEN r.key_id = \(key)
                    ELSE maker.reads_reports AND (maker.models IS NULL OR \(record.model) = ANY(maker.models))
                        AND r.tenant_id = (SELECT tenant_id FROM serving.api_keys WHERE id = \(key)) END
            FOR UPDATE OF r
            """)
        guard let row else { return 0 }
        // Counted once nobody else can add to it: several gateways send at once.
        let kept = try await connection.queryOne("SELECT count(*) AS count FROM serving.capture_records WHERE capture_id = \(capture)")
        guard try kept?.value("count", as: Int.self) ?? 0 < row.value("record_limit", as: Int.self) else { return 0 }
        let id = UUID()
        let document = try CaptureDocument(id, record).encoded(within: Self.mostSealed - AEAD.overhead)
        let sealed = try seal.seal(document, id: id, of: capture, key: row.value("sealed_key"))
        return try await connection.execute(
            "INSERT INTO serving.capture_records (id, capture_id, sealed) VALUES (\(id), \(capture), \(sealed))")
    }

    /// Erases what has expired.
    static func expire(_ pool: PostgresPool) async throws -> Int {
        try await pool.transaction(.repeatable) { connection in
            try await CaptureErasure.end(where: "r.expires_at <= now()", by: "upkeep", connection)
        }
    }
}
