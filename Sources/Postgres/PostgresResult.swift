import CLibpq

/// Owns what libpq returned for one statement.
///
/// Safe to share: a `PGresult` is not changed after libpq has handed it over, and it is freed when the last row lets go.
final class PostgresResult: @unchecked Sendable {
    private let pointer: OpaquePointer
    private let columns: [String: Int32]
    let rowCount: Int

    /// Takes ownership.
    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
        rowCount = Int(PQntuples(pointer))
        var columns: [String: Int32] = [:]
        for index in 0..<PQnfields(pointer) {
            guard let name = PQfname(pointer, index) else { continue }
            columns[String(cString: name)] = index
        }
        self.columns = columns
    }

    deinit {
        PQclear(pointer)
    }

    var status: ExecStatusType { PQresultStatus(pointer) }

    var affectedRows: Int { PQcmdTuples(pointer).flatMap { Int(String(cString: $0)) } ?? 0 }

    var rows: [PostgresRow] { (0..<rowCount).map { PostgresRow(result: self, index: Int32($0)) } }

    func text(row: Int32, column: String) throws(PostgresError) -> String? {
        guard let index = columns[column] else { throw PostgresError(.decoding, "the result has no column \(column)") }
        guard PQgetisnull(pointer, row, index) == 0, let start = PQgetvalue(pointer, row, index) else { return nil }
        let count = Int(PQgetlength(pointer, row, index))
        return String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
    }

    /// The server's refusal, if this is one.
    func refusal(wasCancelled: Bool) -> PostgresError? {
        switch status {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_COPY_IN, PGRES_PIPELINE_SYNC: return nil
        case PGRES_PIPELINE_ABORTED: return PostgresError(.other, "an earlier statement of the pipeline failed")
        default: break
        }
        guard let state = field(Self.sqlStateField) else { return .lost }
        return .server(sqlState: state, constraint: field(Self.constraintField), wasCancelled: wasCancelled)
    }

    private func field(_ code: Int32) -> String? {
        PQresultErrorField(pointer, code).map { String(cString: $0) }
    }

    // Field codes are character macros in C, which Swift does not import.
    private static var sqlStateField: Int32 { Int32(UInt8(ascii: "C")) }
    private static var constraintField: Int32 { Int32(UInt8(ascii: "n")) }
}

/// One row; columns are read by name and type.
package struct PostgresRow: Sendable {
    let result: PostgresResult
    let index: Int32

    /// Throws `decoding` when there is no such column, or it is NULL or of another type. Optionals read NULL as nil.
    package func value<Value: ColumnDecodable>(_ column: String, as type: Value.Type = Value.self) throws(PostgresError) -> Value {
        let text = try result.text(row: index, column: column)
        guard let value = Value.decodeColumn(text) else {
            throw PostgresError(.decoding, "column \(column) is \(text == nil ? "null" : "of another type")")
        }
        return value
    }
}
