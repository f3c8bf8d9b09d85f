import FoundationEssentials
import Logging
import PlimsollWire
import Postgres
import ServiceLifecycle
import Telemetry

/// Writes heartbeats down, all of a second in a few statements, and makes workers of the runtimes that they report.
struct HeartbeatWriter: Service {
    static let batch = 2_000

    private let pool: PostgresPool
    private let book: HeartbeatBook
    private let logger: Logger
    private let interval: Duration

    init(pool: PostgresPool, book: HeartbeatBook, interval: Duration = .seconds(1), logger: Logger) {
        self.pool = pool
        self.book = book
        self.interval = interval
        self.logger = logger
    }

    func run() async {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                // Cancellation is seen by the loop's condition.
                try? await Task.sleep(for: self.interval)
                await self.turn()
            }
        }
    }

    private func turn() async {
        do {
            try await flush()
        } catch {
            guard !Task.isCancelled else { return }
            logger.warning("Heartbeats could not be written", metadata: ["error.code": "\(errorCode(error))"])
        }
    }

    /// Writes what is there now.
    func flush() async throws {
        while case let pages = book.takeUnwritten(Self.batch), !pages.isEmpty {
            try await writeAll(pages)
            if pages.count < Self.batch { break }
        }
        book.forget(silentSince: Date() - 3_600)
    }

    /// A host is not trusted: when values are refused the batch is halved until the host that sent them stands alone and is left out.
    private func writeAll(_ pages: [UUID: HeartbeatBook.Page]) async throws {
        var batches = [pages]
        while let batch = batches.popLast() {
            do {
                try await write(batch)
            } catch let error as PostgresError where error.isAboutValues {
                if batch.count > 1 {
                    batches += Self.halves(batch)
                } else {
                    leaveOut(batch, because: error)
                }
            } catch {
                for unwritten in batches + [batch] { book.failed(unwritten) }
                throw error
            }
        }
    }

    private static func halves(_ batch: [UUID: HeartbeatBook.Page]) -> [[UUID: HeartbeatBook.Page]] {
        let middle = batch.count / 2
        let hosts = batch.keys.sorted { $0.uuidString < $1.uuidString }
        return [hosts[..<middle], hosts[middle...]].map { part in part.reduce(into: [:]) { $0[$1] = batch[$1] } }
    }

    private func leaveOut(_ batch: [UUID: HeartbeatBook.Page], because error: PostgresError) {
        for host in batch.keys {
            let metadata: Logger.Metadata = [
                LogKeys.host: "\(host.lowercased)", LogKeys.code: "\(error.code.rawValue)", LogKeys.reason: "\(error.constraint ?? error.message)",
            ]
            logger.warning("Heartbeat is left out: the schema refuses it", metadata: metadata)
        }
    }

    private func write(_ pages: [UUID: HeartbeatBook.Page]) async throws {
        // In one order everywhere, so that two replicas cannot wait for each other.
        let hosts = pages.keys.sorted { $0.uuidString < $1.uuidString }
        let rows = try HostRows(hosts.compactMap { host in pages[host].map { (host, $0) } })
        let runtimes = try RuntimeRows(hosts.compactMap { host in pages[host].map { (host, $0) } })
        let generations = try await pool.transaction(.repeatable) { connection in
            let written = try await connection.query(rows.statement)
            let accepted = try written.map { try $0.value("id", as: UUID.self) }
            let led = try await connection.query(runtimes.statement(accepted: accepted))
            return try (written + led).map { (try $0.value("id", as: UUID.self), try $0.value("generation", as: Int64.self)) }
        }
        for (host, generation) in generations { book.note(generation: generation, of: host) }
        let known = Set(generations.map(\.0))
        book.forget(hosts.filter { !known.contains($0) })
    }
}

/// Hosts' own columns of a batch.
private struct HostRows {
    let statement: SQL

