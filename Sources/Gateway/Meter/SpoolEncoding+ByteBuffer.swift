import Domain
import NIOCore

/// Records go behind each other into the buffer of one turn.
extension SpoolEncoding {
    static func append(bound: Int, to buffer: inout ByteBuffer, _ write: (inout FieldWriter) -> Void) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { seal($0, write) }
    }

    static func append(_ admission: Admission, sequence: Int64, _ kept: KeptTrace? = nil, to buffer: inout ByteBuffer) {
        append(bound: admissionBound + admission.subject.encoded.count + bound(kept), to: &buffer) { writer in
            writer.put(SpoolFormat.Kind.admission.rawValue)
            writer.put(sequence)
            writer.put(admission.requestId.high)
            writer.put(admission.requestId.low)
            writer.put(admission.acceptedAt)
            writer.put(SpoolAdmission.Flags(admission, isRouted: kept != nil).rawValue)
            writer.put(admission.subject.encoded)
            if let deadline = admission.batchDeadline { writer.put(deadline) }
            if let kept { writer.put(blockBy: { kept.trace.pack(into: $0) }) }
        }
    }

    private static func bound(_ kept: KeptTrace?) -> Int { kept == nil ? 0 : 2 + RoutingTrace.largest }

    static func append(_ completion: Completion, outcome: Outcome, _ kept: KeptTrace? = nil, to buffer: inout ByteBuffer) {
        let subject = completion.admission.subject.encoded
        let target = completion.target?.encoded ?? []
        append(bound: finalBound + subject.count + target.count + bound(kept), to: &buffer) { writer in
            writer.put(SpoolFormat.Kind.final.rawValue)
            writer.put(completion.sequence)
            writer.put(completion.admission.requestId.high)
            writer.put(completion.admission.requestId.low)
            writer.put(completion.admission.acceptedAt)
            writer.put(flags(completion, isRouted: kept != nil).rawValue)
            SpoolNumbers(completion).write(to: &writer)
            writer.put(text: outcome.rawValue)
            writer.put(text: completion.finishReason ?? "")
            writer.put(text: completion.errorCode ?? "")
            writer.put(subject)
            writer.put(target)
            if let deadline = completion.admission.batchDeadline { writer.put(deadline) }
            writer.put(completion.priceVersion)
            if let retrieval = completion.retrieval { writer.put(retrieval) }
            if completion.leasedFor > 0 { writer.put(completion.leasedFor) }
            if let kept { writer.put(blockBy: { kept.trace.pack(into: $0) }) }
        }
    }

    private static func flags(_ completion: Completion, isRouted: Bool) -> SpoolFinal.Flags {
        var flags: SpoolFinal.Flags = isRouted ? .routed : []
        if completion.admission.stream { flags.insert(.stream) }
        if completion.estimated { flags.insert(.estimated) }
        if completion.isContinued { flags.insert(.continued) }
        if completion.target != nil { flags.insert(.hasTarget) }
        if completion.retrieval != nil { flags.insert(.retrieval) }
        if completion.leasedFor > 0 { flags.insert(.leased) }
        if completion.admission.batchDeadline != nil { flags.insert(.batch) }
        return flags
    }
}
