package import ArgumentParser
import Program

/// The operator's command line.
package struct PlimsollCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "plimsoll", abstract: "Runs and asks a Plimsoll installation.",
        discussion: """
            Asks the installation that a profile names, or PLIMSOLL_ADMIN_URL and PLIMSOLL_ADMIN_TOKEN. See docs/command-line.md.

            Exit codes: 0 done, 1 refused by the server, 3 unreachable, 64 wrong usage.
            """, version: Version.current,
        subcommands: [DevCommand.self],
        groupedSubcommands: [
            CommandGroup(
                name: "Customers",
                subcommands: [
                    TenantsCommand.self, ReportLinksCommand.self, KeysCommand.self, KeyUsesCommand.self, TiersCommand.self, SKUsCommand.self,
                    PricesCommand.self,
                    QuotasCommand.self, RulesCommand.self,
                ]),
            CommandGroup(
                name: "Fleet",
                subcommands: [
                    ProvidersCommand.self, PoolsCommand.self, HostsCommand.self, WorkersCommand.self, GatewaysCommand.self,
                    EnrolmentTokensCommand.self,
                ]),
            CommandGroup(name: "Models", subcommands: [ModelsCommand.self, ReleasesCommand.self, WeightsCommand.self]),
            CommandGroup(
                name: "Promises",
                subcommands: [
                    ObjectivesCommand.self, BudgetsCommand.self, BudgetEntriesCommand.self, BurnAlertsCommand.self, FreezeCommand.self,
                    FreezePassesCommand.self, TermsCommand.self, AgreementsCommand.self, CreditsCommand.self, MaintenanceWindowsCommand.self,
                    ExclusionsCommand.self, IncidentsCommand.self, MitigationsCommand.self, PageChannelsCommand.self, PagesCommand.self,
                    ScalersCommand.self, CapacityOrdersCommand.self, StatusCommand.self, DrillCommand.self, DrillsCommand.self,
                    ReadinessCommand.self,
                ]),
            CommandGroup(
                name: "Records",
                subcommands: [
                    UsageCommand.self, RequestsCommand.self, QuarantineCommand.self, MinutesCommand.self, ProbesCommand.self, EvidenceCommand.self,
                    VerifyCommand.self, AbuseCommand.self, CapturesCommand.self, AuditCommand.self, TokensCommand.self,
                ]),
        ])

    package init() {}
}
