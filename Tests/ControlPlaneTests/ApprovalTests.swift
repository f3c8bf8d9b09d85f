import Postgres
import TestSupport
import Testing

@testable import ControlPlane

/// Who may approve a promise that the evidence does not support.
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
}
