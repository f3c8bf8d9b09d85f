import ControlPlane
import Cryptography
import TestSupport
import Testing

@Suite struct OpenAPIDocumentTests {
    @Test func `the document names exactly the routes that exist, with their permissions`() async throws {
        let tokens = EnrolmentTokens(pin: Hash.sha256("root"))
        let routes = Set(AdminRoutes.all(tokens: tokens).map { "\($0.methodName) \($0.path) \($0.permission.rawValue)" })
        let operations = try await OpenAPIDocument.read().operations
        let documented = Set(operations.map { "\($0.method) \($0.path) \($0.tree["x-permission"].string ?? "")" })
        #expect(documented.subtracting(routes).sorted() == [])
        #expect(routes.subtracting(documented).sorted() == [])
    }

    @Test func `the documented examples are accepted, and every answer of the server is as documented`() async throws {
        try await APIContract.run { contract in
            #expect(try await contract.create() == [])
            try await contract.seed()
            let undocumented = try await contract.read()
            #expect(undocumented == [])
            let unkept = try await contract.change()
            #expect(unkept == [])
        }
    }

    @Test func `a field that is not documented is refused wherever a body is taken`() async throws {
        try await APIContract.run { contract in
            #expect(try await contract.create() == [])
            try await contract.seed()
            #expect(try await contract.sendUnknownFields() == [])
        }
    }

    @Test func `a method that is not documented is not served`() async throws {
        try await APIContract.run { contract in
            let faults = try await contract.sendOtherMethods()
            #expect(faults == [])
        }
    }
}
