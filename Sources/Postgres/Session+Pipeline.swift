import CLibpq

extension Session {
    /// One result for each statement. The first refusal is thrown after everything was read, so that the session stays usable.
    func pipeline(_ statements: [SQL]) throws(PostgresError) -> [PostgresResult] {
        guard !statements.isEmpty else { return [] }
        begin()
        guard PQenterPipelineMode(handle) == 1 else { throw .lost }
        for statement in statements {
            try send(statement)
        }
        guard PQpipelineSync(handle) == 1 else { throw .lost }
        var results: [PostgresResult] = []
        results.reserveCapacity(statements.count)
        var refusal: PostgresError?
        for _ in statements {
            let (result, failure) = try statementResult()
            results.append(result)
            if refusal == nil { refusal = failure }
        }
        guard let end = try nextResult(), end.status == PGRES_PIPELINE_SYNC, PQexitPipelineMode(handle) == 1 else { throw .lost }
        if let refusal { throw refusal }
        return results
    }

    private func statementResult() throws(PostgresError) -> (PostgresResult, PostgresError?) {
        guard let result = try nextResult() else { throw .lost }
        // A nil separates the statements of a pipeline.
        guard try nextResult() == nil else { throw .lost }
        return (result, result.refusal(wasCancelled: wasCancelled))
    }
}
