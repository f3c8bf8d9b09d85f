import ArgumentParser
import HTTPWire

enum Hosts: AdminKind {
    static let path = "hosts"
    static let noun = "host"
    static let columns: [AdminColumn] = ["id", "name", "provider", "pool", "region", "state", "intent", "agent_state", "last_heartbeat_at"]
    static let filters = ["pool", "provider", "region", "state"]
}

struct HostsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hosts", abstract: "Machines that joined, and what they should do.",
        subcommands: [ListVerb<Hosts>.self, GetVerb<Hosts>.self, DrainHost.self, ResumeHost.self, RevokeVerb<Hosts>.self, ListOperations.self])
}

struct DrainHost: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "drain", abstract: "Lets a host finish what runs and gives it nothing new.")

    @OptionGroup var command: HostOrder

    func run() async throws { try await command.run("drain", doing: "draining") }
}

struct ResumeHost: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "resume", abstract: "Gives a drained host traffic again.")

    @OptionGroup var command: HostOrder

    func run() async throws { try await command.run("resume", doing: "resuming") }
}

/// An order to a host and the wait for its end.
struct HostOrder: ParsableArguments {
    @OptionGroup var options: AdminOptions
    @Argument(help: "The host's id.") var reference: String
    @Option(help: "Seconds that the host has.") var deadline = 600
    @Flag(help: "Return at once in place of waiting for the host.") var noWait = false

    func run(_ order: String, doing: String) async throws {
        try await CommandFailure.reporting {
            let client = try options.client()
            let path = "hosts/\(AdminClient.escape(reference))"
            let host = try await client.change("POST", "\(path)/\(order)", .members(("deadline_seconds", .integer(Int64(deadline)))))
            guard !noWait else { return options.show(host) }
            let progress = ProgressLine("\(doing) \(AdminColumn.text(host["name"]))")
            let operation = try await wait(client, path, order, progress)
            progress.end("\(AdminColumn.text(operation["state"]))")
            options.show(operation)
            guard operation["state"]?.string == "done" else {
                throw CommandFailure(.refused, "the host did not \(order): \(AdminColumn.text(operation["message"]))")
            }
        }
    }

    private func wait(_ client: AdminClient, _ path: String, _ order: String, _ progress: ProgressLine) async throws -> JSONValue {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(deadline + 10)
        while clock.now < end {
            // The last of them is the newest: lists go from old to new.
            let newest = try await client.all("\(path)/operations").last { $0["kind"]?.string == order }
            if let newest, let state = newest["state"]?.string {
                if ["done", "failed", "expired", "superseded"].contains(state) { return newest }
                progress.show(state)
            }
            try await Task.sleep(for: .milliseconds(500))
        }
        throw CommandFailure(.refused, "the host has not answered within its deadline")
    }
}

struct ListOperations: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "operations", abstract: "Lists what a host was asked to do and how it went.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "The host's id.") var reference: String

    func run() async throws {
        try await CommandFailure.reporting {
            let rows = try await options.client().all("hosts/\(AdminClient.escape(reference))/operations")
            options.show(rows, columns: ["id", "kind", "state", "deadline", "message", "created_at"], empty: "no operations")
        }
    }
}
