import ArgumentParser

enum Hosts: AdminKind {
    static let path = "hosts"
    static let noun = "host"
    static let columns: [AdminColumn] = [
        "id", "name", "provider", "pool", "region", "state", "intent", "agent_state", "reporting", "last_heartbeat_at",
    ]
    static let filters: [KindFilter] = ["pool", "provider", "region", KindFilter("state", "active, locked or revoked"), .reporting]
}

struct HostsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hosts", abstract: "Machines that joined, and what they should do.",
        subcommands: [
            ListVerb<Hosts>.self, GetVerb<Hosts>.self, InviteHost.self, DrainHost.self, ResumeHost.self, RevokeVerb<Hosts>.self,
            ListOperations.self,
        ])
}
