import ControlPlane
import FoundationEssentials
import Glibc
import Postgres
import TestSupport
import Testing

/// The program itself, with settings from its environment.
@Suite struct ControlProgramTests {
    private struct Run {
        var status: Int32
        var output: [String]
        var errors: String
    }

    /// In a folder of its own that goes away afterwards.
    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = "/tmp/plimsoll-control-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
    }

    private func run(_ arguments: [String], in folder: String, _ environment: [String: String] = [:]) async throws -> Run {
        let errors = folder + "/errors-\(UUID().uuidString)"
        let child = try ChildProcess(
            Checkout.program("plimsoll-control"), arguments, environment: environment.merging(["PLIMSOLL_PKI_DIR": folder + "/pki"]) { $1 },
            errors: errors)
        let status = try await child.ended(within: .seconds(60))
        return Run(status: status, output: child.lines, errors: String(decoding: try Data(contentsOf: URL(filePath: errors)), as: UTF8.self))
    }

    @Test func checkConfigListsEveryFaultAndExitsWithUsage() async throws {
        try await withFolder { folder in
            let settings = """
                {"database": {"url": "x", "billing_url": "y"}, "admin": {"listen": "0.0.0.0:7700", "key_file": "/nowhere"},
                "advertise": ["not a name"], "trust_domain": "UPPER", "retention": {"usage": "1d", "minutes": "99d"}, "colour": "red",
                "public": {"listen": "0.0.0.0:7702", "url": "trust.example.com"}}
                """
            let file = folder + "/settings.json"
            try Data(settings.utf8).write(to: URL(filePath: file))
            let checked = try await run(["check-config", "--config", file], in: folder)
            #expect(checked.status == 64)
            for key in [
                "billing_url", "admin.listen", "admin.key_file", "admin.certificate_file", "advertise", "trust_domain", "retention.usage",
                "retention.minutes", "colour",
                "public.listen", "public.url",
            ] {
                #expect(checked.errors.contains(key), "\(key) in \(checked.errors)")
            }
        }
    }

    @Test func aTokenThatCannotBeHandedOverIsNotMade() async throws {
        let database = try await PostgresCluster.shared().database(migrations: Schema.migrations)
        let environment = ["PLIMSOLL_DATABASE_URL": database.connectionString]
        try await withFolder { folder in
            let failed = try await run(["init", "--token-file", folder + "/missing/token"], in: folder, environment)
            #expect(failed.status == 1)
            let made = try await run(["init", "--token-file", folder + "/token"], in: folder, environment)
            #expect(made.status == 0, "\(made.errors)")
            #expect(FileManager.default.fileExists(atPath: folder + "/token"))
            let again = try await run(["init"], in: folder, environment)
            #expect(again.output.contains { $0.contains("already") })
        }
    }

    @Test func ownersWithoutATokenMakeOneThatIsAudited() async throws {
        let database = try await PostgresCluster.shared().database(migrations: Schema.migrations)
        let environment = ["PLIMSOLL_DATABASE_URL": database.connectionString]
        try await withFolder { folder in
            _ = try await run(["init"], in: folder, environment)
            try await database.withPool { pool in
                try await pool.execute("UPDATE serving.admin_tokens SET expires_at = now() - interval '1 second'")
                let renewed = try await run(["init"], in: folder, environment)
                #expect(renewed.output.contains { $0.contains("pls_adm_") })
                let made = try await run(["token", "--name", "night \"shift\"", "--role", "operator"], in: folder, environment)
                #expect(made.status == 0, "\(made.errors)")
                let row = try await pool.queryOne("SELECT change::json ->> 'name' AS name FROM audit.entry WHERE actor = 'command'")
                #expect(try row?.value("name") == "night \"shift\"")
                let wrong = try await run(["token", "--name", "x", "--role", "king"], in: folder, environment)
                #expect(wrong.status == 64)
            }
        }
    }

    /// The ports on which a program says that it listens, in the order of their opening.
    private func ports(of child: ChildProcess, errors: String, count: Int) async throws -> [Int] {
        var found: [Int] = []
        try await Waiting.until("\(count) ports", within: .seconds(60)) {
            let text = String(decoding: try Data(contentsOf: URL(filePath: errors)), as: UTF8.self)
            found = text.matches(of: /listening on 127\.0\.0\.1:([0-9]+)/).compactMap { Int($0.output.1) }
            return found.count == count || !child.isRunning
        }
        return found
    }

    private func readiness(_ ports: [Int]) async throws -> String {
        for port in ports {
            let client = JSONClient(port: port, token: nil)
            defer { client.shutdown() }
            // The other port speaks TLS.
            if let answer = try? await client.send("GET", "/readyz") { return answer.text }
        }
        return ""
    }

    @Test(.timeLimit(.minutes(2))) func aFrozenDatabaseIsSaidAndDoesNotHoldTheEndUp() async throws {
        let cluster = try await PostgresCluster.start()
        let database = try await cluster.database(migrations: Schema.migrations)
        try await withFolder { folder in
            let environment = [
                "PLIMSOLL_DATABASE_URL": database.connectionString, "PLIMSOLL_PKI_DIR": folder + "/pki", "PLIMSOLL_ADMIN_LISTEN": "127.0.0.1:0",
                "PLIMSOLL_PEERS_LISTEN": "127.0.0.1:0",
            ]
            _ = try await run(["init"], in: folder, environment)
            let errors = folder + "/errors"
            let child = try ChildProcess(Checkout.program("plimsoll-control"), ["serve"], environment: environment, errors: errors)
            let ports = try await ports(of: child, errors: errors, count: 2)
            try await Waiting.until("ready", within: .seconds(30)) { try await readiness(ports) == "ready\n" }
            try await database.withPool { pool in
                let frozen = try await FrozenServer(pool)
                defer { frozen.thaw() }
                try await Waiting.until("not ready", within: .seconds(15)) {
                    try await readiness(ports) == "not ready: database: it does not answer\n"
                }
                let began = ContinuousClock.now
                child.signal(SIGTERM)
                #expect(try await child.ended(within: .seconds(40)) == 0)
                // Below the limit of the drain, after which everything is cut off.
                #expect(ContinuousClock.now - began < .seconds(10))
            }
        }
        try await cluster.stopServer()
    }

    @Test func halfMadeAuthoritiesAreFinished() async throws {
        let database = try await PostgresCluster.shared().database(migrations: Schema.migrations)
        let environment = ["PLIMSOLL_DATABASE_URL": database.connectionString]
        try await withFolder { folder in
            _ = try await run(["init"], in: folder, environment)
            try FileManager.default.removeItem(atPath: folder + "/pki/root.pem")
            let refused = try await run(["serve"], in: folder, environment)
            #expect(refused.status == 1)
            #expect(refused.errors.contains("half made"))
            let finished = try await run(["init"], in: folder, environment)
            #expect(finished.output.contains { $0.contains("Finished") })
        }
    }
}
