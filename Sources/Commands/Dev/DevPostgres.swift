import FoundationEssentials
import Glibc

/// The installation's own PostgreSQL: a unix socket, an unprivileged user, everything durable as in production.
struct DevPostgres: Sendable {
    private let layout: DevLayout
    private let binaries: String
    private let account: DevAccount?

    init(_ layout: DevLayout, environment: [String: String]) throws(CommandFailure) {
        self.layout = layout
        binaries = try Self.findBinaries(environment)
        account = getuid() == 0 ? DevAccount(named: "postgres") : nil
        if getuid() == 0, account == nil { throw CommandFailure(.refused, "there is no user postgres to run PostgreSQL as: install postgresql") }
    }

    private static func findBinaries(_ environment: [String: String]) throws(CommandFailure) -> String {
        if let given = environment["PLIMSOLL_POSTGRES_BIN"] { return given }
        let folder = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).compactMap { Int($0) }.sorted()
        guard let newest = versions.last(where: { access("\(folder)/\($0)/bin/initdb", X_OK) == 0 }) else {
            throw CommandFailure(.refused, "PostgreSQL is not installed: no initdb below \(folder) (or set PLIMSOLL_POSTGRES_BIN)")
        }
        return "\(folder)/\(newest)/bin"
    }

    private var data: String { "\(layout.postgres)/data" }

    /// Makes the cluster when there is none yet.
    func prepare() async throws {
        guard access("\(data)/PG_VERSION", F_OK) != 0 else { return }
        let files = FileManager.default
        // What a start that was cut short has left is not a cluster.
        if files.fileExists(atPath: layout.postgres) { try files.removeItem(atPath: layout.postgres) }
        try files.createDirectory(atPath: layout.postgresSocket, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        if let account {
            for folder in [layout.postgres, layout.postgresSocket] { chown(folder, account.user, account.group) }
        }
        chmod(layout.postgres, 0o700)
        try await tool("initdb", ["-D", data, "-U", "plimsoll", "--auth=trust", "--locale=C.UTF-8", "-E", "UTF8"]).run(within: .seconds(120))
    }

    var server: DevProgram {
        var program = tool(
            "postgres",
            [
                "-D", data, "-k", layout.postgresSocket, "-c", "listen_addresses=", "-c", "max_connections=120", "-c", "shared_buffers=64MB",
                "-c", "unix_socket_permissions=0700", "-c", "log_min_duration_statement=-1", "-c", "log_statement=none",
                // What a statement was about may be a customer's matter: errors are logged without it.
                "-c", "log_min_error_statement=panic", "-c", "log_parameter_max_length_on_error=0", "-c", "log_error_verbosity=terse",
            ])
        program.log = layout.log("postgres")
        return program
    }

    /// Waits until it answers and makes the database at the first time.
    func awaitReady() async throws(CommandFailure) {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            do throws(CommandFailure) {
                try await tool("pg_isready", ["-q", "-h", layout.postgresSocket, "-U", "plimsoll", "-d", "postgres"]).run(within: .seconds(5))
                break
            } catch {
                if ContinuousClock.now > deadline {
                    throw CommandFailure(.refused, "PostgreSQL does not come up:\n\(DevLog.tail(layout.log("postgres")))")
                }
                await DevPause.short()
            }
        }
        let query = "SELECT 1 / count(*) FROM pg_database WHERE datname = 'plimsoll'"
        do throws(CommandFailure) {
            try await tool("psql", ["-h", layout.postgresSocket, "-U", "plimsoll", "-d", "postgres", "-AtqXc", query, "-v", "ON_ERROR_STOP=1"])
                .run(within: .seconds(10))
        } catch {
            try await tool("createdb", ["-h", layout.postgresSocket, "-U", "plimsoll", "plimsoll"]).run(within: .seconds(30))
        }
    }

    private func tool(_ name: String, _ arguments: [String]) -> DevProgram {
        DevProgram(
            path: "\(binaries)/\(name)", arguments: arguments, environment: DevEnvironment.forChildren, log: layout.log("postgres-tools"),
            account: account)
    }
}
