import ArgumentParser
import HTTPWire

enum Audit: AdminKind {
    static let path = "audit"
    static let noun = "audit row"
    static let columns: [AdminColumn] = ["sequence", "at", "actor", "action", "subject_kind", "subject_id"]
    static let filters: [KindFilter] = ["actor", "action", "subject_kind", "subject_id", .since, .until]
}

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Who changed what.",
        subcommands: [ListVerb<Audit>.self, VerifyAudit.self])
}

/// `plimsoll audit verify`
struct VerifyAudit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "verify", abstract: "Has every hash of the audit chain computed again.")

    @OptionGroup var options: AdminOptions

    func run() async throws {
        try await CommandFailure.reporting {
            let result = try await LateProgress.over("verifying the audit chain") { _ in try await options.client().get("audit/verification") }
            options.show(result)
            guard result["intact"]?.bool == true else { throw CommandFailure(.refused, "the audit chain is broken") }
        }
    }
}
