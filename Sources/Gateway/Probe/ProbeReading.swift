import HTTPWire

/// What a worker's answer to a question of the gateway's own says.
struct ProbeReading: Sendable, Equatable {
    /// Bytes of an answer that is believed at all.
    static let mostBytes = 64 * 1024

    private(set) var isWellFormed = false
    private(set) var promptTokens = 0
    private(set) var completionTokens = 0

    /// - Parameter bytes: The whole body.
    init(_ bytes: [UInt8], to question: ProbeQuestion) {
        switch question {
        case .anything: readWhole(bytes) { $0.error == nil }
        case .embedding: readWhole(bytes) { $0.error == nil && $0.hasData }
        case .known(_, let answer): readStream(bytes, expecting: answer)
        }
    }

    /// A token has come.
    static func hasContent(_ bytes: [UInt8]) -> Bool {
        var found = false
        walk(bytes) { payload in
            if case .data(let range) = payload.kind, let answer = AnswerScan.scan(payload.slice(range)) { found = found || answer.hasContent }
        }
        return found
    }

    private mutating func readWhole(_ bytes: [UInt8], _ isGood: (AnswerScan) -> Bool) {
        guard let answer = bytes.withUnsafeBytes({ AnswerScan.scan($0) }) else { return }
        isWellFormed = isGood(answer)
        note(answer.usage)
    }

    /// Whole: every event is one, there is text, the answer says why it ended, and it is not that the runtime gave up.
    private mutating func readStream(_ bytes: [UInt8], expecting words: String?) {
        var (isBroken, contents, finish) = (false, 0, nil as String?)
        let walked = Self.walk(bytes) { payload in
            switch payload.kind {
            case .comment, .done: break
            case .other, .error: isBroken = true
            case .data(let range):
                let text = payload.slice(range)
                guard let answer = AnswerScan.scan(text), answer.error == nil else {
                    isBroken = true
                    return
                }
                if answer.hasContent { contents += 1 }
                if let reason = answer.finishReason { finish = FinishReason.known(text, reason) }
                note(answer.usage)
            }
        }
        if completionTokens == 0 { completionTokens = contents }
        let says = words.map { AnswerText(bytes).text.lowercased().contains($0) } ?? true
        isWellFormed = !isBroken && walked == bytes.count && contents > 0 && finish != nil && says
    }

    private mutating func note(_ usage: ReportedUsage?) {
        promptTokens = max(promptTokens, usage?.promptTokens ?? 0)
        completionTokens = max(completionTokens, usage?.completionTokens ?? 0)
    }

    private struct Payload {
        let kind: EventPayload
        let event: UnsafeRawBufferPointer

        func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: event[range]) }
    }

    /// Calls `body` for each whole event; returns the bytes that they take.
    @discardableResult
    private static func walk(_ bytes: [UInt8], _ body: (Payload) -> Void) -> Int {
        bytes.withUnsafeBytes { all in
            var (scanner, at) = (EventScanner(), 0)
            while at < all.count, let length = scanner.next(UnsafeRawBufferPointer(rebasing: all[at...])) {
                let event = UnsafeRawBufferPointer(rebasing: all[at..<at + length])
                body(Payload(kind: EventPayload.read(event), event: event))
                at += length
            }
            return at
        }
    }
}
