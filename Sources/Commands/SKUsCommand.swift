import ArgumentParser

enum SKUs: AdminKind {
    static let path = "skus"
    static let noun = "SKU"
    static let columns: [AdminColumn] = [
        "name", "model", "tier", "primary_region", "backup_region", "prompt_price_pico_usd", "completion_price_pico_usd", "state",
    ]
    static let filters: [KindFilter] = ["model", "tier", KindFilter("state", "draft, active or retired")]
    static let fields: [KindField] = [
        .required("name", "lower-case letters, digits, dots, dashes, underscores", changeable: false),
        .required("model", changeable: false),
        .required("tier", changeable: false),
        .optional("service_class", "interactive or batch", changeable: false),
        .optional("context_class", "standard or long", changeable: false),
        .required("primary_region"),
        .optional("backup_region"),
        .required("prompt_price_pico_usd", "10^-12 US dollars for one token", form: .json),
        .required("completion_price_pico_usd", "10^-12 US dollars for one token", form: .json),
        .optional("fallback_sku"),
        .later("state", "draft, active or retired"),
        .later("override_reason", "activates it although not everything that it needs is proven"),
    ]
}

struct SKUsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "skus", abstract: "Models as they are sold.",
        subcommands: [ListVerb<SKUs>.self, GetVerb<SKUs>.self, CreateVerb<SKUs>.self, UpdateVerb<SKUs>.self, DeleteVerb<SKUs>.self])
}
