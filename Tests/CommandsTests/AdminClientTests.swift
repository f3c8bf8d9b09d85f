import ArgumentParser
import HTTPWire
import Testing

@testable import Commands

@Suite(.timeLimit(.minutes(1))) struct AdminClientTests {
    private func client(_ server: CannedServer) -> AdminClient {
        AdminClient(AdminAccess(url: server.url, token: "pls_adm_marker"))
    }

    private func code(_ work: () async throws -> some Any) async -> CommandFailure.Code? {
        do {
            _ = try await work()
            return nil
        } catch {
            return (error as? CommandFailure)?.code
        }
    }

    @Test func allPagesAreFetchedUpToTheWantedNumber() async throws {
        let server = CannedServer([
            (200, #"{"data":[{"n":1},{"n":2}],"next_cursor":"c 1"}"#), (200, #"{"data":[{"n":3}],"next_cursor":null}"#),
        ])
        let rows = try await client(server).all("tenants", filters: [("tier", "pro")], most: 5)
        #expect(rows.compactMap { $0["n"]?.integer } == [1, 2, 3])
        #expect(server.asked[0].hasPrefix("GET /admin/v1/tenants?tier=pro&limit=5 HTTP/1.1\r\n"))
        #expect(server.asked[1].hasPrefix("GET /admin/v1/tenants?tier=pro&limit=3&cursor=c%201 HTTP/1.1\r\n"))
    }

    @Test func aChangeCarriesTokenBodyAndAnIdempotencyKey() async throws {
        let server = CannedServer([(201, #"{"id":"x"}"#)])
        let body = FieldAssignment.document(try FieldAssignment.parse(["name=acme", "limit=5", "tags=[\"a\"]", "note=a=b"]))
        _ = try await client(server).change("POST", "tenants", body)
        let asked = server.asked[0]
        #expect(asked.contains("authorization: Bearer pls_adm_marker\r\n") && asked.contains("idempotency-key: "))
        #expect(asked.hasSuffix(#"{"name":"acme","limit":5,"tags":["a"],"note":"a=b"}"#))
    }

    @Test func aRefusalIsExitCodeOneAndNamesEveryFault() async {
        let server = CannedServer([(400, #"{"error":{"message":"no","code":"bad","faults":[{"param":"name","message":"is missing"}]}}"#)])
        do {
            _ = try await client(server).change("POST", "tenants")
            Issue.record("the refusal was not thrown")
        } catch {
            #expect(error.code == .refused && error.code.exit.rawValue == 1)
            #expect(error.message == "no (400, bad)\n  name: is missing")
        }
    }

    @Test func aServerThatIsNotThereIsExitCodeThree() async {
        let nobody = AdminClient(AdminAccess(url: "http://127.0.0.1:1", token: "x"))
        #expect(await code { try await nobody.get("tiers") } == .unreachable)
        #expect(CommandFailure.Code.unreachable.exit.rawValue == 3)
        #expect(CommandFailure.Code.usage.exit.rawValue == 64)
    }

    @Test func anAnswerThatIsNoJSONIsRefusedAndAProxysIsUnreachable() async {
        let server = CannedServer([(200, "<html>"), (502, "<html>")])
        let client = client(server)
        #expect(await code { try await client.get("tiers") } == .refused)
        #expect(await code { try await client.get("tiers") } == .unreachable)
    }

    @Test func theTokenIsNeverPrinted() {
        let access = AdminAccess(url: "http://x", token: "marker")
        #expect(!"\(access) \(String(reflecting: access))".contains("marker"))
    }
}
