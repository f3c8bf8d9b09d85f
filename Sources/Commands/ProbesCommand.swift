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

enum ProbeCosts: AdminKind {
    static let path = "probe-costs"
    static let noun = "probe cost"
    static let columns: [AdminColumn] = [
        "day", "source", "provider", "model", "region", "probes", "prompt_tokens", "completion_tokens", "held_seconds", "cost_micro_usd",
    ]
    static let filters: [KindFilter] = [KindFilter("source", "worker or outside"), "provider", "model", "region", .since, .until]
}

struct ProbesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probes", abstract: "What probes of workers and of public endpoints found.",
        subcommands: [ListVerb<Probes>.self, ProbeVerdictsCommand.self, ProbeCostsCommand.self])
}

struct ProbeVerdictsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verdicts", abstract: "What they say of each minute of a model in a region; a minute without one was not measured.",
        subcommands: [ListVerb<ProbeVerdicts>.self])
}

/// `plimsoll probes cost since=2026-11-01T00:00:00Z`
struct ProbeCostsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cost", abstract: "What they cost by day: tokens, and a share of the hosts' hours where those have a price.",
        subcommands: [ListVerb<ProbeCosts>.self], defaultSubcommand: ListVerb<ProbeCosts>.self)
}
