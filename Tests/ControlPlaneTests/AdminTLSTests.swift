import ControlPlane
import Cryptography
import FoundationEssentials
import Logging
import Outbound
import TestSupport
import Testing

@Suite struct AdminTLSTests {
    private let logger = Logger(label: "test")

    private func withCertificate(_ body: (AdminCertificate, _ authorities: String) async throws -> Void) async throws {
        let folder = "/tmp/plimsoll-tls-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let authority = try AuthorityFolder(path: folder).create()
        let (chain, key) = try authority.issueServer(names: ["127.0.0.1"])
        let files = AdminCertificate(certificateFile: folder + "/admin.pem", keyFile: folder + "/admin.key")
        try SecretFile.write(Array(chain.map(\.pem).joined().utf8), to: files.certificateFile)
        try SecretFile.write(Array(key.pem.utf8), to: files.keyFile)
        try await body(files, authority.authoritiesPem)
    }

    @Test func `with a certificate the port speaks TLS and nothing else`() async throws {
        try await withCertificate { certificate, authorities in
            let databases = ControlDatabases(try await PostgresCluster.shared().database().configuration(), logger: logger)
            let api = AdminAPI(databases: databases, tokens: EnrolmentTokens(pin: Hash.sha256("root")), logger: logger)
            let (ports, sink) = AsyncStream.makeStream(of: Int.self)
            let server = try AdminServer(api: api, port: 0, certificate: certificate, logger: logger, onRunning: { sink.yield($0) })
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await server.run() }
                let port = try #require(await ports.first { _ in true })
                let client = OutboundClient()
                defer { client.shutdown() }
                let path = "://127.0.0.1:\(port)/admin/v1/tenants"
                let answer = try await client.send(OutboundRequest(url: "https" + path, trust: .authorities(pem: authorities)))
                #expect(answer.status == 401)
                await #expect(throws: OutboundError.self) { try await client.send(OutboundRequest(url: "https" + path)) }
                await #expect(throws: OutboundError.self) { try await client.send(OutboundRequest(url: "http" + path)) }
                group.cancelAll()
            }
            await databases.close()
        }
    }

    @Test func `files that do not belong together are refused before the port is bound`() async throws {
        try await withCertificate { certificate, _ in
            try SecretFile.write(Array("nothing".utf8), to: certificate.keyFile)
            let databases = ControlDatabases(try await PostgresCluster.shared().database().configuration(), logger: logger)
            let api = AdminAPI(databases: databases, tokens: EnrolmentTokens(pin: Hash.sha256("root")), logger: logger)
            #expect(throws: (any Error).self) { try AdminServer(api: api, port: 0, certificate: certificate, logger: logger) }
            await databases.close()
        }
    }
}
