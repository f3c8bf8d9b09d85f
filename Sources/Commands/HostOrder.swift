import ArgumentParser
import HTTPWire

/// `plimsoll hosts drain HOST`
struct DrainHost: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "drain", abstract: "Lets a host finish what runs and gives it nothing new.")

    @OptionGroup var command: HostOrder

    func run() async throws { try await command.run("drain", doing: "draining") }
}

/// `plimsoll hosts resume HOST`
struct ResumeHost: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "resume", abstract: "Gives a drained host traffic again.")

    @OptionGroup var command: HostOrder

    func run() async throws { try await command.run("resume", doing: "resuming") }
}

/// `plimsoll workers restart WORKER`
struct RestartWorker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart", abstract: "Has its agent start its runtime again, once what is open there has ended.",
        discussion: "Other workers take its requests meanwhile. What is still open after a third of the deadline, at most a minute, is cut.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "The worker's id.") var id: String
    @Option(help: "Seconds until it must be ready again, 30 to 86400.") var deadline = 900
    @Flag(help: "Return at once in place of waiting; the answer names the operation.") var noWait = false

    func validate() throws {
        guard (30...86_400).contains(deadline) else { throw ValidationError("--deadline must be 30 to 86400") }
    }

    func run() async throws {
        try await CommandFailure.reporting {
            let operation = HostOperation(client: try options.client(), options: options, deadline: deadline, noWait: noWait)
            try await operation.run("workers/\(AdminClient.escape(id))/restart", host: "host", order: "restart the runtime") {
                "restarting \(AdminColumn.text($0["runtime"]))"
            }
        }
    }
}

/// What a host is told to do, and the wait for its end.
struct HostOperation {
    private static let ends: Set = ["done", "failed", "expired", "superseded"]

    let client: AdminClient
    let options: AdminOptions
    let deadline: Int
    /// Shows the answer in place of waiting.
    let noWait: Bool

    /// - Parameters:
    ///   - host: The answer's member that is the host's id.
    ///   - order: What it was told, as a verb.
    ///   - doing: The same as it lasts, of the answer.
    func run(_ path: String, host: String, order: String, doing: (JSONValue) -> String) async throws {
        let answer = try await client.change("POST", path, .members(("deadline_seconds", .integer(Int64(deadline)))))
        guard !noWait else { return options.show(answer) }
        guard let id = answer[host]?.string, let operation = answer["operation"]?.string else {
            throw CommandFailure(.refused, "the server did not name the operation; it is older than this program: see plimsoll hosts operations")
        }
        let progress = ProgressLine(doing(answer))
        let ended = try await wait("hosts/\(AdminClient.escape(id))/operations/\(AdminClient.escape(operation))", progress)
        progress.end(AdminColumn.text(ended["state"]))
        options.show(ended)
        guard ended["state"]?.string == "done" else {
            throw CommandFailure(.refused, "the host did not \(order): \(AdminColumn.text(ended["message"]))")
        }
    }

    /// Asks for the operation until it has ended. The server ends it at its deadline; a server that is away in between is waited for.
    private func wait(_ path: String, _ progress: ProgressLine) async throws -> JSONValue {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(deadline + 15)
        while true {
            do throws(CommandFailure) {
                let operation = try await client.get(path)
                if let state = operation["state"]?.string, Self.ends.contains(state) { return operation }
                progress.show(Self.status(operation))
                guard clock.now < end else { throw CommandFailure(.refused, "the host has not answered within its deadline") }
            } catch {
                guard error.code == .unreachable, clock.now < end else { throw error }
                progress.show("waiting for the server: \(error.message)")
            }
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    static func status(_ operation: JSONValue) -> String {
        let state = AdminColumn.text(operation["state"])
        guard let open = operation["open_requests"]?.integer else { return state }
        return "\(state), \(open) \(open == 1 ? "request" : "requests") open"
    }
}

/// An order to a host and the wait for its end.
struct HostOrder: ParsableArguments {
    @OptionGroup var options: AdminOptions
    @Argument(help: "The host's id or name.") var reference: String
    @Option(help: "Seconds that the host has, up to 86400.") var deadline = 600
    @Flag(help: "Return at once in place of waiting for the host; the answer names the operation.") var noWait = false

    func validate() throws {
        guard (1...86_400).contains(deadline) else { throw ValidationError("--deadline must be 1 to 86400") }
    }

    func run(_ order: String, doing: String) async throws {
        try await CommandFailure.reporting {
            let operation = HostOperation(client: try options.client(), options: options, deadline: deadline, noWait: noWait)
            try await operation.run("hosts/\(AdminClient.escape(reference))/\(order)", host: "id", order: order) {
                "\(doing) \(AdminColumn.text($0["name"]))"
            }
        }
    }
}

/// `plimsoll hosts operations HOST`
struct ListOperations: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "operations", abstract: "Lists what a host was asked to do and how it went.")

    @OptionGroup var options: AdminOptions
    @OptionGroup var extent: ListOptions
    @Argument(help: "The host's id or name.") var reference: String

    func run() async throws {
        try await CommandFailure.reporting {
            let rows = try await extent.rows(try options.client(), "hosts/\(AdminClient.escape(reference))/operations")
            options.show(rows, columns: ["id", "kind", "state", "open_requests", "deadline", "message", "created_at"], empty: "no operations")
        }
    }
}
