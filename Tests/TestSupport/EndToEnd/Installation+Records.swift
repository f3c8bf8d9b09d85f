import Foundation

extension Installation {
    /// Rows of a query as the operator's `psql` shows them, columns parted by `|`.
    package func rows(_ query: String) async throws -> [String] {
        let child = try ChildProcess("/usr/bin/psql", [environment["PLIMSOLL_DATABASE_URL"] ?? "", "-AtqX", "-c", query])
        try await child.ended(within: .seconds(20))
        return child.lines.filter { !$0.isEmpty }
    }

    /// How many usage records are stored for each request.
    package func recordCounts() async throws -> [String: Int] {
        let lines = try await rows("SELECT request_id, count(*) FROM billing.usage_event WHERE kind = 'final' GROUP BY request_id")
        let pairs = lines.compactMap { line -> (String, Int)? in
            let parts = line.split(separator: "|")
            return parts.count == 2 ? (String(parts[0]), Int(parts[1]) ?? 0) : nil
        }
        return Dictionary(pairs) { $0 + $1 }
    }

    /// Waits until each of these requests has its record; returns how many each has.
    package func recordCounts(of ids: Set<String>, within limit: Duration = .seconds(30)) async throws -> [String: Int] {
        var counts: [String: Int] = [:]
        try await Waiting.until("records of \(ids.count) requests", within: limit) {
            counts = try await recordCounts()
            return ids.isSubset(of: counts.keys)
        }
        return counts.filter { ids.contains($0.key) }
    }

    /// Makes a key of the tenant that the demo's Pro key belongs to; returns its id and the key itself.
    package func makeKey(_ name: String) async throws -> (id: String, key: String) {
        let tenants = try await rows("SELECT id FROM serving.tenants WHERE tier ILIKE 'pro%' ORDER BY created_at LIMIT 1")
        let made = try await admin("POST", "/keys", #"{"tenant":"\#(tenants.first ?? "")","name":"\#(name)"}"#)
        guard made.status == 201, let id = made.at("id"), let key = made.at("secret") else {
            throw Waiting.Timeout(description: "no key was made: \(made.status) \(made.body)")
        }
        return (id, key)
    }

    /// Tells the runtime of a provider to misbehave. One that is being started again is waited for: after many faults the policy orders that.
    package func orderFault(_ provider: String, _ order: String) async throws {
        try await Waiting.until("runtime:\(provider) takes \(order)", within: .seconds(60)) {
            guard let pid = try? pid("runtime:\(provider)"), let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else {
                return false
            }
            let words = String(decoding: line, as: UTF8.self).split(separator: "\0").map(String.init)
            func value(_ option: String) -> String? { words.firstIndex(of: option).flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil } }
            let url = value("--port").map { "http://127.0.0.1:\($0)" } ?? "http://runtime"
            let answer = try await HTTPCall.send("POST", url + "/_control", body: order, socket: value("--socket"))
            guard [0, 200].contains(answer.status) else {
                throw Waiting.Timeout(description: "the fault was not taken: \(answer.status) \(answer.body) from \(words)")
            }
            return answer.status == 200
        }
    }
}

extension Installation {
    /// For bodies that are too long for a command line.
    package func chatFromFile(_ body: String) async throws -> HTTPCall {
        let file = state + "/long-body.json"
        try body.write(toFile: file, atomically: true, encoding: .utf8)
        return try await HTTPCall.send(
            "POST", url + "/v1/chat/completions", headers: ["Authorization": "Bearer " + key, "Expect": ""], body: "@" + file)
    }
}
