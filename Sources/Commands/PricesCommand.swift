import ArgumentParser

enum Prices: AdminKind {
    static let path = "prices"
    static let noun = "price"
    static let columns: [AdminColumn] = [
        "version", "model", "tier", "service_class", "prompt_price_pico_usd", "cached_prompt_price_pico_usd", "completion_price_pico_usd",
        "effective_from", "effective_until", "current",
    ]
    static let filters: [KindFilter] = ["model", "tier", KindFilter("service_class", "interactive or batch")]
    static let fields: [KindField] = [
        .required("model", changeable: false),
        .required("tier", changeable: false),
        .optional("service_class", "interactive (as when it is absent) or batch", changeable: false),
        .required("prompt_price_pico_usd", "US dollars for a million tokens, in millionths: 0.60 is 600000", form: .json, changeable: false),
        .optional("cached_prompt_price_pico_usd", "the prompt's when it is absent", form: .json, changeable: false),
        .required("completion_price_pico_usd", form: .json, changeable: false),
        .optional("effective_from", "instant at least a minute ahead and after all versions that there are", changeable: false),
        .optional("reason", changeable: false),
    ]
}

struct PricesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prices", abstract: "Prices of tokens, every version; each holds until the next one begins.",
        subcommands: [ListVerb<Prices>.self, CreateVerb<Prices>.self])
}
