import FoundationEssentials
import HTTPTypes
import Logging
import Postgres
import Telemetry

/// The launch checklist: every line with its evidence and the evidence's age, or why it is not proven.
enum ReadinessResource {
    static func list(_ now: @escaping @Sendable () -> Date, _ logger: Logger) -> AdminRoute {
        .read("readiness") { call, databases in
            try call.refuseQuery()
            let sources = ReadinessSources(databases: databases, now: now())
            let moment: Date = try await sources.serving("SELECT now() AS moment").value("moment")
            var (documents, proven): ([String], Int) = ([], 0)
            for line in ReadinessLine.all {
                let finding = try await find(line, sources, logger)
                if finding.isProven { proven += 1 }
                documents.append(document(line, finding, moment))
            }
            let isReady = proven == ReadinessLine.all.count
            return AdminAnswer(body: #"{"ready":\#(isReady),"proven":\#(proven),"lines":[\#(documents.joined(separator: ","))]}"#)
        }
    }

    /// A line that cannot be looked at is not proven, and takes no other with it.
    private static func find(_ line: ReadinessLine, _ sources: ReadinessSources, _ logger: Logger) async throws -> ReadinessFinding {
        do {
            return try await line.check(sources)
        } catch let error as CancellationError {
            throw error
        } catch {
            let failure = error as? PostgresError
            if failure?.code == .cancelled { throw error }
            logger.error(
                "Readiness line could not be read",
                metadata: [
                    LogKeys.readinessLine: "\(line.id)", LogKeys.code: "\(errorCode(error))", LogKeys.sqlState: "\(failure?.sqlState ?? "")",
                ])
            // Descriptions of the database's failures hold neither statements nor values.
            return .missing("cannot be read: \(failure?.description ?? "an unexpected failure, which the control plane's log names")")
        }
    }

    private static func document(_ line: ReadinessLine, _ finding: ReadinessFinding, _ now: Date) -> String {
        let at = finding.evidenceAt.map { AdminJSON.string($0.formatted(.iso8601)) } ?? "null"
        let age = finding.evidenceAt.map { String(max(0, Int64(now.timeIntervalSince($0)))) } ?? "null"
        return #"{"id":"\#(line.id)","area":"\#(line.area.rawValue)","title":\#(AdminJSON.string(line.title)),"proven":\#(finding.isProven),"#
            + #""finding":\#(AdminJSON.string(finding.text)),"evidence_at":\#(at),"age_seconds":\#(age)}"#
    }

    /// A person's word for a line that no data of this installation can prove.
    static let attestation = AdminRoute.change(.post, "readiness/attestations") { call, fields, connection in
        let line = fields.text("line", .choice(attestable), .required) ?? ""
        let evidence = fields.text("evidence", .reason, .required) ?? ""
        try fields.finish()
        return try await write(line, evidence, holds: true, action: "attest", call, connection)
    }

    /// It holds no longer, whatever was attested before.
    static let withdrawal = AdminRoute.change(.post, "readiness/withdrawals") { call, fields, connection in
        let line = fields.text("line", .choice(attestable), .required) ?? ""
        let reason = fields.text("reason", .reason, .required) ?? ""
        try fields.finish()
        return try await write(line, reason, holds: false, action: "withdraw", call, connection)
    }

    private static func write(
        _ line: String, _ evidence: String, holds: Bool, action: String, _ call: AdminCall, _ connection: PostgresConnection
    ) async throws -> AdminChange {
        let row = try await connection.queryOne(
            """
            INSERT INTO reliability.launch_attestation (line, evidence, holds, actor) VALUES (\(line), \(evidence), \(holds), \(call.actor.label))
            RETURNING json_build_object('id', id, 'line', line, 'evidence', evidence, 'holds', holds, 'actor', actor,
                'created_at', serving.wire_time(created_at))::text AS document
            """)
        guard let row else { throw PostgresError(.decoding, "no row came back") }
        return AdminChange(status: .created, document: try row.value("document"), action: action, subjectKind: "readiness", subjectId: line)
    }

    private static let attestable = ["quickstart", "api-documents", "credits", "accounting", "data-policy"]
}
