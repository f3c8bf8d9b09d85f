import FoundationEssentials
import Glibc
import HTTPWire
import Outbound

/// The whole life of one installation in the foreground: start in order, wait, ask, keep, stop.
struct DevInstallation: Sendable {
    let layout: DevLayout
    let runtime: DevRuntime
    let postgres: DevPostgres
    /// What it prints goes into a log, which must hold no key and no answer: whoever started it introduces it.
    let isUnattended: Bool
    private let outbound = OutboundClient()
    /// A program that was started just now answers nobody yet: that is said only when it lasts.
    private static let patience = Duration.seconds(15)

    init(layout: DevLayout, runtime: DevRuntime, postgres: DevPostgres, isUnattended: Bool) {
        self.layout = layout
        self.runtime = runtime
        self.postgres = postgres
        self.isUnattended = isUnattended
    }

    /// Runs until the task is cancelled. Whatever was started is stopped before it returns or throws.
    func run() async throws {
        let supervisor = DevSupervisor(layout)
        do {
            try await start(supervisor)
            try await keep(supervisor)
        } catch {
            await finish(supervisor)
            if !(error is CancellationError) { throw error }
            return
        }
        await finish(supervisor)
    }

    private func finish(_ supervisor: DevSupervisor) async {
        DevReport.line("stopping")
        // In a task of its own, because this one may be cancelled already; it is waited for.
        await Task { await supervisor.stop() }.value
        DevReport.line("stopped; the data stays in \(layout.state)")
    }

