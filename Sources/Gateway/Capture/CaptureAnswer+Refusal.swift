import HTTPWire
import OpenAIWire
import PlimsollWire

extension CaptureAnswer {
    /// What the control plane refuses, as customers are told errors; nil: it is an answer.
    ///
    /// Faults are told of parameters that this call has: other names are the customer's own words.
    var refusal: APIError? {
        guard status >= 400 else { return nil }
        let error = (try? JSONValue.parse(body))?["error"]
        switch (status, error?["code"]?.string) {
        case (403, _): return APIError(.permissionDenied, message: error?["message"]?.string)
        case (404, _): return APIError(.notFound)
        case (409, "too_many_captures"): return APIError(.tooManyCaptures)
        case (400, "invalid_json"): return APIError(.invalidJSON)
        case (400...499, _): return Self.faults(error?["faults"]?.array ?? [])
        default: return APIError(.serviceUnavailable)
        }
    }

    private static let parameters: Set<String> = ["expires_in", "key_only", "models", "limit", "after"]

    private static func faults(_ faults: [JSONValue]) -> APIError {
        let known = faults.compactMap { fault -> (param: String, text: String)? in
            guard let param = fault["param"]?.string, parameters.contains(param), let text = fault["message"]?.string else { return nil }
            return (param, "'\(param)' \(text)")
        }
        guard let first = known.first else { return APIError(.invalidValue, message: "A parameter is not known here or has no place in it.") }
        return APIError(.invalidValue, message: known.map(\.text).joined(separator: "; ") + ".", param: first.param)
    }
}
