import ArgumentParser

@main
struct BenchProgram: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plimsoll-bench",
        abstract: "A test tool: the two ends between which Deploy/bench measures a gateway, and what a control plane computes.",
        version: "0.1.0", subcommands: [UpstreamCommand.self, LoadCommand.self, EvidenceCommand.self])
}
