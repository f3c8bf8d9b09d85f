import ArgumentParser
import HTTPWire

enum PageChannels: AdminKind {
    static let path = "page-channels"
    static let noun = "page channel"
    static let columns: [AdminColumn] = ["name", "kind", "url", "least_severity", "escalate_after_seconds", "state"]
    static let filters: [KindFilter] = ["kind", KindFilter("state", "active or paused")]
    static let fields: [KindField] = [
        .required("name", "lower-case letters, digits, dots, dashes, underscores", changeable: false),
        .required("kind", "pagerduty, alertmanager, slack or generic", changeable: false),
        .required("url"),
        .optional("secret_file", "on the control plane's machines: routing key, bearer token, signing key, or a webhook's whole address"),
        .optional("least_severity", "page or ticket"),
        .optional("escalate_after_seconds", "hears of an incident when nobody has acknowledged it for so long; null: at once", form: .json),
        .later("state", "active or paused"),
    ]
}

enum Pages: AdminKind {
    static let path = "pages"
    static let noun = "page"
    static let columns: [AdminColumn] = ["created_at", "channel", "number", "event", "state", "attempts", "last_error", "id"]
    static let filters: [KindFilter] = [
        KindFilter("state", "pending, delivered, dead or dropped"), KindFilter("event", "opened, acknowledged, resolved or overdue"), "incident",
        "channel",
    ]
}

struct PageChannelsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "page-channels", abstract: "Where people are told of incidents.",
        subcommands: [
            ListVerb<PageChannels>.self, GetVerb<PageChannels>.self, CreateVerb<PageChannels>.self, UpdateVerb<PageChannels>.self,
            DeleteVerb<PageChannels>.self,
        ])
}

struct PagesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pages", abstract: "What people were told, and what could not be delivered.",
        subcommands: [ListVerb<Pages>.self, RetryPage.self])
}

/// `plimsoll pages retry ID`
struct RetryPage: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "retry", abstract: "Sends one again.")

    @OptionGroup var options: AdminOptions
    @Argument(help: "Its id.") var id: String

    func run() async throws {
        try await CommandFailure.reporting {
            options.show(try await options.client().change("POST", "\(Pages.path)/\(AdminClient.escape(id))/retry"))
        }
    }
}
