import ArgumentParser

enum Workers: AdminKind {
    static let path = "workers"
    static let noun = "worker"
    static let columns: [AdminColumn] = ["id", "host", "runtime", "release", "dialect", "runtime_state", "slots", "accepted", "refusal"]
    static let filters: [String] = ["host", "release", "accepted"]
}

struct WorkersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workers", abstract: "Runtimes that serve a release.",
        subcommands: [ListVerb<Workers>.self, GetVerb<Workers>.self, UpdateVerb<Workers>.self])
}
