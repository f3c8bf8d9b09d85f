import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// Who may approve what another person asked for: a promise that the evidence does not support, a change while a budget is spent, time that does not count.
@Suite struct ApprovalTests {
    /// A proposal of the fixture's owner, and the path that approves it.
    private func proposal(_ admin: AdminFixture, by asker: JSONClient? = nil) async throws -> String {
        try await PromiseFixture.prepare(admin)
        _ = try await admin.row("INSERT INTO reliability.probe_minute VALUES ('tiny', 'eu', date_trunc('minute', now()), 1, 0) RETURNING 1")
        #expect(try await PromiseFixture.terms(admin).status == 201)
        let body = #"{"tenant": "acme", "terms": "pro", "model": "tiny", "region": "eu", "override_reason": "a pilot customer"}"#
        let made = try await (asker ?? admin.client).send("POST", "/admin/v1/agreements", body)
        #expect(made.json["state"].string == "proposed", "\(made.text)")
        return "/admin/v1/agreements/\(made.json["id"].string ?? "")/approve"
    }

    /// A token that another one makes.
    private func made(_ name: String, by owner: JSONClient) async throws -> JSONClient {
        let made = try await owner.send("POST", "/admin/v1/tokens", "{\"name\": \"\(name)\", \"role\": \"owner\"}")
        return owner.acting(as: made.json["secret"].string)
    }

    private func approve(_ client: JSONClient, _ path: String) async throws -> String {
        let answer = try await client.send("POST", path, "{}")
        return answer.json["error"]["code"].string ?? answer.json["state"].string ?? answer.text
    }

    @Test func `who asks cannot make the approvers, nor their makers`() async throws {
        try await AdminFixture.run { admin in
            let path = try await proposal(admin)
            let second = try await made("second", by: admin.client)
            let third = try await made("third", by: second)
            for client in [second, third] { #expect(try await approve(client, path) == "same_hand") }
            let audited = try await admin.row(
                "SELECT count(*) AS count, min(change::text) AS change FROM audit.entry WHERE subject_kind = 'agreement' AND action = 'approve_refused'"
            )
            #expect(try audited?.value("count", as: Int.self) == 2 && audited?.value("change", as: String.self).contains("same_hand") == true)
            #expect(try await approve(try await admin.stranger("fourth"), path) == "proposed")
        }
    }

    @Test func `one person with two tokens is one approver, whichever of them approves first, and two that one token made are one too`() async throws
    {
        try await AdminFixture.run { admin in
            let path = try await proposal(admin)
            let other = try await admin.stranger("other")
            let (first, second) = (try await made("first", by: other), try await made("second", by: other))
            #expect(try await approve(first, path) == "proposed")
            for client in [second, other] { #expect(try await approve(client, path) == "same_hand") }
            #expect(try await approve(first, path) == "approved", "it has approved it already")
            #expect(try await approve(try await admin.stranger("another"), path) == "active")
        }
    }

    @Test func `the maker of the token that asked cannot approve`() async throws {
        try await AdminFixture.run { admin in
            let asker = try await made("asker", by: admin.client)
            let path = try await proposal(admin, by: asker)
            #expect(try await approve(admin.client, path) == "same_hand")
        }
    }

    @Test func `a pass is approved by another person's token: none that the asker's made, that made it, or of the same maker`() async throws {
        try await AdminFixture.run { admin in
            func pass(_ asker: JSONClient) async throws -> String {
                let body = #"{"kind": "p0", "change": "objective", "reason": "a wrong target"}"#
                let made = try await asker.send("POST", "/admin/v1/freeze-passes", body)
                let id = try #require(made.json["id"].string, "\(made.text)")
                return "/admin/v1/freeze-passes/\(id)/approve"
            }
            let (first, second) = (try await made("first", by: admin.client), try await made("second", by: admin.client))
            let (child, sister) = (try await made("child", by: first), try await made("sister", by: first))
            let grandchild = try await made("grandchild", by: child)
            let (own, childs) = (try await pass(first), try await pass(child))
            for client in [admin.client, child, grandchild] { #expect(try await approve(client, own) == "same_hand") }
            for client in [admin.client, first, sister, grandchild] { #expect(try await approve(client, childs) == "same_hand") }
            for path in [own, childs] { #expect(try await second.send("POST", path, "{}").status == 200, "each has a token of the first one's") }
        }
    }

    @Test func `of those who approve force majeure none has a token of another's making`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            try await PromiseFixture.place(admin)
            let (first, second) = (try await made("first", by: admin.client), try await made("second", by: admin.client))
            let asked = try await first.send(
                "POST", "/admin/v1/exclusions",
                """
                {"code": "force_majeure", "reason": "a flood", "region": "eu", "starts_at": "2026-06-01T02:00:00Z", "ends_at": "2026-06-01T03:00:00Z", "published": true}
                """)
            let id = try #require(asked.json["id"].string, "\(asked.text)")
            let path = "/admin/v1/exclusions/\(id)/approve"
            #expect(try await second.send("POST", path, "{}").json["effective"] == .bool(false))
            #expect(try await approve(try await made("third", by: second), path) == "same_hand")
            #expect(try await made("fourth", by: admin.client).send("POST", path, "{}").json["effective"] == .bool(true))
        }
    }

    @Test func `time is not left out by who asked for it with a token of the own making, which is audited`() async throws {
        try await AdminFixture.run { admin in
            try await PromiseFixture.prepare(admin)
            let asked = try await admin.post(
                "exclusions",
                """
                {"tenant": "acme", "code": "misuse", "reason": "they scraped the service", "starts_at": "2026-06-01T02:00:00Z",
                "ends_at": "2026-06-01T03:00:00Z"}
                """)
            let path = "/admin/v1/exclusions/\(asked.json["id"].string ?? "")/approve"
            let own = try await made("second", by: admin.client)
            #expect(try await own.send("POST", path, "{}").json["error"]["code"].string == "same_hand")
            let audited = try await admin.row(
                "SELECT count(*) AS count FROM audit.entry WHERE subject_kind = 'exclusion' AND action = 'approve_refused'")
            #expect(try audited?.value("count", as: Int.self) == 1)
            let approved = try await admin.stranger("other").send("POST", path, "{}")
            #expect(approved.status == 200 && approved.json["effective"] == .bool(true), "\(approved.text)")
        }
    }
}
