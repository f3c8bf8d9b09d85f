import ArgumentParser
import HTTPWire
import Program

/// `plimsoll readiness`: the launch checklist. Exit code 1 while a line is not proven.
struct ReadinessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "readiness", abstract: "Shows all twenty launch lines with their evidence, or why one is not proven.",
        discussion: "Exit code 1 while a line is not proven.",
        subcommands: [ShowReadinessCommand.self, AttestReadinessCommand.self, WithdrawReadinessCommand.self],
        defaultSubcommand: ShowReadinessCommand.self)
}

struct ShowReadinessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Shows every line with its evidence and its age.")

    @OptionGroup var options: AdminOptions

    func run() async throws {
        let isReady = try await CommandFailure.reporting {
            let document = try await options.client().get("readiness")
            switch options.output {
            case .json: print(JSONPrinter.pretty(document))
            case .table: print(ReadinessText.render(document))
            }
            return document["ready"]?.bool == true
        }
        if !isReady { throw ProgramExit.refused }
    }
}

/// `plimsoll readiness attest data-policy "https://example.com/policy, version 3"`
struct AttestReadinessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attest", abstract: "Gives a person's word for a line that no data can prove.",
        discussion: """
            Lines: quickstart, api-documents, credits, accounting, data-policy. It counts for 180 days; a page that it begins with (https://…) is looked for \
            once an hour by whoever probes from outside.
            """)

    @OptionGroup var options: AdminOptions
    @Argument(help: "Id of the line.") var line: String
    @Argument(help: "What was looked at: a link, a document with its version, who reviewed it.") var evidence: String

    func run() async throws {
        try await CommandFailure.reporting {
            let body = JSONValue.members(("line", .string(line)), ("evidence", .string(evidence)))
            options.show(try await options.client().change("POST", "readiness/attestations", body))
        }
    }
}

/// `plimsoll readiness withdraw data-policy --reason 'the page was taken down'`
struct WithdrawReadinessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "withdraw", abstract: "Takes back what was attested of a line: it is not proven until somebody attests it anew.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "Id of the line.") var line: String
    @Option(help: "Why, for the record.") var reason: String

    func run() async throws {
        try await CommandFailure.reporting {
            let body = JSONValue.members(("line", .string(line)), ("reason", .string(reason)))
            options.show(try await options.client().change("POST", "readiness/withdrawals", body))
        }
    }
}

enum ReadinessText {
    /// A line each, with what was found under it.
    static func render(_ document: JSONValue) -> String {
        let lines = document["lines"]?.array ?? []
        var text: [String] = []
        var area: String?
        for line in lines {
            if line["area"]?.string != area {
                area = line["area"]?.string
                text.append((text.isEmpty ? "" : "\n") + (area ?? "").uppercased())
            }
            let age = line["age_seconds"]?.integer.map { " (\(Self.age($0)) old)" } ?? ""
            text.append("\(line["proven"]?.bool == true ? "proven    " : "NOT PROVEN") \(AdminColumn.text(line["title"]))")
            text.append("           \(AdminColumn.text(line["finding"]))\(age)")
        }
        let proven = document["proven"]?.integer ?? 0
        return (text + ["", "\(proven) of \(lines.count) lines are proven"]).joined(separator: "\n")
    }

    static func age(_ seconds: Int64) -> String {
        switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7_200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3_600) h"
        default: "\(seconds / 86_400) days"
        }
    }
}
