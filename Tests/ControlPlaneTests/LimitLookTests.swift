import FoundationEssentials
import Logging
import Outbound
import Postgres
import Synchronization
import Telemetry
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
        // As at the first look of a control plane that is half an hour away from its last one.
        try await world.pool.execute("UPDATE reliability.limit_look SET at = at - interval '31 minutes'")
        var looks = LimitLooks(serving: world.pool, reliability: world.pool, settings: settings, ask: ask)
        try await looks.look()
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

    /// An endpoint that a test changes, and what it was asked with.
    private final class Endpoint: Sendable {
        private struct State {
            var isThere = false
            var limitedStatus = 429
            var asked: [String] = []
        }

        private let state = Mutex(State())
        private let file = FileManager.default.temporaryDirectory.appending(path: "keys-\(UUID().uuidString)").path()

        init() throws { try write("sk-limited") }

        deinit { try? FileManager.default.removeItem(atPath: file) }

        var settings: OutsideProbes.Settings { OutsideProbes.Settings(endpoints: ["eu": "http://eu.example"], keyFile: file) }

        func write(_ key: String) throws { try Data("sk-probe\n\(key)\n".utf8).write(to: URL(filePath: file)) }

        func become(isThere: Bool, limitedStatus: Int = 429) {
            state.withLock { ($0.isThere, $0.limitedStatus) = (isThere, limitedStatus) }
        }

        /// How often since the last call with a key that nobody has, and with one that asks too often.
        func takeAsked() -> [Int] {
            let asked = state.withLock { state in
                defer { state.asked = [] }
                return state.asked
            }
            return [asked.count { $0.hasPrefix("Bearer pls_live_") }, asked.count { $0.contains("sk-limited") }]
        }

        func answer(_ request: OutboundRequest) throws(OutboundError) -> OutboundResponse {
            let key = request.headers.first { $0.name == "authorization" }?.value ?? ""
            let status = state.withLock { state in
                state.asked.append(key)
                return !state.isThere ? nil : key.hasPrefix("Bearer pls_live_") ? 401 : key.contains("sk-limited") ? state.limitedStatus : 200
            }
            guard let status else { throw OutboundError(code: .connectFailed, message: "nobody is there") }
            return OutboundResponse(head: OutboundHead(status: status, headers: [], version: "1.1"), body: [], timings: OutboundTimings())
        }
    }

    private func seen(_ world: PeerWorld) async throws -> String? {
        try await world.pool.queryOne("SELECT unknown_status || ' ' || refused || '/' || asked AS look FROM reliability.limit_look")?.value("look")
    }

    @Test func `an endpoint is asked at each look for what it has not refused, and for what it has refused half an hour later`() async throws {
        try await PeerWorld.with { world in
            let endpoint = try Endpoint()
            var looks = LimitLooks(serving: world.pool, reliability: world.pool, settings: endpoint.settings) { request throws(OutboundError) in
                try endpoint.answer(request)
            }
            func look() async throws -> [Int] {
                try await looks.look()
                return endpoint.takeAsked()
            }
            #expect(try await look() == [1, 3])
            #expect(try await seen(world) == "0 0/3", "there is no gateway yet")
            endpoint.become(isThere: true, limitedStatus: 200)
            #expect(try await look() == [1, 3])
            #expect(try await seen(world) == "401 0/3")
            endpoint.become(isThere: true)
            #expect(try await look() == [0, 3])
            #expect(try await seen(world) == "401 3/3")
            #expect(try await look() == [0, 0])
            try await world.pool.execute("UPDATE reliability.limit_look SET at = at - interval '31 minutes'")
            #expect(try await look() == [1, 3])
            #expect(try await look() == [0, 0])
        }
    }

    @Test func `with a key of the file that nobody has an endpoint is not asked again until there is another`() async throws {
        try await PeerWorld.with { world in
            let endpoint = try Endpoint()
            var looks = LimitLooks(serving: world.pool, reliability: world.pool, settings: endpoint.settings) { request throws(OutboundError) in
                try endpoint.answer(request)
            }
            endpoint.become(isThere: true, limitedStatus: 401)
            var asked: [[Int]] = []
            for key in ["sk-limited", "sk-limited", "sk-limited-2"] {
                try endpoint.write(key)
                try await looks.look()
                asked.append(endpoint.takeAsked())
            }
            #expect(asked == [[1, 3], [0, 0], [0, 3]])
        }
    }

    @Test func `limits are seen to hold soon after there is a gateway`() async throws {
        try await PeerWorld.with { world in
            let endpoint = try Endpoint()
            let probes = OutsideProbes(
                serving: world.pool, reliability: world.pool, holder: UUID(), settings: endpoint.settings, metrics: MetricRegistry(),
                logger: Logger(label: "test"), limitPause: .milliseconds(50)
            ) { request throws(OutboundError) in try endpoint.answer(request) }
            // Waited for below.
            let running = Task { try await probes.run() }
            try await Waiting.until("a look at nobody", within: .seconds(30)) { try await seen(world) == "0 0/3" }
            endpoint.become(isThere: true)
            try await Waiting.until("limits that hold", within: .seconds(30)) { try await seen(world) == "401 3/3" }
            running.cancel()
            try await running.value
        }
    }
}
