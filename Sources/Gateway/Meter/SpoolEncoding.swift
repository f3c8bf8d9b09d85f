import Domain
import NIOCore

/// Puts records into buffers.
enum SpoolEncoding {
    static let admissionBound = SpoolFormat.bound(1 + 8 + 16 + 8 + 1)
    static let finalBound = SpoolFormat.bound(1 + 8 + 16 + 8 + 1 + SpoolNumbers.size, 3 * 256)

    static func record(bound: Int, _ write: (inout FieldWriter) -> Void) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            count = seal(UnsafeMutableRawBufferPointer(buffer), write)
        }
    }

    static func append(bound: Int, to buffer: inout ByteBuffer, _ write: (inout FieldWriter) -> Void) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { seal($0, write) }
    }

    private static func seal(_ memory: UnsafeMutableRawBufferPointer, _ write: (inout FieldWriter) -> Void) -> Int {
        var writer = FieldWriter(UnsafeMutableRawBufferPointer(rebasing: memory[SpoolFormat.headerSize...]))
        write(&writer)
        SpoolFormat.seal(memory, payload: writer.position)
        return SpoolFormat.headerSize + writer.position
    }

    static func append(_ admission: Admission, sequence: Int64, to buffer: inout ByteBuffer) {
        append(bound: admissionBound + admission.subject.encoded.count, to: &buffer) { writer in
            writer.put(SpoolFormat.Kind.admission.rawValue)
            writer.put(sequence)
            writer.put(admission.requestId.high)
            writer.put(admission.requestId.low)
            writer.put(admission.acceptedAt)
            writer.put(UInt8(admission.stream ? 1 : 0))
            writer.put(admission.subject.encoded)
        }
    }

    static func append(_ completion: Completion, outcome: Outcome, to buffer: inout ByteBuffer) {
        let subject = completion.admission.subject.encoded
        let target = completion.target?.encoded ?? []
        append(bound: finalBound + subject.count + target.count, to: &buffer) { writer in
            writer.put(SpoolFormat.Kind.final.rawValue)
            writer.put(completion.sequence)
            writer.put(completion.admission.requestId.high)
            writer.put(completion.admission.requestId.low)
            writer.put(completion.admission.acceptedAt)
            writer.put(flags(completion).rawValue)
            SpoolNumbers(completion).write(to: &writer)
            writer.put(text: outcome.rawValue)
            writer.put(text: completion.finishReason ?? "")
            writer.put(text: completion.errorCode ?? "")
            writer.put(subject)
            writer.put(target)
        }
    }

    private static func flags(_ completion: Completion) -> SpoolFinal.Flags {
        var flags: SpoolFinal.Flags = []
        if completion.admission.stream { flags.insert(.stream) }
        if completion.estimated { flags.insert(.estimated) }
        if completion.target != nil { flags.insert(.hasTarget) }
        return flags
    }
}

extension SpoolNumbers {
    init(_ completion: Completion) {
        let evidence = completion.evidence
        let billable = BillableTokens(evidence)
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
