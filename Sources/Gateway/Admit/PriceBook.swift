import Domain
import PlimsollWire

/// The prices of a table, by model, tier and service class.
struct PriceBook: Sendable {
    private struct Name: Hashable {
        var model: String
        var tier: String
        var serviceClass: String
    }

    private let schedules: [Name: PriceSchedule]

    init(_ entries: [PriceEntry]) {
        let groups = Dictionary(grouping: entries) { Name(model: $0.model, tier: $0.tier, serviceClass: $0.serviceClass) }
        schedules = groups.mapValues { entries in
            PriceSchedule(
                entries.map { entry in
                    PriceVersion(
                        version: entry.version, effectiveFrom: entry.effectiveFromSeconds * 1_000_000,
                        prices: TokenPrices(
                            prompt: entry.promptPicoUsd, cachedPrompt: entry.cachedPromptPicoUsd, completion: entry.completionPicoUsd))
                })
        }
    }

    func schedule(_ model: String, _ tier: String, _ serviceClass: String) -> PriceSchedule? {
        schedules[Name(model: model, tier: tier, serviceClass: serviceClass)]
    }
}

extension PriceVersion {
    /// Pico-US-dollars, as limits count them: at most what a limit can be.
    func spend(prompt: Int, cached: Int, completion: Int) -> Int64 {
        Int64(clamping: min(prices.cost(prompt: prompt, cached: cached, completion: completion), Int128(LimitBook.greatestSpend)))
    }
}
