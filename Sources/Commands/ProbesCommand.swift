import ArgumentParser
import HTTPWire
import Program

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
        subcommands: [ListProbeCosts.self], defaultSubcommand: ListProbeCosts.self)
}

/// Says also of which days nothing is known, which is not that they were free.
struct ListProbeCosts: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists \(ProbeCosts.path).", discussion: KindHelp.filters(ProbeCosts.self))

    @OptionGroup var options: AdminOptions
    @OptionGroup var extent: ListOptions
    @Argument(help: "Filters as name=value.") var filters: [String] = []

    func validate() throws {
        try FieldAssignment.parse(filters).check(ProbeCosts.filters.map(\.name), "filter of \(ProbeCosts.path)")
    }

    func run() async throws {
        try await CommandFailure.reporting {
            let (client, chosen) = (try options.client(), try FieldAssignment.parse(filters).map { ($0.name, $0.text) })
            let rows = try await extent.rows(client, ProbeCosts.path, filters: chosen)
            let unmeasured = try await unmeasured(client, since: chosen.first { $0.0 == "since" }?.1)
            options.show(rows, columns: ProbeCosts.columns, empty: unmeasured ?? "no \(ProbeCosts.path)")
            if let unmeasured, !rows.isEmpty { ProgramExit.complain(unmeasured) }
        }
    }

    /// Nil: all days that were asked for are known.
    private func unmeasured(_ client: AdminClient, since: String?) async throws -> String? {
        let first = try await client.get("\(ProbeCosts.path)?limit=1")["measured_from"]?.string
        guard let first, since.map({ $0.prefix(10) < first }) ?? true else { return nil }
        return "not measured before \(first)"
    }
}
