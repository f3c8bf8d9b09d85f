import Domain
import FoundationEssentials
import Logging
import NIOCore
import PlimsollWire
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import Gateway

@Suite struct StatusShelfTests {
    private static let made = Date(timeIntervalSince1970: 1_700_000_000)
    private static let publication = StatusPublication(
        version: 5, generatedAt: made,
        documents: [
            StatusDocument(path: "/status", contentType: "text/html; charset=utf-8", live: "<p>up</p>", stale: "<p>unmeasured</p>"),
            StatusDocument(path: "/api/v2/status.json", contentType: "application/json; charset=utf-8", live: "{\"a\":1}", stale: "{\"a\":2}"),
            StatusDocument(path: "/status/incidents/1", contentType: "text/html; charset=utf-8", live: "<p>past</p>"),
        ])

    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/status-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try await body(folder)
        try FileManager.default.removeItem(atPath: folder)
    }

    private func text(_ shelf: StatusShelf, _ path: String, after seconds: Int64 = 0) -> String? {
        shelf.leaf(path, now: .now + .seconds(seconds)).map { String(buffer: $0.leaf.body) }
    }

    @Test func `without news for five minutes nothing live is told, and the past stays`() async throws {
        try await withFolder { folder in
            let shelf = StatusShelf(directory: folder)
            try shelf.take(Self.publication, ageSeconds: 10)
            #expect(text(shelf, "/status", after: 280) == "<p>up</p>")
            #expect(text(shelf, "/status", after: 291) == "<p>unmeasured</p>")
            #expect(text(shelf, "/status/incidents/1", after: 9_000) == "<p>past</p>")
            #expect(text(shelf, "/status/incidents/2") == nil)
            #expect(shelf.leaf("/status", now: .now + .seconds(1_000))?.ageSeconds ?? 0 >= 1_010)
        }
    }

    @Test func `a start shows what was kept, with its age, whatever the clock did`() async throws {
        try await withFolder { folder in
            try StatusShelf(directory: folder).take(Self.publication, ageSeconds: 0)
            let soon = StatusShelf(directory: folder)
            try soon.load(now: Self.made.addingTimeInterval(60))
            #expect(text(soon, "/status") == "<p>up</p>" && soon.version == 5)
            let late = StatusShelf(directory: folder)
            try late.load(now: Self.made.addingTimeInterval(86_400))
            #expect(text(late, "/status") == "<p>unmeasured</p>")
            let back = StatusShelf(directory: folder)
            try back.load(now: Self.made.addingTimeInterval(-60))
            #expect(text(back, "/status") == "<p>unmeasured</p>")
        }
    }

    @Test func `a page that cannot be read is told, and a gateway without one has none`() async throws {
        try await withFolder { folder in
            let shelf = StatusShelf(directory: folder)
            try shelf.load()
            #expect(shelf.version == nil && shelf.ageSeconds == nil && text(shelf, "/status") == nil)
            try Data("{".utf8).write(to: URL(filePath: "\(folder)/status.json"))
            #expect(throws: (any Error).self) { try shelf.load() }
        }
    }

    @Test func `newer pages are asked for by version, and a control plane that is away takes nothing down`() async throws {
        try await withFolder { folder in
            let shelf = StatusShelf(directory: folder)
            let asked = Mutex<[Int64?]>([])
            let (ends, end) = AsyncStream.makeStream(of: Void.self)
            let puller = StatusPuller(
                shelf: shelf, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
                backoff: .init(first: .milliseconds(1), cap: .milliseconds(1))
            ) { since, _ in
                let turn = asked.withLock { asked in
                    asked.append(since)
                    return asked.count
                }
                if turn == 1 { return .page(Self.publication, ageSeconds: 1) }
                if turn > 4 { end.yield() }
                throw EnrolmentError(.unreachable, "away")
            }
            let running = Task { try await puller.run() }
            _ = await ends.first { true }
            running.cancel()
            try await running.value
            #expect(asked.withLock { $0.prefix(3) } == [nil, 5, 5])
            #expect(text(shelf, "/status") == "<p>up</p>")
        }
    }

    @Test func `anyone may read the page over HTTP 1 and 2, and asks again for nothing`() async throws {
        try await withFolder { folder in
            var setup = GatewayFixture.Setup()
            let shelf = StatusShelf(directory: folder)
            try shelf.take(Self.publication, ageSeconds: 7)
            setup.statusPage = shelf
            // A page must be there when no table is.
            setup.appliesTable = false
            let runtime = try await ScriptedRuntime { _, _ in [] }
            try await GatewayFixture.run([runtime], setup) { gateway in
                try await self.readOverHTTP1(gateway)
                try await self.readOverHTTP2(gateway)
            }
        }
    }

    private func readOverHTTP1(_ gateway: GatewayFixture) async throws {
        func ask(_ method: String, _ path: String, _ fields: String = "") async throws -> String {
            let client = try await TestClient(port: gateway.port)
            try await client.send("\(method) \(path) HTTP/1.1\r\nhost: t\r\n\(fields)connection: close\r\n\r\n")
            return try await client.untilClosed()
        }
        let page = try await ask("GET", "/status?x=1")
        #expect(page.hasPrefix("HTTP/1.1 200 OK\r\n") && page.hasSuffix("<p>up</p>"))
        #expect(page.contains("\r\ncontent-type: text/html; charset=utf-8\r\n") && page.contains("\r\ncontent-security-policy: default-src 'none';"))
        let age = page.split(separator: "\r\n").first { $0.hasPrefix("x-plimsoll-status-age: ") }.flatMap { Int($0.split(separator: " ")[1]) }
        #expect((7...60).contains(age ?? 0) && page.contains("\r\ncache-control: public, max-age=15\r\n"))
        let tag = try #require(page.split(separator: "\r\n").first { $0.hasPrefix("etag: ") }?.dropFirst(6))
        let known = try await ask("GET", "/status", "if-none-match: \"zz\", W/\(tag)\r\n")
        #expect(known.hasPrefix("HTTP/1.1 304 Not Modified\r\n") && !known.contains("content-length") && known.hasSuffix("\r\n\r\n"))
        let head = try await ask("HEAD", "/status/")
        #expect(head.hasPrefix("HTTP/1.1 200 ") && head.contains("content-length: 9\r\n") && head.hasSuffix("\r\n\r\n"))
        let json = try await ask("GET", "/api/v2/status.json")
        #expect(json.contains("access-control-allow-origin: *\r\n") && json.contains("access-control-expose-headers: x-plimsoll-status-age\r\n"))
        #expect(try await ask("POST", "/status", "content-length: 0\r\n").hasPrefix("HTTP/1.1 405 "))
        #expect(try await ask("GET", "/status/incidents/2").hasPrefix("HTTP/1.1 404 "))
        #expect(try await ask("GET", "/status/../v1/models").hasPrefix("HTTP/1.1 404 "))
    }

    private func readOverHTTP2(_ gateway: GatewayFixture) async throws {
        let client = try await HTTP2Client(port: gateway.port)
        client.get(1, "/status")
        client.get(3, "/api/v2/status.json", method: "HEAD")
        let page = try await client.answer(1)
        #expect(page.status == "200" && page.body == "<p>up</p>" && page["content-length"] == "9" && page["etag"] != nil)
        let head = try await client.answer(3)
        #expect(head.status == "200" && head.body.isEmpty && head["content-type"] == "application/json; charset=utf-8")
    }
}