    init(_ pages: [(UUID, HeartbeatBook.Page)]) throws {
        let beats = pages.map(\.1.heartbeat)
        let inventories: [String?] = try beats.map { beat in
            guard let inventory = beat.inventory else { return nil }
            return String(decoding: try WireCoder.encode(inventory), as: UTF8.self)
        }
        let gateways = beats.map { "{" + $0.linkedGateways.compactMap { UUID(uuidString: $0)?.lowercased }.joined(separator: ",") + "}" }
        let skews = pages.map { page in page.1.heartbeat.clockMilliseconds.subtractingReportingOverflow(page.1.receivedAt.milliseconds).partialValue }
        statement = """
            UPDATE serving.hosts AS host SET
                epoch = beat.epoch, sequence = beat.sequence, observed_generation = beat.observed, agent_state = beat.state,
                inventory = coalesce(beat.inventory, host.inventory), linked_gateways = beat.gateways::uuid[],
                link_address = CASE WHEN host.link = 'direct' THEN coalesce(beat.link_address, host.link_address) ELSE host.link_address END,
                clock_skew_milliseconds = beat.skew, version = beat.version, last_heartbeat_at = beat.received_at
            FROM unnest(\(pages.map(\.0))::uuid[], \(beats.map(\.epoch))::bigint[], \(beats.map(\.sequence))::bigint[],
                \(beats.map(\.observedGeneration))::bigint[], \(beats.map(\.state.rawValue))::text[], \(inventories)::jsonb[],
                \(gateways)::text[], \(beats.map(\.linkAddress))::text[], \(skews)::bigint[], \(beats.map(\.version))::text[],
                \(pages.map(\.1.receivedAt))::timestamptz[])
                AS beat (id, epoch, sequence, observed, state, inventory, gateways, link_address, skew, version, received_at)
            WHERE host.id = beat.id AND (host.epoch, host.sequence) < (beat.epoch, beat.sequence) AND host.state = 'active'
            RETURNING host.id, host.generation
            """
    }
}

/// Runtimes of a batch: each becomes a worker, with traffic or with the reason why not.
private struct RuntimeRows {
    private let hosts: [UUID]
    private let reports: [RuntimeReport]
    private let loads: [String]
    private let dialects: [String]
    private let tails: [String?]

    init(_ pages: [(UUID, HeartbeatBook.Page)]) throws {
        let pairs = pages.flatMap { host, page in page.heartbeat.runtimes.map { (host, $0) } }
        hosts = pairs.map(\.0)
        reports = pairs.map(\.1)
        dialects = reports.map(\.dialect.rawValue)
        tails = reports.map { report in
            report.logTail.map { "[" + $0.map(AdminJSON.string).joined(separator: ",") + "]" }
        }
        loads = try reports.map { String(decoding: try WireCoder.encode($0.load), as: UTF8.self) }
    }

    /// One statement: compares with the workers as they were, writes, retires what is gone, and raises the generation of every host
    /// whose agent must learn something. Load alone is written every fifteen seconds.
    func statement(accepted: [UUID]) -> SQL {
        """
        WITH report AS (
            SELECT report.*, \(Self.refusal) AS refusal
            FROM unnest(\(hosts)::uuid[], \(reports.map(\.runtime))::text[], \(reports.map(\.release))::text[], \(dialects)::text[],
                \(reports.map(\.servedModel))::text[], \(reports.map(\.version))::text[], \(reports.map(\.state.rawValue))::text[],
                \(reports.map(\.slots))::integer[], \(reports.map(\.contextTokens))::integer[], \(loads)::jsonb[],
                \(reports.map { $0.restartable ?? false })::boolean[], \(tails)::jsonb[], \(reports.map(\.imageDigest))::text[],
                \(reports.map(\.weightsDigest))::text[])
                AS report (host_id, runtime, release, dialect, served_model, version, state, slots, context_tokens, load, restartable, log_tail,
                    image_digest, weights_digest)
            JOIN serving.hosts AS host ON host.id = report.host_id
            LEFT JOIN serving.releases AS release ON release.name = report.release AND release.state = 'active'
            WHERE report.host_id = ANY (\(accepted)::uuid[])
        ), changed AS (
            SELECT report.* FROM report LEFT JOIN serving.workers AS worker USING (host_id, runtime)
            WHERE worker.id IS NULL OR worker.retired_at IS NOT NULL OR worker.release <> report.release
                OR worker.refusal IS DISTINCT FROM report.refusal
        ), written AS (
            INSERT INTO serving.workers AS worker (host_id, runtime, release, dialect, served_model, runtime_version, runtime_state, slots,
                context_tokens, accepted, refusal, load, restartable, log_tail, log_tail_at, image_digest, weights_digest,
                last_reported_at)
            SELECT host_id, runtime, release, dialect, served_model, version, state, slots, context_tokens, refusal IS NULL, refusal, load,
                restartable, log_tail, CASE WHEN log_tail IS NOT NULL THEN now() END, image_digest, weights_digest, now()
            FROM report ORDER BY host_id, runtime
            ON CONFLICT (host_id, runtime) DO UPDATE SET
                release = EXCLUDED.release, dialect = EXCLUDED.dialect, served_model = EXCLUDED.served_model,
                runtime_version = EXCLUDED.runtime_version, runtime_state = EXCLUDED.runtime_state, slots = EXCLUDED.slots,
                context_tokens = EXCLUDED.context_tokens, accepted = EXCLUDED.accepted, refusal = EXCLUDED.refusal, load = EXCLUDED.load,
                restartable = EXCLUDED.restartable, log_tail = coalesce(EXCLUDED.log_tail, worker.log_tail),
                -- Each is told for half a minute; the same once more later is a look of its own.
                log_tail_at = CASE WHEN EXCLUDED.log_tail IS NOT NULL AND (EXCLUDED.log_tail IS DISTINCT FROM worker.log_tail
                        OR worker.log_tail_at < now() - interval '5 minutes')
                    THEN now() ELSE worker.log_tail_at END, image_digest = EXCLUDED.image_digest,
                weights_digest = EXCLUDED.weights_digest, last_reported_at = now(), updated_at = now(), retired_at = NULL
            WHERE (worker.release, worker.dialect, worker.served_model, worker.runtime_version, worker.runtime_state, worker.slots,
                    worker.context_tokens, worker.accepted, worker.refusal, worker.restartable, worker.image_digest, worker.weights_digest,
                    worker.retired_at)
                IS DISTINCT FROM (EXCLUDED.release, EXCLUDED.dialect, EXCLUDED.served_model, EXCLUDED.runtime_version, EXCLUDED.runtime_state,
                    EXCLUDED.slots, EXCLUDED.context_tokens, EXCLUDED.accepted, EXCLUDED.refusal, EXCLUDED.restartable, EXCLUDED.image_digest,
                    EXCLUDED.weights_digest, NULL::timestamptz)
                OR (EXCLUDED.log_tail IS NOT NULL AND EXCLUDED.log_tail IS DISTINCT FROM worker.log_tail)
                OR worker.last_reported_at < now() - interval '15 seconds'
        ), retired AS (
            UPDATE serving.workers AS worker SET retired_at = now(), updated_at = now()
            WHERE worker.host_id = ANY (\(accepted)::uuid[]) AND worker.retired_at IS NULL
                AND NOT EXISTS (SELECT 1 FROM report WHERE report.host_id = worker.host_id AND report.runtime = worker.runtime)
            RETURNING worker.host_id
        )
        UPDATE serving.hosts AS host SET generation = host.generation + 1
        WHERE host.id IN (SELECT host_id FROM changed UNION SELECT host_id FROM retired)
        RETURNING host.id, host.generation
        """
    }

