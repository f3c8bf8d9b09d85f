import HTTPWire
import NIOCore
import OpenAIWire
import PlimsollWire

/// What policy made of a request's body: checked, edited in place, and ready to be sent to whichever worker is chosen.
final class RequestPlan {
    let facts: GenerationRequest
    /// By what the prompt is known again.
    let affinity: PromptAffinity
    /// How a broken stream can go on; nil: not at all.
    let continuation: ContinuationPlan?
    let model: ModelRoute
    /// Output tokens of one answer.
    let outputTokens: Int
    /// The client's bytes behind the opening brace, without the members that policy owns.
    let rest: ByteBuffer
    /// The most that it can have cost.
    let bound: UsageBound
    private let restHasMembers: Bool
    private static let yes = Array("true".utf8)
    private static let no = Array("false".utf8)
    private static let includeUsage = Array(#"{"include_usage":true}"#.utf8)

    /// Tokens that are reserved: the estimated prompt and the longest answer, as often as it is generated.
    var reservedTokens: Int { facts.estimatedPromptTokens + outputTokens * facts.generated }

    /// llama.cpp's server reports the tokens of one answer when it was asked for several: only its stream tells the truth.
    func mustAggregate(at worker: Worker) -> Bool {
        !facts.stream && facts.generated > 1 && worker.entry.dialect == .llamacpp
    }

    /// Tokens that one prompt, of several the average one, is likely to take of a worker's context.
    var likelyContextTokens: Int { facts.estimatedPromptTokens / facts.prompts }

    /// - Parameter body: Edited where it lies when nobody else holds it, else copied once.
    static func make(_ body: consuming ByteBuffer, arriving: ArrivingRequest, loop: GatewayLoop) throws(APIError) -> RequestPlan {
        let facts = try read(body, endpoint: arriving.endpoint, loop: loop)
        guard let model = loop.directory.model(facts.model), arriving.key.mayUse(model) else {
            throw APIError(.modelNotFound, param: "model")
        }
        let tier = arriving.key.tier
        guard facts.estimatedPromptTokens <= tier.maxPromptTokens else {
            let message = "The prompt is longer than the \(tier.maxPromptTokens) tokens that the plan \(tier.name) allows."
            throw APIError(.promptTooLong, message: message, param: facts.promptParam)
        }
        if let asked = facts.greatestMaxTokens, asked > tier.maxOutputTokens {
            let message = "'\(facts.maxTokensParam)' is above the \(tier.maxOutputTokens) tokens that the plan \(tier.name) allows."
            throw APIError(.maxTokensTooLarge, message: message, param: facts.maxTokensParam)
        }
        return RequestPlan(
            body: consume body, facts: facts, model: model, mostTokens: mostTokens(facts, arriving.key), scan: loop.scan,
            continues: tier.continuesStreams == true)
    }

    /// Of one answer whose client set no cap: the plan's, but no more than this gateway's share of the tokens a minute has room for, else such
    /// requests would be refused for ever wherever many gateways share a small limit.
    private static func mostTokens(_ facts: GenerationRequest, _ key: CustomerKey) -> Int {
        guard facts.maxTokens == nil else { return key.tier.maxOutputTokens }
        let room = (key.limits.tokenLimit - facts.estimatedPromptTokens) / facts.generated
        return min(key.tier.maxOutputTokens, max(16, room))
    }

    private static func read(_ body: ByteBuffer, endpoint: GenerationEndpoint, loop: GatewayLoop) throws(APIError) -> GenerationRequest {
        let result: Result<GenerationRequest, APIError> = body.withUnsafeReadableBytes { bytes in
            do throws(JSONFault) { try loop.scan.scan(bytes) } catch { return .failure(APIError(error)) }
            do throws(APIError) {
                return .success(try GenerationRequest.read(loop.scan, bytes, endpoint: endpoint, options: loop.optionsScan))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private init(body: consuming ByteBuffer, facts: GenerationRequest, model: ModelRoute, mostTokens: Int, scan: RequestScan, continues: Bool) {
        self.facts = facts
        self.model = model
        affinity = body.withUnsafeReadableBytes { PromptAffinity.read(scan, $0) }
        continuation = continues ? body.withUnsafeReadableBytes { ContinuationPlan(scan, $0, facts) } : nil
        // Without a cap of the client's own, the plan's, but no more than the model's context can still hold.
        let room = max(16, model.entry.contextTokens - facts.promptBytes / 3 - 64)
        outputTokens = facts.maxTokens ?? (model.entry.contextTokens > 0 ? min(mostTokens, room) : mostTokens)
        var bytes = consume body
        restHasMembers = bytes.withUnsafeMutableReadableBytes { buffer in
            BodyEdit.remove(scan.members, from: buffer) { facts.removed.contains($0) }
        }
        bytes.moveReaderIndex(forwardBy: scan.open + 1)
        rest = bytes
        let completion = outputTokens * facts.generated
        bound = bytes.withUnsafeReadableBytes { UsageBound(body: $0, messages: facts.messages, completion: completion) }
    }

    /// The part of the body in front of `rest`, for one worker.
    ///
    /// - Parameters:
    ///   - streams: The worker is asked to stream, whatever the client asked for.
    ///   - delivered: Tokens that the client has already.
    ///   - goesOn: The last message of the chat is the worker's own, to be gone on with.
    func start(
        quotedModel: [UInt8]?, quotedSalt: [UInt8], streams: Bool, delivered: Int = 0, goesOn: Bool = false, using edit: inout BodyEdit
    ) -> ByteBuffer {
        edit.begin()
        edit.insert("model", json: quotedModel ?? model.quotedName)
        edit.insert("cache_salt", json: quotedSalt)
        edit.insert("max_tokens", integer: outputTokens - delivered)
        if goesOn {
            edit.insert("continue_final_message", json: RequestPlan.yes)
            edit.insert("add_generation_prompt", json: RequestPlan.no)
        }
        if streams {
            edit.insert("stream", json: RequestPlan.yes)
            edit.insert("stream_options", json: RequestPlan.includeUsage)
        }
        edit.finish(restHasMembers: restHasMembers)
        return ByteBuffer(bytes: edit.start)
    }
}
