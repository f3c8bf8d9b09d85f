import ArgumentParser
import HTTPWire
import Program

/// How much of a list is fetched, and from which end.
struct ListOptions: ParsableArguments {
    enum Order: String, ExpressibleByArgument, CaseIterable {
        case asc
        case desc
    }

    @Option(help: "At most so many rows.") var limit = 50
    @Flag(help: "All rows, however many.") var all = false
    @Option(help: "asc: the oldest first. desc: the newest first, which records and operations are by themselves.") var order: Order?

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit must be above zero") }
    }

    /// Fetches rows, with progress when that takes longer than a second, and says when there are more of them.
    func rows(_ client: AdminClient, _ path: String, filters: [(String, String)] = []) async throws -> [JSONValue] {
        let wishes = filters + (order.map { [("order", $0.rawValue)] } ?? [])
        let most = all ? Int.max : limit
        let found = try await LateProgress.over("listing \(path)") { progress in
            try await client.rows(path, filters: wishes, most: most) { progress.show("\($0) rows") }
        }
        if found.hasMore { ProgramExit.complain("\(found.rows.count) shown, there are more: --limit N or --all") }
        return found.rows
    }
}
