import HTTPWire
import NIOCore
import OpenAIWire
import PlimsollWire

/// How a request is asked anew with the text that its customer has already: only where the rest is then exactly what the first worker would
/// have sent. One answer at temperature 0, plain text, and nothing in the request that looks back at what was generated.
struct ContinuationPlan {
    /// Members that change nothing about that. Whatever else a request has, its stream is not continued.
    private static let harmless: Set<String> = [
        "model", "messages", "prompt", "stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature", "n", "best_of", "top_p",
        "top_k", "min_p", "seed", "user", "metadata", "service_tier", "store", "prompt_cache_key", "safety_identifier",
    ]

    let isChat: Bool
    /// Where in the plan's `rest` the text goes.
    private let place: Int

    /// Nil when it could not be exact.
    ///
    /// - Parameters:
    ///   - scan: Of `bytes`, the request's body.
    ///   - facts: Read from it.
    init?(_ scan: RequestScan, _ bytes: UnsafeRawBufferPointer, _ facts: GenerationRequest) {
        guard facts.stream, facts.generated == 1, facts.prompts == 1 else { return nil }
        var (isCold, text): (Bool, JSONMember?) = (false, nil)
        for member in scan.members {
            guard !member.hasEscapes else { return nil }
            let name = String(decoding: bytes[member.name], as: UTF8.self)
            guard Self.harmless.contains(name) else { return nil }
            switch name {
            case "temperature": isCold = Double(String(decoding: bytes[member.value], as: UTF8.self)) == 0
            case "messages" where member.kind == .array, "prompt" where member.kind == .string: text = member
            default: break
            }
        }
        guard isCold, let text else { return nil }
        isChat = text.kind == .array
        // In front of the bracket or quote that ends it; `rest` begins behind the opening brace.
        place = text.value.upperBound - 1 - (scan.open + 1)
    }

    /// The runtime must be told to go on with the last message; llama.cpp's server does whenever that is the assistant's.
    func mustBeTold(_ dialect: RuntimeDialect) -> Bool { isChat && dialect == .vllm }

    /// Templates of many models cut white space at both ends of a message, and the model would say it again.
    func keeps(_ text: String, at dialect: RuntimeDialect) -> Bool {
        guard mustBeTold(dialect), let first = text.unicodeScalars.first, let last = text.unicodeScalars.last else { return true }
        return !first.properties.isWhitespace && !last.properties.isWhitespace
    }

    /// The request's bytes behind the opening brace, with the text so far in its place.
    func rest(_ rest: ByteBuffer, after text: String) -> ByteBuffer {
        let at = rest.readerIndex + place
        guard let head = rest.getSlice(at: rest.readerIndex, length: place), let tail = rest.getSlice(at: at, length: rest.writerIndex - at)
        else { return rest }
        let quoted = BodyEdit.quoted(text)
        var whole = ByteBufferAllocator().buffer(capacity: rest.readableBytes + quoted.count + 64)
        whole.writeImmutableBuffer(head)
        if isChat {
            whole.writeStaticString(#",{"role":"assistant","content":"#)
            whole.writeBytes(quoted)
            whole.writeStaticString("}")
        } else {
            whole.writeBytes(quoted.dropFirst().dropLast())
        }
        whole.writeImmutableBuffer(tail)
        return whole
    }
}
