import Cryptography
import Domain
import FoundationEssentials
import Hummingbird
import Logging
import PlimsollWire
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import ControlPlane

@Suite struct PublicServerTests {
    /// The public's port beside an installation's admin port.
    private func with(_ body: @escaping @Sendable (AdminFixture, JSONClient) async throws -> Void) async throws {
        try await AdminFixture.run { admin in
            let logger = Logger(label: "test")
            let databases = ControlDatabases(admin.database.configuration(), logger: logger)
            let signer = try #require(EvidenceSigner(trustDomain: "test", key: SigningKey(rawBytes: Array(1...32))))
            let reports = ReportPages(databases: databases, signer: signer, logger: logger) { month, downloads in
                "<!doctype html>\(month.displayName) \(month.month) \(downloads.map(\.path).joined(separator: " "))"
            }
            let pages = EvidencePages(reliability: databases.reliability, signer: signer, logger: logger)
            try await serving(logger) { router in
                reports.addRoutes(to: router)
                pages.addRoutes(to: router)
            } body: { client, _ in
                try await body(admin, client)
            }
            await databases.close()
        }
    }

    private func serving(
        _ logger: Logger, _ adding: (Router<AdminContext>) -> Void, body: @escaping @Sendable (JSONClient, Int) async throws -> Void
    ) async throws {
        let (ports, sink) = AsyncStream.makeStream(of: Int.self)
        let server = try PublicServer(host: "127.0.0.1", port: 0, logger: logger, adding: adding, onRunning: { sink.yield($0) })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let port = try #require(await ports.first { _ in true })
            let client = JSONClient(port: port, token: nil)
            defer { client.shutdown() }
            try await body(client, port)
            group.cancelAll()
        }
    }

    private func link(_ admin: AdminFixture, _ body: String) async throws -> (id: String, path: String) {
        let made = try await admin.post("report-links", body)
        let url = try #require(made.json["url"].string, "\(made.text)")
        #expect(made.status == 201 && url.hasPrefix("https://trust.example.com/reports/"))
        return (try #require(made.json["id"].string), String(url.dropFirst("https://trust.example.com".count)))
    }

    @Test func `a link opens a month of one tenant, as page, as JSON and as lines, and nothing else`() async throws {
        try await with { admin, visitor in
            _ = try await admin.tenant()
            let (_, path) = try await link(admin, #"{"tenant": "acme", "month": "2026-06"}"#)
            let page = try await visitor.send("GET", path)
            #expect(page.status == 200 && page.text.contains("Acme 2026-06") && page.text.contains("/report.json"), "\(page.text)")
            #expect(page.headers["cache-control"] == "private, no-store" && page.headers["referrer-policy"] == "no-referrer")
            #expect(
                page.headers["x-robots-tag"] == "noindex, nofollow" && page.headers["content-security-policy"]?.contains("default-src 'none'") == true
            )
            #expect(page.headers["access-control-allow-origin"] == nil)
            let report = try await visitor.send("GET", path + "/report.json")
            #expect(report.status == 200 && report.json["month"].string == "2026-06" && report.json["name"].string == "acme")
            #expect(report.headers["access-control-allow-origin"] == nil)
            #expect(try await visitor.send("GET", path + "/incidents.csv").text.contains("impact_from"))
            #expect(try await visitor.send("GET", path + "/month.evidence").status == 404, "there are no minutes yet")
            for other in ["/admin/v1/tenants", "/metrics", "/console", "/reports/", "/reports/" + String(repeating: "0", count: 64), "/reports/x"] {
                #expect(try await visitor.send("GET", other).status == 404, "\(other)")
            }
        }
    }

    @Test func `a link ends with its time or when it is revoked, and is told once`() async throws {
        try await with { admin, visitor in
            _ = try await admin.tenant()
            let (id, path) = try await link(admin, #"{"tenant": "acme", "days": 1}"#)
            let listed = try await admin.get("report-links?tenant=acme")
            let secret = try #require(path.split(separator: "/").last.map(String.init))
            #expect(listed.json["data"].elements.count == 1 && !listed.text.contains(secret))
            #expect(try await admin.row("SELECT 1 AS held FROM audit.entry WHERE change::text LIKE '%' || \(secret) || '%'") == nil)
            #expect(try await visitor.send("GET", path).status == 200)
            #expect(try await admin.post("report-links/\(id)/revoke").status == 200)
            #expect(try await visitor.send("GET", path).status == 404)
            let (_, second) = try await link(admin, #"{"tenant": "acme"}"#)
            _ = try await admin.row(
                "UPDATE reliability.report_link SET created_at = now() - interval '31 days', expires_at = now() - interval '1 second'")
            #expect(try await visitor.send("GET", second).status == 404)
            for body in [#"{"tenant": "nobody"}"#, #"{"tenant": "acme", "month": "2026-13"}"#, #"{"tenant": "acme", "days": 401}"#, "{}"] {
                #expect(try await admin.post("report-links", body).status == 400, "\(body)")
            }
        }
    }

    private func key(_ admin: AdminFixture, _ fields: String) async throws -> (id: String, secret: String) {
        let made = try await admin.post("keys", #"{"tenant": "acme", "name": "books", \#(fields)}"#)
        #expect(made.status == 201, "\(made.text)")
        return (try #require(made.json["id"].string), try #require(made.json["secret"].string))
    }

    @Test func `a tenant reads its own months with a key that may, and its use is noted`() async throws {
        try await with { admin, visitor in
            _ = try await admin.tenant()
            let (id, secret) = try await key(admin, #""reads_reports": true"#)
            let reader = visitor.acting(as: secret)
            let page = try await reader.send("GET", "/tenant/v1/report?month=2026-06")
            #expect(page.status == 200 && page.text.hasSuffix("Acme 2026-06 report.json?month=2026-06 incidents.csv?month=2026-06"), "\(page.text)")
            #expect(page.headers["cache-control"] == "private, no-store")
            let report = try await reader.send("GET", "/tenant/v1/report.json?month=2026-06")
            #expect(report.json["month"].string == "2026-06" && report.json["name"].string == "acme")
            let other = try await visitor.send("GET", "/tenant/v1/incidents.csv", headers: ["x-api-key": secret])
            #expect(other.status == 200 && other.text.contains("impact_from"))
            #expect(try await reader.send("GET", "/tenant/v1/report?month=June").status == 400)
            let uses = try await admin.get("key-uses?key=\(id)").json["data"]
            #expect(uses.elements.count == 1 && uses[0]["address"].string == "127.0.0.1" && uses[0]["gateway"] == .null)
            #expect(try await admin.post("keys/\(id)/revoke").status == 200)
            #expect(try await reader.send("GET", "/tenant/v1/report").status == 401)
        }
    }

    @Test func `whoever tries keys that do not exist is turned away, and a key that counts passes from the same address`() async throws {
        try await with { admin, visitor in
            _ = try await admin.tenant()
            let (_, own) = try await key(admin, #""reads_reports": true"#)
            let (_, ordinary) = try await key(admin, #""mode": "live""#)
            let ask = { (secret: String) in try await visitor.acting(as: secret).send("GET", "/tenant/v1/report") }
            for number in 0...FailedSite.tolerated { #expect(try await ask("sk-guess-\(number)").status == 401, "\(number)") }
            // A lock of a second may end before the next one asks; each failure doubles it.
            var refused = try await ask("sk-guess-more")
            for number in 0..<8 where refused.status != 429 { refused = try await ask("sk-guess-again-\(number)") }
            #expect(refused.status == 429 && refused.headers["retry-after"] == "60", "\(refused.text)")
            let known = try await ask(ordinary)
            #expect([401, 429].contains(known.status) && !known.text.contains("acme"))
            #expect(try await ask(own).status == 200)
            let nobody = try await visitor.send("GET", "/tenant/v1/report")
            #expect([401, 429].contains(nobody.status))
        }
    }

    @Test func `keys that may not read reports look all alike`() async throws {
        try await with { admin, visitor in
            _ = try await admin.tenant()
            let (_, ordinary) = try await key(admin, #""mode": "live""#)
            let (_, elsewhere) = try await key(admin, #""reads_reports": true, "allowed_addresses": ["192.0.2.0/24"]"#)
            let (_, near) = try await key(admin, #""reads_reports": true, "allowed_addresses": ["127.0.0.0/8", "::1/128"]"#)
            #expect(try await visitor.acting(as: near).send("GET", "/tenant/v1/report").status == 200)
            let none = try await visitor.send("GET", "/tenant/v1/report")
            #expect(none.status == 401 && none.headers["www-authenticate"] == "Bearer" && none.text.contains("reads_reports"))
            for secret in [ordinary, elsewhere, "pls_live_nonsense", "sk-whatever-came-from-elsewhere", ""] {
                let refused = try await visitor.acting(as: secret).send("GET", "/tenant/v1/report")
                #expect(refused.status == 401 && refused.text == none.text, "\(secret.prefix(9))")
            }
            let imported = #"{"tenant": "acme", "name": "old", "value": "sk-whatever-came-from-elsewhere", "reads_reports": true}"#
            let refused = try await admin.post("keys", imported)
            #expect(refused.status == 400 && refused.json["error"]["param"].string == "reads_reports", "\(refused.text)")
            _ = try await admin.row("UPDATE serving.tenants SET state = 'suspended' RETURNING 1")
            #expect(try await visitor.acting(as: near).send("GET", "/tenant/v1/report").status == 401)
        }
    }

    @Test func `the public log is there without a token`() async throws {
        try await with { admin, visitor in
            #expect(try await visitor.send("GET", "/evidence/v1/key").text.hasPrefix("test/evidence+"))
            #expect(try await visitor.send("GET", "/evidence/v1/checkpoint").status == 404, "nothing is signed yet")
            let key = try SigningKey(rawBytes: Array(1...32))
            let leaf = MerkleTree.leafHash("an entry".utf8)
            let note = try LogCheckpoint(origin: "test/evidence", size: 1, root: leaf).note(signedWith: key).description
            _ = try await admin.row("INSERT INTO reliability.evidence_log (position, entry) VALUES (0, 'an entry')")
            _ = try await admin.row(
                """
                INSERT INTO reliability.evidence_checkpoint (hour_at, size, root, note)
                VALUES (to_timestamp(3600), 1, \(leaf.bytes), \(note))
                """)
            #expect(try await visitor.send("GET", "/evidence/v1/checkpoint").text == note)
            #expect(try await visitor.send("GET", "/evidence/v1/entries?from=0&count=10").text == "an entry\n")
            #expect(try await visitor.send("GET", "/evidence/v1/inclusion?position=0&size=1").json["entry"].string == "an entry")
            #expect(try await visitor.send("GET", "/evidence/v1/consistency?from=0&to=1").status == 200)
        }
    }

    @Test func `the public cannot keep the database busy: above eight at once somebody must come again`() async throws {
        let (gate, opener) = AsyncStream.makeStream(of: Void.self)
        let waiting = Mutex(0)
        let (full, sign) = AsyncStream.makeStream(of: Void.self)
        try await serving(Logger(label: "test")) { router in
            router.get("/slow") { _, _ in
                if waiting.withLock({ count in
                    count += 1
                    return count == PublicBound.most
                }) {
                    sign.finish()
                }
                for await _ in gate {}
                return "done\n"
            }
            for path in ["/status", "/api/v2/**"] as [RouterPath] { router.get(path) { _, _ in "up\n" } }
        } body: { client, port in
            // One client has no more connections to a host than are worked on.
            let late = JSONClient(port: port, token: nil)
            defer { late.shutdown() }
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<PublicBound.most { group.addTask { try await client.send("GET", "/slow").status } }
                for await _ in full {}
                let refused = try await late.send("GET", "/slow")
                #expect(refused.status == 503 && refused.headers["retry-after"] == "1")
                for path in ["/status", "/api/v2/summary.json"] {
                    #expect(try await late.send("GET", path).status == 200, "the status page asks no database")
                }
                opener.finish()
                for try await status in group { #expect(status == 200) }
            }
            #expect(try await client.send("GET", "/slow").status == 200)
        }
    }
}
