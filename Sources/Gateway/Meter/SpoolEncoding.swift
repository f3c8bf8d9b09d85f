import Domain

/// Puts records into memory.
enum SpoolEncoding {
    static let admissionBound = SpoolFormat.bound(1 + 8 + 16 + 8 + 1 + 8)
    static let finalBound = SpoolFormat.bound(1 + 8 + 16 + 8 + 1 + SpoolNumbers.size + 32, 3 * 256)

    static func record(bound: Int, _ write: (inout FieldWriter) -> Void) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            count = seal(UnsafeMutableRawBufferPointer(buffer), write)
        }
    }

    static func seal(_ memory: UnsafeMutableRawBufferPointer, _ write: (inout FieldWriter) -> Void) -> Int {
        var writer = FieldWriter(UnsafeMutableRawBufferPointer(rebasing: memory[SpoolFormat.headerSize...]))
        write(&writer)
        SpoolFormat.seal(memory, payload: writer.position)
        return SpoolFormat.headerSize + writer.position
    }
}

extension SpoolNumbers {
    init(_ completion: Completion) {
        let evidence = completion.evidence
        let billable = completion.billable
        firstTokenAfter = evidence.firstTokenAfter ?? -1
        finishedAfter = evidence.finishedAfter
        queuedFor = completion.queuedFor
        status = Int32(clamping: evidence.status)
        attempts = Int32(clamping: completion.attempts)
        promptTokens = Int32(clamping: evidence.promptTokens)
        cachedPromptTokens = Int32(clamping: completion.cachedPromptTokens)
        completionTokens = Int32(clamping: evidence.completionTokens)
        reasoningTokens = Int32(clamping: completion.reasoningTokens)
        billablePromptTokens = Int32(clamping: billable.prompt)
        billableCompletionTokens = Int32(clamping: billable.completion)
    }
}