    private func keep(_ supervisor: DevSupervisor) async throws {
        var turns = 0
        while !Task.isCancelled {
            try await supervisor.tend()
            turns += 1
            if turns % 300 == 0 { await supervisor.rotateLogs() }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    // MARK: start

    private func start(_ supervisor: DevSupervisor) async throws {
        let began = ContinuousClock.now
        try layout.makeFolders()
        try missingPrograms()
        let configuration = DevConfiguration(layout: layout, runtime: runtime)
        try await startDatabase(supervisor)
        let token = try await startControl(supervisor, configuration)
        let client = AdminClient(AdminAccess(url: layout.adminURL, token: token), outbound: outbound)
        try await awaitControl(supervisor, client)
        let bootstrap = DevBootstrap(client: client, runtime: runtime)
        let progress = ProgressLine("filling the installation")
        let keys = try await bootstrap.run(known: knownKeys(), progress: progress)
        try PrivateFile.write(DevEnvironment.assignments(keys.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }), to: layout.keysFile)
        if PrivateFile.read(layout.probeKeyFile) == nil { try PrivateFile.write(await bootstrap.probeKeys(), to: layout.probeKeyFile) }
        progress.end("done")
        try await startFleet(supervisor, configuration, bootstrap)
        guard keys["pro"] != nil else { throw CommandFailure(.refused, "there is no key of the Pro tier") }
        // What is refused until the hosts serve is no customer's bad minute.
        let key = (PrivateFile.read(layout.probeKeyFile) ?? "").split(separator: "\n").first.map(String.init) ?? ""
        try await awaitAnswer(supervisor, DevQuestion(url: layout.url, key: key, model: runtime.model))
        try await supervisor.publish(environment(keys, token))
        try await supervisor.tend()
        try PrivateFile.write("\(getpid())\n", to: layout.readyFile)
        guard !isUnattended else { return }
        try await DevIntroduction(layout: layout, model: runtime.model).show(took: ContinuousClock.now - began)
        DevReport.line("\nCtrl-C stops everything that was started here.")
    }

    private func missingPrograms() throws(CommandFailure) {
        var names = ["plimsoll-control", "plimsoll-gateway", "plimsoll-agent"]
        if runtime.kind == .simulated { names.append("plimsoll-simulated-runtime") }
        let missing = names.filter { access(layout.program($0), X_OK) != 0 }
        guard missing.isEmpty else { throw CommandFailure(.refused, "not built: \(missing.joined(separator: ", ")) in \(layout.programs)") }
    }

    private func startDatabase(_ supervisor: DevSupervisor) async throws {
        let progress = ProgressLine("PostgreSQL")
        try await postgres.prepare()
        // SIGINT is PostgreSQL's fast shutdown: it does not wait for clients to leave.
        try await supervisor.start("postgres", postgres.server, stopSignal: SIGINT)
        try await postgres.awaitReady()
        progress.end("ready")
    }

    /// Gives the administrator's token.
    private func startControl(_ supervisor: DevSupervisor, _ configuration: DevConfiguration) async throws -> String {
        let progress = ProgressLine("control plane")
        try configuration.writeControl()
        progress.show("migrating")
        try await configuration.control("migrate").run(within: .seconds(120))
        let token = try await adminToken(configuration)
        try await supervisor.start("control", configuration.serve("plimsoll-control", configuration: "control", log: "control"))
        progress.end("started")
        return token
    }

    private func adminToken(_ configuration: DevConfiguration) async throws -> String {
        if let known = PrivateFile.read(layout.adminTokenFile)?.split(separator: "\n").first { return String(known) }
        try await configuration.control("init", ["--token-file", layout.adminTokenFile]).run(within: .seconds(60))
        guard let token = PrivateFile.read(layout.adminTokenFile)?.split(separator: "\n").first else {
            throw CommandFailure(.refused, "the administrator's token is lost: \(layout.adminTokenFile); start anew with --reset")
        }
        return String(token)
    }

    private func awaitControl(_ supervisor: DevSupervisor, _ client: AdminClient) async throws {
        try await wait(supervisor, "control plane", within: .seconds(60)) { () async throws(CommandFailure) in
            _ = try await client.list("tiers", limit: 1)
        }
    }

    private func startFleet(_ supervisor: DevSupervisor, _ configuration: DevConfiguration, _ bootstrap: DevBootstrap) async throws {
        try configuration.writeGateway(joinToken: await bootstrap.joinToken(pool: nil))
        try await supervisor.start("gateway", configuration.serve("plimsoll-gateway", configuration: "gateway", log: "gateway"))
        for (index, provider) in DevLayout.providers.enumerated() {
            let token = try await bootstrap.joinToken(pool: "\(provider)-\(DevBootstrap.region)")
            try configuration.writeAgent(provider, index: index, joinToken: token)
            try await supervisor.start("agent:\(provider)", configuration.serve("plimsoll-agent", configuration: provider, log: "agent-\(provider)"))
        }
    }

    /// Both workers must be in the table and the gateway must answer.
    private func awaitAnswer(_ supervisor: DevSupervisor, _ question: DevQuestion) async throws {
        try await wait(supervisor, "first answer", within: .seconds(180)) { () async throws(CommandFailure) in
            do {
                _ = try await question.ask("Say hello.", client: outbound, maxTokens: 4)
            } catch {
                throw CommandFailure(.unreachable, (error as? CommandFailure)?.message ?? "the gateway does not answer yet")
            }
        }
    }

    private func wait(
        _ supervisor: DevSupervisor, _ title: String, within limit: Duration, _ attempt: () async throws(CommandFailure) -> Void
    ) async throws {
        let progress = ProgressLine(title, patience: Self.patience)
        let deadline = ContinuousClock.now + limit
        while true {
            do throws(CommandFailure) {
                try await attempt()
                return progress.end("ready")
            } catch {
                try Task.checkCancellation()
                if let name = await supervisor.fallen() { throw CommandFailure(.refused, "\(name) ended:\n\(DevLog.tail(logOf(name)))") }
                guard ContinuousClock.now < deadline else { throw CommandFailure(.refused, "\(title): not ready in time: \(error.message)") }
                progress.show(error.message)
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func logOf(_ name: String) -> String {
        layout.log(String(name.map { $0 == ":" ? "-" : $0 }))
    }

    /// Keys by tier that an earlier start has made.
    private func knownKeys() -> [String: String] {
        DevEnvironment.parse(PrivateFile.read(layout.keysFile) ?? "")
    }

    private func environment(_ keys: [String: String], _ token: String) -> [(String, String)] {
        [
            ("PLIMSOLL_URL", layout.url), ("PLIMSOLL_API_KEY", keys["pro"] ?? ""), ("PLIMSOLL_API_KEY_HOBBY", keys["hobby"] ?? ""),
            ("PLIMSOLL_API_KEY_BUSINESS", keys["business"] ?? ""), ("PLIMSOLL_MODEL", runtime.model), ("PLIMSOLL_ADMIN_URL", layout.adminURL),
            ("PLIMSOLL_EVIDENCE_URL", layout.publicURL), ("PLIMSOLL_DRILL_KEY", keys[DevBootstrap.drills] ?? ""),
            ("PLIMSOLL_ADMIN_TOKEN", token), ("PLIMSOLL_DATABASE_URL", layout.databaseURL),
        ]
    }
}
