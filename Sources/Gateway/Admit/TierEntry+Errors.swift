import OpenAIWire
import PlimsollWire

/// Errors about a plan's caps name the plan, so that a customer knows what to change.
extension TierEntry {
    var bodyTooLarge: APIError {
        APIError(.requestTooLarge, message: "The request is larger than the \(maxBodyBytes) bytes that the plan \(name) allows.")
    }

    func promptTooLong(_ param: String) -> APIError {
        APIError(.promptTooLong, message: "The prompt is longer than the \(maxPromptTokens) tokens that the plan \(name) allows.", param: param)
    }

    func tooManyTokensAsked(_ param: String) -> APIError {
        APIError(.maxTokensTooLarge, message: "'\(param)' is above the \(maxOutputTokens) tokens that the plan \(name) allows.", param: param)
    }
}
