import ArgumentParser

enum Probes: AdminKind {
    static let path = "probes"
    static let noun = "probe"
    static let columns: [AdminColumn] = [
        "at", "kind", "model", "region", "provider", "succeeded", "fault", "status", AdminColumn("ttft us", "first_token_after"),
        AdminColumn("ttlt us", "last_token_after"), "worker",
    ]
    static let filters: [KindFilter] = [
        "model", "region", "provider", KindFilter("worker", "id"), KindFilter("kind", "worker or outside"),
        KindFilter("succeeded", "true or false"), KindFilter("fault", "gateway, link, host, runtime, answer, timeout or customer"), .since, .until,
    ]
}

enum ProbeVerdicts: AdminKind {
    static let path = "probe-verdicts"
    static let noun = "probe verdict"
    static let columns: [AdminColumn] = ["minute_at", "model", "region", "verdict", "successes", "failures"]
    static let filters: [KindFilter] = ["model", "region", KindFilter("verdict", "good or bad"), .since, .until]
}

struct ProbesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probes", abstract: "What probes of workers and of public endpoints found.",
        subcommands: [ListVerb<Probes>.self, ProbeVerdictsCommand.self])
}

struct ProbeVerdictsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verdicts", abstract: "What they say of each minute of a model in a region; a minute without one was not measured.",
        subcommands: [ListVerb<ProbeVerdicts>.self])
}
