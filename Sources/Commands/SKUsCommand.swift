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
        .optional("template", "live-chat, support, rag, seo or long-documents: says what is left out here", changeable: false),
        .optional("tier", "required without a template; its own is made when there is none", changeable: false),
        .optional("service_class", "interactive or batch", changeable: false),
        .optional("context_class", "standard or long", changeable: false),
        .required("primary_region"),
        .optional("backup_region"),
        .optional("prompt_price_pico_usd", "10^-12 US dollars for one token; required without a template", form: .json),
        .optional("completion_price_pico_usd", "10^-12 US dollars for one token; required without a template", form: .json),
        .optional("sets_price", "true: its prices are those by which its tier is billed from now on", form: .json, changeable: false),
        .optional("fallback_sku"),
        .later("state", "draft, active or retired"),
        .later("override_reason", "why it is activated although not everything is proven; another person's token must do it"),
    ]
}

struct SKUsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "skus", abstract: "Models as they are sold.",
        subcommands: [
            ListVerb<SKUs>.self, GetVerb<SKUs>.self, CreateVerb<SKUs>.self, UpdateVerb<SKUs>.self, DeleteVerb<SKUs>.self,
            SKUTemplatesCommand.self, FallbackDrillsCommand.self,
        ])
}

enum SKUTemplates: AdminKind {
    static let path = "sku-templates"
    static let noun = "template"
    static let columns: [AdminColumn] = [
        "name", "service_class", "context_class", "price_factor_ppm", AdminColumn("max prompt tokens", "tier.max_prompt_tokens"),
        AdminColumn("ttft objective microseconds", "tier.ttft_objective_microseconds"), "purpose",
    ]
}

struct SKUTemplatesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "templates", abstract: "Usual products, as `skus create template=NAME` proposes them.",
        subcommands: [ListVerb<SKUTemplates>.self], defaultSubcommand: ListVerb<SKUTemplates>.self)
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
