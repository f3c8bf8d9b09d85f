import NIOHTTP1

/// Why a request gets no answer.
enum Refusal: Equatable {
    case overloaded
    case malformed(String)
    case unknownModel(String)
    case contextExceeded(tokens: Int, context: Int)
    case notFound
    case loading
    /// An ordered storm of 503.
    case storm

    func status(in dialect: Dialect) -> HTTPResponseStatus {
        switch self {
        case .overloaded, .loading, .storm: .serviceUnavailable
        case .malformed: dialect == .llamacpp ? .internalServerError : .badRequest
        case .contextExceeded: .badRequest
        case .unknownModel, .notFound: .notFound
        }
    }

    func body(in dialect: Dialect) -> String {
        switch dialect {
        case .vllm: vllmBody
        case .llamacpp: llamaBody
        }
    }

    private var vllmBody: String {
        switch self {
        case .overloaded, .storm, .loading:
            vllm("The server is overloaded. Please try again later or on a different instance.", "ServiceUnavailableError", 503)
        case .malformed(let message): vllm(message, "BadRequestError", 400)
        case .unknownModel(let name): vllm("The model `\(name)` does not exist.", "NotFoundError", 404, parameter: "model")
        case .contextExceeded(let tokens, let context):
            vllm("This model's maximum context length is \(context) tokens. However, you requested \(tokens) tokens.", "BadRequestError", 400)
        case .notFound: "{\"detail\":\"Not Found\"}"
        }
    }

    private var llamaBody: String {
        switch self {
        case .overloaded, .storm: llama("no slot available", "unavailable_error", 503)
        case .loading: llama("Loading model", "unavailable_error", 503)
        case .malformed(let message): llama(message, "server_error", 500)
        case .unknownModel, .notFound: llama("File Not Found", "not_found_error", 404)
        case .contextExceeded(let tokens, let context):
            "{\"error\":{\"code\":400,\"message\":\"request (\(tokens) tokens) exceeds the available context size (\(context) tokens), "
                + "try increasing it\",\"type\":\"exceed_context_size_error\",\"n_prompt_tokens\":\(tokens),\"n_ctx\":\(context)}}"
        }
    }

    private func vllm(_ message: String, _ type: String, _ code: Int, parameter: String? = nil) -> String {
        "{\"error\":{\"message\":\(message.json),\"type\":\"\(type)\",\"param\":\(parameter?.json ?? "null"),\"code\":\(code)}}"
    }

    private func llama(_ message: String, _ type: String, _ code: Int) -> String {
        "{\"error\":{\"code\":\(code),\"message\":\(message.json),\"type\":\"\(type)\"}}"
    }
}
