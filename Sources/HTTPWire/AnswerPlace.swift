#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Where members of an answer stand that customers are told. What runtimes add of their own tells of hosts (builds, weights, timings, transfers
/// of caches, numbers of tokens), and what the next one will add nobody knows: so names are listed that pass, not those that do not.
///
/// The lists are OpenAI's schemas of chat completions, their chunks, completions and embeddings, and what customers of these runtimes read beside:
/// reasoning, the text that ended an answer (`stop_reason` of vLLM, `matched_stop` of SGLang), and counts of tokens where other runtimes have them.
package enum AnswerPlace: Sendable {
    case top
    case choice
    /// `message` too.
    case delta
    case audio
    case usage
    /// Of the prompt's or the answer's tokens.
    case details

    /// Something is counted by it, so that two readers must not read two things.
    var isCounted: Bool {
        switch self {
        case .top, .usage, .details: true
        case .choice, .delta, .audio: false
        }
    }

    /// - Parameter name: Without escapes.
    package func tells(_ name: String, isNull: Bool = false) -> Bool {
        let bytes = Array(name.utf8)
        return bytes.withUnsafeBytes { bytes in
            JSONText(bytes).map { $0.isTold(AnswerName(start: 0, count: bytes.count), in: self, isNull: isNull) } ?? false
        }
    }
}

/// The name of a member, between its quotes.
struct AnswerName {
    var start: Int
    var count: Int
}

/// On the text alone: the walk with its result is too large to be handed about.
extension JSONText {
    /// With a literal this is a comparison of one or two words.
    @inline(__always)
    func `is`(_ name: AnswerName, _ word: StaticString) -> Bool {
        let length = word.utf8CodeUnitCount
        return name.count == length && memcmp(base + name.start, word.utf8Start, length) == 0
    }

    @inline(__always)
    func isTold(_ name: AnswerName, in place: AnswerPlace, isNull: Bool) -> Bool {
        switch place {
        case .top: isToldAtTop(name, isNull: isNull)
        case .choice: isToldOfChoice(name)
        case .delta: isToldOfDelta(name)
        case .audio: `is`(name, "id") || `is`(name, "data") || `is`(name, "expires_at") || `is`(name, "transcript")
        case .usage: isToldOfUsage(name)
        case .details: isToldOfDetails(name)
        }
    }

    private func isToldAtTop(_ name: AnswerName, isNull: Bool) -> Bool {
        switch name.count {
        case 2: `is`(name, "id")
        case 4: `is`(name, "data")
        case 5: `is`(name, "model") || `is`(name, "usage") || `is`(name, "error")
        case 6: `is`(name, "object")
        case 7: `is`(name, "choices") || `is`(name, "created")
        case 11: `is`(name, "obfuscation")
        case 12: `is`(name, "service_tier")
        // It is OpenAI's, and tells a runtime's build.
        case 18: isNull && `is`(name, "system_fingerprint")
        default: false
        }
    }

    private func isToldOfChoice(_ name: AnswerName) -> Bool {
        switch name.count {
        case 4: `is`(name, "text")
        case 5: `is`(name, "index") || `is`(name, "delta")
        case 7: `is`(name, "message")
        case 8: `is`(name, "logprobs")
        case 11: `is`(name, "stop_reason")
        case 12: `is`(name, "matched_stop")
        case 13: `is`(name, "finish_reason")
        default: false
        }
    }

    private func isToldOfDelta(_ name: AnswerName) -> Bool {
        switch name.count {
        case 4: `is`(name, "role")
        case 5: `is`(name, "audio")
        case 7: `is`(name, "content") || `is`(name, "refusal")
        case 9: `is`(name, "reasoning")
        case 10: `is`(name, "tool_calls")
        case 11: `is`(name, "annotations")
        case 13: `is`(name, "function_call")
        case 17: `is`(name, "reasoning_content")
        default: false
        }
    }

    private func isToldOfUsage(_ name: AnswerName) -> Bool {
        switch name.count {
        case 12: `is`(name, "total_tokens")
        case 13: `is`(name, "prompt_tokens") || `is`(name, "cached_tokens")
        case 16: `is`(name, "reasoning_tokens")
        case 17: `is`(name, "completion_tokens")
        case 21: `is`(name, "prompt_tokens_details")
        case 25: `is`(name, "completion_tokens_details")
        default: false
        }
    }

    private func isToldOfDetails(_ name: AnswerName) -> Bool {
        switch name.count {
        case 11: `is`(name, "text_tokens")
        case 12: `is`(name, "audio_tokens") || `is`(name, "image_tokens") || `is`(name, "video_tokens")
        case 13: `is`(name, "cached_tokens")
        case 16: `is`(name, "reasoning_tokens")
        case 18: `is`(name, "cache_write_tokens")
        case 21: `is`(name, "cache_creation_tokens")
        case 26: `is`(name, "accepted_prediction_tokens") || `is`(name, "rejected_prediction_tokens")
        default: false
        }
    }
}
