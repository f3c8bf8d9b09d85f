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
        .optional("freezes", "whether its spent budget holds changes up", form: .json),
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

/// `plimsoll objectives export > objectives.json`
struct ExportObjectives: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Prints objectives and burn rules as OpenSLO v1 documents in JSON.")

    @OptionGroup var options: AdminOptions

    func run() async throws {
        try await CommandFailure.reporting {
            print(JSONPrinter.pretty(try await options.client().get("openslo")))
        }
    }
}

/// `plimsoll objectives import objectives.json`
struct ImportObjectives: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Takes objectives from OpenSLO v1 documents in JSON, by name.",
        discussion: "The file is an object with a list named documents, as export prints it. Nothing is changed when any document cannot be taken.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "File of documents.") var file: String

    func run() async throws {
        try await CommandFailure.reporting {
            let body: JSONValue
            do {
                body = try JSONValue.parse(Array(Data(contentsOf: URL(filePath: file))))
            } catch {
                throw CommandFailure(.refused, "\(file) cannot be read as JSON: \(error)")
            }
            options.show(try await options.client().change("POST", "openslo", body))
        }
    }
}
