import ArgumentParser

enum Models: AdminKind {
    static let path = "models"
    static let noun = "model"
    static let columns: [AdminColumn] = ["name", "display_name", "kind", "context_tokens", "tiers", "state"]
    static let fields: [KindField] = [
        .required("name", "letters, digits and . _ : / @ -", changeable: false),
        .required("display_name"),
        .optional("kind", "generation or embedding; generation"),
        .required("context_tokens", form: .json),
        .optional("long_context_tokens", "prompts of more go to pools of the class long; null: nowhere else", form: .json),
        .optional("tiers", "list; empty: all", form: .json),
        .optional("probe_prompt", "what its workers are asked now and then; null: the usual question"),
        .optional("probe_answer", "what the answer must contain, in any case; null: any text"),
        .later("state", "active or hidden"),
    ]
}

struct ModelsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models", abstract: "Names that customers use.",
        subcommands: [ListVerb<Models>.self, GetVerb<Models>.self, CreateVerb<Models>.self, UpdateVerb<Models>.self, DeleteVerb<Models>.self])
}
