import ArgumentParser
import HTTPWire

struct RequestsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "requests", abstract: "Single requests, by the id that the customer saw.", subcommands: [ExplainCommand.self])
}

/// `plimsoll requests explain 0192f3c4-…`
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Shows candidates, costs, attempts, waits, times, tokens, price and fault of one request, or why it was refused.",
        discussion: """
            How a request was routed is kept of every one that was admitted, for a week; where it is not there, `missing` says why. Why one was refused \
            is kept for two days, of a flood not of all. Content is never kept.
            """)

    @OptionGroup var options: AdminOptions
    @Argument(help: "The request's id, from x-request-id.") var id: String

    func run() async throws {
        try await CommandFailure.reporting {
            print(JSONPrinter.pretty(try await options.client().get("requests/\(AdminClient.escape(id))")))
        }
    }
}
