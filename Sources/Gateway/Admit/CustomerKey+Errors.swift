import OpenAIWire
import PlimsollWire

/// Errors about a plan's caps name the plan, and the one that allows more, so that a customer knows what to change.
extension CustomerKey {
    var bodyTooLarge: APIError {
        APIError(
            .requestTooLarge,
            message: "The request is larger than the \(tier.maxBodyBytes) bytes that the plan \(tier.name) allows."
                + PlanOffers.sentence(offers.bodyBytes))
    }

    func promptTooLong(_ param: String) -> APIError {
        let text = "The prompt is longer than the \(tier.maxPromptTokens) tokens that the plan \(tier.name) allows."
        return APIError(.promptTooLong, message: text + PlanOffers.sentence(offers.promptTokens), param: param)
    }

    func tooManyTokensAsked(_ param: String) -> APIError {
        let text = "'\(param)' is above the \(tier.maxOutputTokens) tokens that the plan \(tier.name) allows."
        return APIError(.maxTokensTooLarge, message: text + PlanOffers.sentence(offers.outputTokens), param: param)
    }
}
