import ArgumentParser

enum Rules: AdminKind {
    static let path = "rules"
    static let noun = "rule"
    static let columns: [AdminColumn] = ["name", "kind", "action", "state", "tenant", "pattern", "id"]
    static let filters: [KindFilter] = [.tenant, "kind", "action", "state"]
    static let fields: [KindField] = [
        .required("name", changeable: false),
        .optional("tenant", "id or name; none: for all tenants", changeable: false),
        .required("kind", "literal, expression or address", changeable: false),
        .required("pattern", "text, a regular expression, or a range such as 192.0.2.0/24"),
        .optional("case_sensitive", form: .json),
        .required("action", "refuse or flag"),
        .optional("message", "what a customer who is refused is told"),
        .later("state", "active or paused"),
    ]
}

struct RulesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules", abstract: "What is refused or counted: words in prompts, addresses of customers.",
        subcommands: [ListVerb<Rules>.self, GetVerb<Rules>.self, CreateVerb<Rules>.self, UpdateVerb<Rules>.self, DeleteVerb<Rules>.self])
}
