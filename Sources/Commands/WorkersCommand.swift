import ArgumentParser

enum Workers: AdminKind {
    static let path = "workers"
    static let noun = "worker"
    static let columns: [AdminColumn] = [
        "id", "host", "runtime", "release", "dialect", "runtime_state", "restartable", "slots", "accepted", "reporting", "out", "refusal",
    ]
    static let filters: [KindFilter] = [KindFilter("host", "id or name"), "release", KindFilter("accepted", "true or false"), .reporting]
    static let fields: [KindField] = [
        .later("weight_ppm", "share in parts per million, 0 to 1000000", form: .json),
        .later("trust_class", "standard or trusted; null: its provider's"),
    ]
}

struct WorkersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workers", abstract: "Runtimes that serve a release.",
        subcommands: [ListVerb<Workers>.self, GetVerb<Workers>.self, UpdateVerb<Workers>.self, RestartWorker.self])
}
