package import HTTPWire

/// What policy must know of a request for generated text. Everything else passes through as the client wrote it.
package final class GenerationRequest {
    /// Answers to one prompt that may be asked for.
    package static let mostAnswers = 16
    /// Prompts of one request, and answers to all of them together.
    package static let mostPrompts = 128
    /// Texts of one request for embeddings.
    package static let mostInputs = 2048

    /// Tokens that a picture or sound is taken for, whatever its size: runtimes make some hundred to two thousand of one.
    package static let pictureTokens = 1_500
    /// The same of a film.
    package static let filmTokens = 16_000
    /// Of `chat_template_kwargs` that are taken for switches, not for text.
    static let switchBytes = 256

    package internal(set) var model = ""
    package internal(set) var stream = false
    /// The client asked for usage in its stream.
    package internal(set) var includesUsage = false
    /// Answers to all prompts together.
    package internal(set) var answers = 1
    /// `best_of` and `n`, whichever is greater, for all prompts together: how many answers the runtime works on. 0 for embeddings.
    package internal(set) var generated = 1
    /// What the client set, the smaller one where it used both names; that one is sent on as `max_tokens`.
    package internal(set) var maxTokens: Int?
    /// The greater one where the client used both names.
    package internal(set) var greatestMaxTokens: Int?
    /// Name of the member that set `greatestMaxTokens`, for errors.
    package internal(set) var maxTokensParam = "max_tokens"
    /// Bytes of `messages`, `prompt` or `input`.
    package internal(set) var promptBytes = 0
    /// Bytes of what a chat's template puts into the prompt beside the messages: tools, functions, documents, a format of the answer.
    package internal(set) var templateBytes = 0
    /// Pictures, sounds and films of the messages, whose bytes are among `promptBytes`.
    package internal(set) var media = MediaParts()
    /// Messages of a chat request.
    package internal(set) var messages = 0
    /// Prompts of a completions request, or texts of one for embeddings.
    package internal(set) var prompts = 1
    /// Tokens that the prompt names by number.
    package internal(set) var promptNumbers = 0
    /// Of the longest of several prompts; nil: there is only one.
    package internal(set) var longestPrompt: PromptSize?
    package internal(set) var promptParam = "messages"
    /// The prompt comes again in front of each answer, and what is told of its tokens.
    package internal(set) var echoes = false
    /// The client would rather pay less than be answered soon (`service_tier`).
    package internal(set) var isBatch = false
    /// The client named a service tier and is told which one it got.
    package internal(set) var namesServiceTier = false
    /// What OpenAI calls the one that it gets.
    package var servedTier: StaticString { isBatch ? "flex" : "default" }
    /// Positions in `RequestScan.members` of what is taken out in any case.
    package internal(set) var removed = MemberPlaces()
    /// Places in the body, within members that stay, of what is taken out in any case: they are overwritten with spaces.
    package internal(set) var blanked: [Range<Int>] = []

    /// Tokens of the prompt by its bytes: four to a token, which is a little above what real text needs; never fewer than it names by number.
    /// Tools and what else becomes a part of it count as text does; pictures, sounds and films count flat.
    package private(set) var estimatedPromptTokens = 0

    init(_ endpoint: GenerationEndpoint) {
        promptParam = endpoint.promptParam
    }

    /// All of it has been read.
    func estimate() {
        estimatedPromptTokens = max(textBytes / 4 + 1 + mediaTokens, promptNumbers)
    }

    /// The same of the longest of its prompts.
    package var longestPromptTokens: Int { longestPrompt.map { max($0.bytes / 4 + 1, $0.numbers) } ?? estimatedPromptTokens }

    /// What is billed of it where nobody has counted it, because the client left before: six bytes to a token, which is below what real text needs.
    package var modestPromptTokens: Int { max(textBytes / 6, promptNumbers) }

    /// The same with room to spare: three bytes to a token.
    package var generousPromptTokens: Int { textBytes / 3 + mediaTokens }

    private var textBytes: Int { promptBytes - media.bytes + templateBytes }

    /// What its pictures, sounds and films are taken for.
    package var mediaTokens: Int { media.pictures * Self.pictureTokens + media.films * Self.filmTokens }

    /// The fewest tokens that the longest of the prompts can have, to refuse only what surely fits nowhere. Words that are written as `\uXXXX`
    /// take up to 18 bytes a token in tokenizers made for them, plain text about 5: 32 leaves room. Of what a template may leave out, and of pictures, nothing is sure.
    package var leastPromptTokens: Int { max((promptBytes - media.bytes) / 32, promptNumbers) / prompts }

    /// Checks what `scan` found in `bytes`.
    ///
    /// - Parameter options: Storage for looking into `stream_options`.
    package static func read(
        _ scan: RequestScan, _ bytes: UnsafeRawBufferPointer, endpoint: GenerationEndpoint, options: RequestScan
    ) throws(APIError) -> GenerationRequest {
        var reader = GenerationReader(bytes: bytes, endpoint: endpoint, scan: scan)
        for index in scan.members.indices {
            let member = scan.members[index]
            guard let field = RequestField.of(member, in: bytes) else { continue }
            try reader.take(field, member, at: index, options: options)
        }
        return try reader.finish()
    }
}
