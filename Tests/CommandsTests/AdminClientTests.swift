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
        let words = try FieldAssignment.parse(["name=2024", "limit=5", "tags=[\"a\"]", "note=a=b", "gone=null"])
        let body = FieldAssignment.document(words, [.required("name"), .optional("note"), .optional("gone")])
        _ = try await client(server).change("POST", "tenants", body)
        let asked = server.asked[0]
        #expect(asked.contains("authorization: Bearer pls_adm_marker\r\n") && asked.contains("idempotency-key: "))
        #expect(asked.hasSuffix(#"{"name":"2024","limit":5,"tags":["a"],"note":"a=b","gone":null}"#))
    }

    @Test func rowsSayWhetherThereAreMore() async throws {
        let page = #"{"data":[{"n":1},{"n":2}],"next_cursor":"c"}"#
        let server = CannedServer([(200, page), (200, #"{"data":[],"next_cursor":null}"#)])
        #expect(try await client(server).rows("tenants", most: 2).hasMore)
        #expect(try await client(server).rows("tenants", most: 2).hasMore == false)
    }

    @Test func aSecretThatWasLostOnTheWayIsToldAndNotPassedOver() async throws {
        let replayed = CannedServer.Answer(status: 201, body: #"{"id":"k1","imported":false}"#, headers: ["idempotent-replayed: true"])
        let server = CannedServer(answers: [
            .lost, replayed, .lost, .init(status: 201, body: #"{"id":"k2","imported":true}"#, headers: replayed.headers),
        ])
        do {
            _ = try await client(server).create(Keys.self, .members(("name", .string("k"))))
            Issue.record("a key without its secret was passed on")
        } catch {
            #expect(error.code == .refused && error.message.contains("plimsoll keys revoke k1"))
        }
        let keys = server.asked.compactMap { $0.split(separator: "\r\n").first { $0.hasPrefix("idempotency-key") } }
        #expect(keys.count == 2 && keys[0] == keys[1])
        #expect(try await client(server).create(Keys.self, .members(("value", .string("sk-elsewhere"))))["id"] == .string("k2"))
    }

    @Test func wordsOfTheServerCannotSteerTheTerminal() async {
        let server = CannedServer([(400, #"{"error":{"message":"no\u001b[2J","faults":[{"param":"a\u009b","message":"b\nc"}]}}"#)])
        do {
            _ = try await client(server).get("tiers")
            Issue.record("the refusal was not thrown")
        } catch {
            #expect(error.message == "no [2J (400)\n  a : b c")
        }
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