    /// Requirements of the release against what the host has; nil when all are met.
    private static let refusal: SQL = """
        CASE
            WHEN release.name IS NULL THEN 'release_unknown: no active release has this name'
            WHEN cardinality(release.dialects) > 0 AND report.dialect <> ALL (release.dialects)
                THEN 'dialect_not_allowed: the release is not served by runtimes of this kind'
            WHEN report.context_tokens < release.min_context_tokens
                THEN 'context_too_small: the release needs ' || release.min_context_tokens || ' tokens'
            WHEN coalesce((host.inventory ->> 'memory_bytes')::numeric, 0) < release.min_memory_bytes
                THEN 'memory_too_small: the release needs ' || release.min_memory_bytes || ' bytes'
            WHEN coalesce((host.inventory ->> 'disk_free_bytes')::numeric, 0) < release.min_disk_bytes
                THEN 'disk_too_small: the release needs ' || release.min_disk_bytes || ' bytes free'
            WHEN release.min_vram_bytes > 0 AND coalesce((
                    SELECT sum((accelerator ->> 'memory_bytes')::numeric) FROM jsonb_array_elements(host.inventory -> 'accelerators') AS accelerator
                ), 0) < release.min_vram_bytes
                THEN 'vram_too_small: the release needs ' || release.min_vram_bytes || ' bytes'
            WHEN release.min_compute_capability IS NOT NULL AND NOT EXISTS (
                    SELECT 1 FROM jsonb_array_elements(coalesce(host.inventory -> 'accelerators', '[]')) AS accelerator
                    WHERE \(suffices))
                THEN 'compute_capability_too_low: the release needs ' || release.min_compute_capability
        END
        """

    /// Numbers are compared, so that 10.0 is above 9.0. CASE looks before it casts: hosts write what they like.
    private static let suffices: SQL = """
        CASE WHEN accelerator ->> 'compute_capability' ~ '^[0-9]{1,2}[.][0-9]$'
            THEN string_to_array(accelerator ->> 'compute_capability', '.')::integer[]
                >= string_to_array(release.min_compute_capability, '.')::integer[]
            ELSE false END
        """
}

extension Date {
    fileprivate var milliseconds: Int64 { Int64(timeIntervalSince1970 * 1_000) }
}
