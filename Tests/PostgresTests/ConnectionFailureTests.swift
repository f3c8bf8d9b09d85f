import TestSupport
import Testing

@testable import Postgres

@Suite struct ConnectionFailureTests {
    private func failure(_ change: (String) -> String) async throws -> PostgresError? {
        var configuration = try await PostgresCluster.shared().database().configuration()
        configuration.connectionString = change(configuration.connectionString)
        return await #expect(throws: PostgresError.self) { _ = try await PostgresConnection.connect(configuration) }
    }

    @Test func `each failure to connect has its own words`() async throws {
        let database = try await failure { $0.replacing(/dbname=.*/, with: "dbname=marker_nowhere") }
        #expect(database?.message == "the database does not exist")
        let role = try await failure { $0.replacing("user=app", with: "user=marker_nobody") }
        #expect(role?.message == "the server refused these credentials")
        let away = try await failure { $0.replacing("host=", with: "host=/nowhere/") }
        #expect(away?.message == "the connection was refused or timed out")
        let name = try await failure { $0.replacing(/host=[^ ]*/, with: "host=marker.invalid") }
        #expect(name?.message == "the server's name could not be resolved")
        for error in [database, role, away, name] {
            #expect(error?.code == .connectionFailed)
            #expect(!String(reflecting: error).contains("marker"))
        }
    }

    @Test(arguments: [
        ("FATAL:  password authentication failed for user \"x\"", "the server refused these credentials"),
        ("fe_sendauth: no password supplied", "the server refused these credentials"),
        ("FATAL:  sorry, too many clients already", "the server has no connection left"),
        ("FATAL:  the database system is starting up", "the server is starting or stopping"),
        ("session is read-only", "the server is read-only"),
        ("something else", "no server that takes writes could be reached"),
    ])
    func `libpq's words are told by fixed texts`(_ words: String, _ text: String) {
        #expect(ConnectionFailure.text(for: "connection to server at \"h\", port 5432 failed: " + words) == text)
    }
}
