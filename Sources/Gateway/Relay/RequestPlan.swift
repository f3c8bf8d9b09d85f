import Domain
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
    /// Whose workers answer.
    let model: ModelRoute
    /// What the customer asked for; a mitigation may let another one answer.
    let asked: ModelRoute
    /// A mitigation makes the answer shorter than it could have been.
    let isCapped: Bool
    let endpoint: GenerationEndpoint
    /// What the answer repeats of a request to `/v1/responses`.
    let echo: ResponsesEcho?
    /// The beginning of the answer, which a request to `/v1/messages` gave.
    let beginning: String?
    /// Output tokens of one answer.
    let outputTokens: Int
    /// The client's bytes behind the opening brace, without the members that policy owns.
    let rest: ByteBuffer
    /// Keeps what the answer says, where it is to be scored; nil: it is not.
    let sample: AnswerSample?
    /// The most that it can have cost.
    let bound: UsageBound
    private let restHasMembers: Bool
    private static let yes = Array("true".utf8)
    private static let no = Array("false".utf8)
    private static let includeUsage = Array(#"{"include_usage":true}"#.utf8)
    private static let includeRunningUsage = Array(#"{"include_usage":true,"continuous_usage_stats":true}"#.utf8)

    /// Tokens that are reserved: the estimated prompt and the longest answer, as often as it is generated.
    var reservedTokens: Int { endpoint == .countTokens ? 0 : facts.estimatedPromptTokens + outputTokens * facts.generated }

    /// Tokens of a worker's KV cache that it is likely to hold at once. Texts for embeddings are worked on as they fit in, and a prompt that is counted is not
    /// worked on at all.
    var cacheTokens: Int {
        switch endpoint {
        case .countTokens: 0
        case .embeddings: facts.longestPromptTokens
        default: facts.estimatedPromptTokens + min(outputTokens, PlaceNeed.usualOutput) * facts.generated
        }
    }

    /// llama.cpp's server reports the tokens of one answer when it was asked for several: only its stream tells the truth.
    func mustAggregate(at worker: Worker) -> Bool {
        !facts.stream && facts.generated > 1 && worker.entry.dialect == .llamacpp
    }

    /// Whether a worker that holds to the request may answer with so many bytes. Vectors are as many and as long as the model has them.
    func mayTake(answerBytes: Int) -> Bool { !endpoint.generates || outputTokens * facts.generated >= answerBytes / AnswerStream.tokenBytes }

    /// Tokens that one prompt, of several the average one, is likely to take of a worker's context.
    var likelyContextTokens: Int { facts.estimatedPromptTokens / facts.prompts }

    /// - Parameter body: Edited where it lies when nobody else holds it, else copied once.
    static func make(_ body: consuming ByteBuffer, arriving: ArrivingRequest, loop: GatewayLoop) throws(APIError) -> RequestPlan {
        var body = consume body
        let words = try BodyWords.reword(&body, arriving.endpoint, within: loop.settings.json)
        let facts = try BodyReading.read(body, endpoint: arriving.endpoint, scan: loop.scan, options: loop.optionsScan)
        return try make(consume body, facts, words, scan: loop.scan, arriving: arriving, loop: loop)
    }

    /// Of a body that has been read already: `facts`, `words` and `scan` are what was found in it.
    static func make(
        _ body: consuming ByteBuffer, _ facts: consuming GenerationRequest, _ words: BodyWords, scan: RequestScan, arriving: ArrivingRequest,
        loop: GatewayLoop
    ) throws(APIError) -> RequestPlan {
        let endpoint = arriving.endpoint
        try checkLinks(facts, follows: loop.settings.followsLinks)
        guard let asked = loop.directory.model(facts.model), arriving.key.mayUse(asked) else {
            throw APIError(.modelNotFound, param: "model")
        }
        try asked.checkServes(endpoint)
        let relief = arriving.key.relief
        let model = relief.flatMap { standIn(for: asked, facts, arriving.key, $0, loop) } ?? asked
        let tier = arriving.key.tier
        if facts.estimatedPromptTokens > tier.maxPromptTokens {
            loop.meter.refuse(loop.subject(arriving.key, asked), outcome: .overLimit, acceptedAt: arriving.acceptedAt)
            throw arriving.key.promptTooLong(facts.promptParam)
        }
        if let asked = facts.greatestMaxTokens, asked > tier.maxOutputTokens { throw arriving.key.tooManyTokensAsked(facts.maxTokensParam) }
        return RequestPlan(
            body: consume body, facts: facts, model: model, asked: asked, cap: relief?.outputCap(asked.entry.name), endpoint: endpoint,
            words: words, mostTokens: mostTokens(facts, arriving.key), scan: scan, continues: tier.continuesStreams == true,
            session: arriving.session,
            scores: loop.sampler(arriving.key, asked, endpoint))
    }

    /// A runtime would fetch what a link leads to from within its host's network, and tell whoever serves it where that host is.
    private static func checkLinks(_ facts: GenerationRequest, follows: Bool) throws(APIError) {
        guard facts.media.places > 0 || facts.media.links > 0 && !follows else { return }
        let sent = follows ? "a 'data:' or 'https:' URL" : "a 'data:' URL"
        throw APIError(.unsupportedParameter, message: "Pictures and sounds must be sent in the request, as \(sent).", param: facts.promptParam)
    }

    /// What answers in a model's place; nil: nothing, or nothing that could.
    private static func standIn(
        for asked: ModelRoute, _ facts: GenerationRequest, _ key: CustomerKey, _ relief: TierRelief, _ loop: GatewayLoop
    ) -> ModelRoute? {
        guard let name = relief.fallback(for: asked.entry.name), let other = loop.directory.model(name),
            other.isServed(under: key.rules), other.tiers.isEmpty || other.tiers.contains(key.tier.name), other.entry.kind == asked.entry.kind,
            other.entry.contextTokens >= facts.estimatedPromptTokens / facts.prompts
        else { return nil }
        return other
    }

    /// Of one answer whose client set no cap: the plan's, but no more than the tokens a minute have room for, else such requests would be refused for
    /// ever where that limit is a small one.
    private static func mostTokens(_ facts: GenerationRequest, _ key: CustomerKey) -> Int {
        guard facts.maxTokens == nil, facts.generated > 0 else { return key.tier.maxOutputTokens }
        let room = (key.limits.tokenLimit - facts.estimatedPromptTokens) / facts.generated
        return min(key.tier.maxOutputTokens, max(16, room))
    }

    private init(
        body: consuming ByteBuffer, facts: GenerationRequest, model: ModelRoute, asked: ModelRoute, cap: Int?, endpoint: GenerationEndpoint,
        words: BodyWords, mostTokens: Int, scan: RequestScan, continues: Bool, session: UInt64,
        scores: ScoreDesk?
    ) {
        self.facts = facts
        self.model = model
        self.asked = asked
        self.endpoint = endpoint
        echo = words.echo
        beginning = words.beginning
        affinity = body.withUnsafeReadableBytes { PromptAffinity.read(scan, $0, session: session) }
        continuation = continues ? body.withUnsafeReadableBytes { ContinuationPlan(scan, $0, facts) } : nil
        // Without a cap of the client's own, the plan's, but no more than the model's context can still hold.
        let room = max(16, model.entry.contextTokens - facts.generousPromptTokens - 64)
        let most = facts.maxTokens ?? (model.entry.contextTokens > 0 ? min(mostTokens, room) : mostTokens)
        isCapped = endpoint.generates && cap.map { $0 < most } ?? false
        outputTokens = endpoint.generates ? min(most, cap ?? most) : 0
        if let scores {
            var form = body.withUnsafeReadableBytes { AnswerAsked(scan, $0) }
            form.length = isCapped ? false : facts.maxTokens != nil
            sample = AnswerSample(form, desk: scores)
        } else {
            sample = nil
        }
        var bytes = consume body
        restHasMembers = bytes.withUnsafeMutableReadableBytes { buffer in
            for place in facts.blanked { BodyEdit.blank(place, in: buffer) }
            return BodyEdit.remove(scan.members, from: buffer) { facts.removed.contains($0) }
        }
        bytes.moveReaderIndex(forwardBy: scan.open + 1)
        let completion = outputTokens * facts.generated
        bound = bytes.withUnsafeReadableBytes {
            UsageBound(body: $0, messages: facts.messages, media: facts.mediaTokens, completion: completion)
        }
        rest = consume bytes
    }

    /// The part of the body in front of `rest`, for one worker.
    ///
    /// - Parameters:
    ///   - streams: The worker is asked to stream, whatever the client asked for. Where the stream may have to go on elsewhere it is to say in each event how
    ///     many tokens it has made: an event may hold several.
    ///   - delivered: Tokens that the client has already.
    ///   - goesOn: The last message of the chat is the worker's own, to be gone on with.
    func start(
        at worker: Worker, for key: CustomerKey, streams: Bool, delivered: Int, goesOn: Bool, using edit: inout BodyEdit
    ) -> [UInt8] {
        let counts = continuation == nil ? nil : worker.entry.dialect
        edit.begin()
        edit.insert("model", json: worker.quotedServedModel ?? model.quotedName)
        if endpoint != .countTokens { edit.insert("cache_salt", json: key.quotedSalt) }
        if endpoint.generates { edit.insert("max_tokens", integer: outputTokens - delivered) }
        if goesOn {
            edit.insert("continue_final_message", json: RequestPlan.yes)
            edit.insert("add_generation_prompt", json: RequestPlan.no)
        }
        if streams {
            edit.insert("stream", json: RequestPlan.yes)
            edit.insert("stream_options", json: counts == .vllm ? RequestPlan.includeRunningUsage : RequestPlan.includeUsage)
            if counts == .llamacpp { edit.insert("timings_per_token", json: RequestPlan.yes) }
        }
        edit.finish(restHasMembers: restHasMembers)
        return edit.start
    }
}
