import ArgumentParser

@main
struct BenchProgram: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plimsoll-bench",
        abstract: "A test tool: the two ends between which Deploy/bench measures a gateway.",
        version: "0.1.0", subcommands: [UpstreamCommand.self, LoadCommand.self])
}
