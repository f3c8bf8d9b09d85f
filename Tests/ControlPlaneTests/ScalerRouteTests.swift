import Postgres
import TestSupport
import Testing

/// Scalers, and workers that a person orders of them, through the API.
@Suite struct ScalerRouteTests {
    private static let scaler =
        #"{"name": "hosts-eu", "url": "https://scaler.example.com/orders", "secret_file": "/etc/key", "region": "eu", "most_workers": 3}"#

    private static func raise(_ rest: String = "") -> String {
        #"{"action": "raise_workers", "model": "tiny", "region": "eu", "reason": "a launch tomorrow"\#(rest)}"#
    }

    private func code(_ answer: JSONClient.Answer) -> String { "\(answer.status) \(answer.json["error"]["code"].string ?? "")" }

    private func run(_ body: @Sendable (AdminFixture) async throws -> Void) async throws {
        try await AdminFixture.run { admin in
            for statement in AdminFixture.tinyModel { _ = try await admin.row(statement) }
            try await body(admin)
        }
    }

    @Test func `a person orders workers where a scaler takes orders, as many as it may take, and once`() async throws {
        try await run { admin in
            #expect(code(try await admin.post("mitigations", Self.raise())) == "409 no_scaler")
            #expect(try await admin.post("scalers", Self.scaler).status == 201)
            #expect(try await admin.post("mitigations", Self.raise(#", "value": 4"#)).status == 400)
            #expect(try await admin.post("mitigations", #"{"action": "raise_workers", "reason": "of anything"}"#).status == 400)
            let elsewhere = try await admin.post("mitigations", Self.raise().replacing("\"eu\"", with: "\"eux\""))
            #expect(elsewhere.status == 400 && elsewhere.json["error"]["param"].string == "region", "\(elsewhere.text)")
            let made = try await admin.post("mitigations", Self.raise(#", "value": 2, "seconds": 600"#))
            #expect(made.status == 201 && made.json["mode"].string == "manual" && made.json["value"] == .null, "\(made.text)")
            #expect(made.json["scaler"].string == "hosts-eu" && made.json["workers"].number == 2 && made.json["order_state"].string == "pending")
            #expect(code(try await admin.post("mitigations", Self.raise(#", "value": 1"#))) == "409 in_force")
            let id = made.json["id"].string ?? ""
            let orders = try await admin.get("capacity-orders?mitigation=\(id)&state=pending").json["data"].elements
            #expect(orders.map { $0["event"].string } == ["raise"] && orders.first?["expires_at"] == made.json["expires_at"])
            let pinned = try await admin.post("mitigations/\(id)/pin", #"{"hours": 12}"#)
            #expect(try await admin.get("capacity-orders").json["data"][0]["expires_at"] == pinned.json["expires_at"])
            #expect(code(try await admin.delete("scalers/hosts-eu")) == "409 in_use")
            _ = try await admin.post("mitigations/\(id)/revert", #"{"reason": "not needed"}"#)
            #expect(try await admin.get("capacity-orders").json["data"].elements.map { $0["state"].string } == ["dropped"])
            #expect(try await admin.delete("scalers/hosts-eu").status == 200)
            #expect(try await admin.post("scalers", Self.scaler).status == 201, "its name is free again")
        }
    }

    @Test func `nothing is ordered in the clear, unsigned, of an unknown model, for a drill, or by who is no owner`() async throws {
        try await run { admin in
            for (field, value) in [
                ("url", "http://scaler.example.com"), ("url", "http://127.0.0.1@scaler.example.com/"), ("secret_file", "key"), ("model", "none"),
            ] {
                let fields = ["name": "s", "url": "http://127.0.0.1:9000/x", "secret_file": "/etc/key"].merging([field: value]) { $1 }
                let body = fields.map { "\"\($0.key)\": \"\($0.value)\"" }.joined(separator: ",")
                let refused = try await admin.post("scalers", "{\(body)}")
                #expect(refused.status == 400 && refused.json["error"]["faults"][0]["param"].string == field, "\(refused.text)")
            }
            #expect(try await admin.post("scalers", #"{"name": "s", "url": "https://s.example.com"}"#).status == 400)
            #expect(try await admin.post("scalers", #"{"name": "s", "url": "http://[::1]:9000", "secret_file": "/etc/key"}"#).status == 201)
            let row = try await admin.row(
                """
                INSERT INTO reliability.incident (key, rule, severity, title, drill, began_at, opened_at, last_signal_at)
                VALUES ('k', 'server_errors', 'page', 'Server errors have risen', TRUE, now(), now(), now()) RETURNING id::text
                """)
            let incident: String = try #require(try row?.value("id"))
            #expect(code(try await admin.post("mitigations", Self.raise(", \"incident\": \"\(incident)\""))) == "409 drill")
            let made = try await admin.post("tokens", #"{"name": "op", "role": "operator"}"#)
            let operators = admin.client.acting(as: made.json["secret"].string)
            #expect(try await operators.send("POST", "/admin/v1/scalers", Self.scaler).status == 403)
            #expect(try await operators.send("GET", "/admin/v1/scalers").json["data"].elements.count == 1)
        }
    }

    @Test func `what was refused is sent again while it is in force, a release at any time`() async throws {
        try await run { admin in
            _ = try await admin.post("scalers", Self.scaler)
            let mitigation = try await admin.post("mitigations", Self.raise()).json["id"].string ?? ""
            let id = try await admin.get("capacity-orders").json["data"][0]["id"].string ?? ""
            #expect(code(try await admin.post("capacity-orders/\(id)/retry")) == "409 over")
            let refuse: SQL =
                "UPDATE reliability.capacity_order SET state = 'refused', attempts = 1, ended_at = now() WHERE state = 'pending' RETURNING 1"
            _ = try await admin.row(refuse)
            let again = try await admin.post("capacity-orders/\(id)/retry")
            #expect(again.status == 200 && again.json["state"].string == "pending" && again.json["ended_at"] == .null)
            _ = try await admin.row(refuse)
            _ = try await admin.row("UPDATE reliability.capacity_order SET attempts = 2 RETURNING 1")
            _ = try await admin.post("mitigations/\(mitigation)/veto", #"{"reason": "they will not"}"#)
            #expect(code(try await admin.post("capacity-orders/\(id)/retry")) == "409 over")
            // The second time it may have been taken and the answer lost.
            let release = try #require(try await admin.get("capacity-orders?state=pending").json["data"].elements.first)
            #expect(release["event"].string == "release")
            _ = try await admin.row(refuse)
            #expect(try await admin.post("capacity-orders/\(release["id"].string ?? "")/retry").status == 200)
            #expect(code(try await admin.post("capacity-orders/00000000-0000-4000-8000-000000000009/retry")) == "404 not_found")
        }
    }
}
