import ArgumentParser
import FoundationEssentials
import HTTPWire

enum Objectives: AdminKind {
    static let path = "objectives"
    static let noun = "objective"
    static let columns: [AdminColumn] = ["name", "kind", "target_ppm", "threshold_microseconds", "tenant", "tier", "model", "region", "period"]
    static let filters: [KindFilter] = [
        KindFilter("kind", "availability, ttft_p95, ttlt_p95, error_rate or rate_429"), .tenant, "tier", "model", "region",
    ]
    static let fields: [KindField] = [
        .required("name", "lower-case letters, digits, dots, dashes, underscores", changeable: false),
        .required("kind", "availability, ttft_p95, ttlt_p95, error_rate or rate_429", changeable: false),
        .optional("tenant", "id or name; absent: all", changeable: false),
        .optional("tier", changeable: false),
        .optional("model", changeable: false),
        .optional("region", changeable: false),
        .required("target_ppm", "share to reach, or of error_rate and rate_429 not to reach: 999000 is 99.9 %", form: .json),
        .optional("threshold_microseconds", "of a latency", form: .json),
        .optional("bad_above_ppm", "a minute is bad above this share of bad requests; null: with any", form: .json),
        .optional("period", "calendar or rolling"),
        .optional("time_zone", "such as Europe/Berlin"),
        .optional("burn_alerts", "true or false", form: .json),
        .optional("freezes", "whether its spent budget holds changes up; true for an availability, else false", form: .json),
    ]
}

struct ObjectivesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "objectives", abstract: "What must be reached, for whom; the most specific one holds.",
        subcommands: [
            ListVerb<Objectives>.self, GetVerb<Objectives>.self, CreateVerb<Objectives>.self, UpdateVerb<Objectives>.self,
            DeleteVerb<Objectives>.self, ExportObjectives.self, ImportObjectives.self,
        ])
}

/// `plimsoll objectives export --yaml > objectives.yaml`
struct ExportObjectives: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Prints objectives and burn rules as OpenSLO v1 documents in JSON, or in YAML.")

    @OptionGroup var options: AdminOptions
    @Flag(help: "As YAML, a document for each.") var yaml = false

    func run() async throws {
        try await CommandFailure.reporting {
            let found = try await options.client().get("openslo")
            guard yaml else { return print(JSONPrinter.pretty(found)) }
            print(YAMLWriter.documents(found["documents"]?.array ?? []), terminator: "")
        }
    }
}

/// `plimsoll objectives import objectives.yaml`
struct ImportObjectives: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Takes objectives from OpenSLO v1 documents in JSON or YAML, by name.",
        discussion:
            "The file is as export prints it: in JSON an object with a list named documents, in YAML a document for each. Nothing is changed when any document cannot be taken."
    )

    @OptionGroup var options: AdminOptions
    @Argument(help: "File of documents.") var file: String

    func run() async throws {
        try await CommandFailure.reporting {
            let body = try Self.documents(try EvidenceFile.bytes(file), file)
            options.show(try await options.client().change("POST", "openslo", body))
        }
    }

    /// What begins with a brace is JSON, anything else YAML.
    private static func documents(_ bytes: [UInt8], _ file: String) throws(CommandFailure) -> JSONValue {
        do {
            if bytes.first(where: { !" \t\r\n".utf8.contains($0) }) == UInt8(ascii: "{") { return try JSONValue.parse(bytes) }
            return .members(("documents", .array(try YAMLReader.documents(bytes))))
        } catch {
            throw CommandFailure(.refused, "\(file) cannot be read: \(error)")
        }
    }
}
