import FoundationEssentials
import Outbound
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct LimitLookTests {
    /// A key file with these lines; what an endpoint answers to the key of a request.
    private func look(
        _ world: PeerWorld, keys: String, at endpoints: [String: String] = ["eu": "http://eu.example/"],
        _ answer: @escaping @Sendable (String) -> (Int, String)
    ) async throws -> [String] {
        let path = FileManager.default.temporaryDirectory.appending(path: "keys-\(UUID().uuidString)").path()
        try Data(keys.utf8).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let ask: OutsideProbes.Ask = { request async throws(OutboundError) in
            guard request.url.contains("eu.") else { throw OutboundError(code: .connectFailed, message: "nobody is there") }
            let (status, body) = answer(request.headers.first { $0.name == "authorization" }?.value ?? "")
            return OutboundResponse(
                head: OutboundHead(status: status, headers: [], version: "1.1"), body: Array(body.utf8), timings: OutboundTimings())
        }
        let settings = OutsideProbes.Settings(endpoints: endpoints, keyFile: path)
        try await LimitLooks(serving: world.pool, reliability: world.pool, settings: settings, ask: ask).look()
        return try await world.pool.query(
            "SELECT region || ' ' || unknown_status || ' ' || refused || '/' || asked AS look FROM reliability.limit_look ORDER BY region"
        ).map { try $0.value("look") }
    }

    @Test func `what is refused to a key that nobody has, and to one that asks too often, is kept for each endpoint`() async throws {
        try await PeerWorld.with { world in
            let served = Mutex(0)
            let honest: @Sendable (String) -> (Int, String) = { key in
                guard key == "Bearer sk-limited" else { return (key.hasPrefix("Bearer pls_live_") ? 401 : 200, "{}") }
                let isFirst = served.withLock { count in
                    count += 1
                    return count == 1
                }
                return isFirst ? (200, "{}") : (429, #"{"error":{"code":"rate_limit_exceeded"}}"#)
            }
            let both = ["eu": "http://eu.example/", "us": "http://us.example"]
            var found = try await look(world, keys: "sk-probe\nsk-limited\n", at: both, honest)
            #expect(found == ["eu 401 2/3", "us 0 0/3"])
            found = try await look(world, keys: "sk-probe\n", honest)
            #expect(found == ["eu 401 0/0"], "no key to ask too often with")
            found = try await look(world, keys: "a\nb\n") { _ in (200, "{}") }
            #expect(found == ["eu 200 0/3"], "nothing is refused")
            found = try await look(world, keys: "a\nb\n") { _ in (429, #"{"error":{"code":"over_capacity"}}"#) }
            #expect(found == ["eu 0 0/3"], "a lack of room is no limit")
        }
    }
}
