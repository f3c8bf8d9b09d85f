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
        .later("override_reason", "why it is activated although not everything is proven; another token must do it"),
    ]
}

struct SKUsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "skus", abstract: "Models as they are sold.",
        subcommands: [
            ListVerb<SKUs>.self, GetVerb<SKUs>.self, CreateVerb<SKUs>.self, UpdateVerb<SKUs>.self, DeleteVerb<SKUs>.self,
            FallbackDrillsCommand.self,
        ])
}

enum FallbackDrills: AdminKind {
    static let path = "fallback-drills"
    static let noun = "fallback drill"
    static let columns: [AdminColumn] = ["at", "sku", "held", "reason", "actor", "drill"]
    static let filters: [KindFilter] = ["sku"]
    static let fields: [KindField] = [
        .required("sku", changeable: false), .required("held", "true: the fallback served", form: .json, changeable: false),
        .required("reason", "what was broken and for how long", changeable: false),
    ]
}

struct FallbackDrillsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drills", abstract: "Fallbacks that were tried under a failure made on purpose.",
        subcommands: [ListVerb<FallbackDrills>.self, CreateVerb<FallbackDrills>.self])
}
