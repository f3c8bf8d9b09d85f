import ControlPlane
import Cryptography
import FoundationEssentials
import TestSupport
import Testing

@Suite struct OpenAPIDocumentTests {
    @Test func `the document names exactly the routes that exist, with their permissions`() throws {
        let tokens = EnrolmentTokens(pin: Hash.sha256("root"))
        let routes = Set(AdminRoutes.all(tokens: tokens).map { "\($0.methodName) \($0.path) \($0.permission.rawValue)" })
        let documented = try Self.documented()
        #expect(documented.subtracting(routes).sorted() == [])
        #expect(routes.subtracting(documented).sorted() == [])
    }

    @Test(arguments: [
        ("Tier", "tiers"), ("Tenant", "tenants"), ("Key", "keys"), ("Provider", "providers"), ("Pool", "pools"), ("Model", "models"),
        ("Release", "releases"), ("RoutingWeight", "routing-weights"), ("Token", "tokens"), ("AuditEntry", "audit"),
    ])
    func `an answer has exactly the fields that the document requires of it`(_ schema: String, _ path: String) async throws {
        let required = try Self.required(of: schema)
        try await AdminFixture.run { admin in
            _ = try await admin.tenant()
            _ = try await admin.post("keys", "{\"tenant\": \"acme\", \"name\": \"k\"}")
            _ = try await admin.post("providers", "{\"name\": \"alpha\", \"display_name\": \"Alpha\", \"kind\": \"independent\"}")
            _ = try await admin.post("pools", "{\"name\": \"alpha-eu\", \"provider\": \"alpha\", \"region\": \"eu\"}")
            _ = try await admin.post("models", "{\"name\": \"tiny\", \"display_name\": \"Tiny\", \"context_tokens\": 2048}")
            _ = try await admin.post("releases", "{\"name\": \"tiny-q8\", \"model\": \"tiny\"}")
            #expect(try await admin.get(path).json["data"][0].names == required)
        }
    }

    private static func required(of schema: String) throws -> Set<String> {
        let lines = try document().split(separator: "\n")
        let start = try #require(lines.firstIndex(of: "    \(schema):"))
        let list = try #require(lines[start...].first { $0.hasPrefix("      required: [") })
        return Set(list.dropFirst(17).dropLast().split(separator: ", ").map(String.init))
    }

    private static func document() throws -> String {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/openapi.yaml")
        return String(decoding: try Data(contentsOf: file), as: UTF8.self)
    }

    /// `METHOD path permission` of every operation, read by the indentation that the document keeps.
    private static func documented() throws -> Set<String> {
        let text = try document()
        var found: Set<String> = []
        var path = ""
        var method = ""
        for line in text.split(separator: "\n") {
            if line.hasPrefix("  /") {
                path = String(line.dropFirst(2).dropLast())
            } else if line.hasPrefix("    "), !line.hasPrefix("     "), ["get:", "post:", "patch:", "delete:"].contains(line.dropFirst(4)) {
                method = line.dropFirst(4).dropLast().uppercased()
            } else if line.hasPrefix("      x-permission: ") {
                found.insert("\(method) \(path) \(line.dropFirst(20))")
            }
        }
        return found
    }
}
