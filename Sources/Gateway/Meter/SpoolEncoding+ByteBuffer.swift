import Domain
import NIOCore

/// Records go behind each other into the buffer of one turn.
extension SpoolEncoding {
    static func append(bound: Int, to buffer: inout ByteBuffer, _ write: (inout FieldWriter) -> Void) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { seal($0, write) }
    }

    /// - Parameter kept: Told where the request has been placed.
    static func append(_ admission: Admission, sequence: Int64, _ kept: KeptTrace? = nil, to buffer: inout ByteBuffer) {
        let isRouted = kept?.trace.isPlaced ?? false
        append(bound: admissionBound + admission.subject.encoded.count + bound(isRouted), to: &buffer) { writer in
            writer.put(SpoolFormat.Kind.admission.rawValue)
            writer.put(sequence)
            writer.put(admission.requestId.high)
            writer.put(admission.requestId.low)
            writer.put(admission.acceptedAt)
            writer.put(SpoolAdmission.Flags(admission, isRouted: isRouted).rawValue)
            writer.put(admission.subject)
            if let deadline = admission.batchDeadline { writer.put(deadline) }
            if isRouted { kept?.write(to: &writer) }
        }
    }

    private static func bound(_ isRouted: Bool) -> Int { isRouted ? 2 + RoutingTrace.largest : 0 }

    static func append(_ completion: Completion, outcome: Outcome, _ kept: KeptTrace? = nil, to buffer: inout ByteBuffer) {
        let texts = completion.admission.subject.encoded.count + (completion.target?.encoded.count ?? 0)
        append(bound: finalBound + texts + bound(kept != nil), to: &buffer) { writer in
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
            writer.put(completion.admission.subject)
            if let target = completion.target { writer.put(target) }
            if let deadline = completion.admission.batchDeadline { writer.put(deadline) }
            writer.put(completion.priceVersion)
            if let retrieval = completion.retrieval { writer.put(retrieval) }
            if completion.leasedFor > 0 { writer.put(completion.leasedFor) }
            kept?.write(to: &writer)
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

extension KeptTrace {
    fileprivate func write(to writer: inout FieldWriter) {
        writer.put(blockBy: { trace.pack(into: $0) })
    }
}

extension FieldWriter {
    fileprivate mutating func put(_ subject: UsageSubject) { put(subject.encoded) }

    fileprivate mutating func put(_ target: UsageTarget) { put(target.encoded) }
}
