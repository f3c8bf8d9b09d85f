/// The admissions of one boot without an end, as its segments are gone through. Memory grows with what is open, not with what was read.
struct OpenAdmissions {
    private(set) var open: [Int64: SpoolAdmission] = [:]
    private(set) var origin: SpoolOrigin
    /// Ends that were read.
    private(set) var finals = 0
    /// An end came before its admission, or an admission came again: after a failed sync the same records stand in two segments, and either
    /// may be cut. Then the ends must be looked at once more.
    private(set) var isDisordered = false
    private var newest: Int64 = 0

    init(_ origin: SpoolOrigin) {
        self.origin = origin
    }

    /// Sequences rise within a stream only.
    mutating func beginStream() {
        newest = 0
    }

    mutating func take(_ payload: UnsafeRawBufferPointer) {
        guard let (kind, sequence) = Self.peek(payload) else { return }
        switch kind {
        case .segment:
            guard case .segment(let found) = SpoolRecord(payload) else { return }
            origin = SpoolOrigin(gateway: found.gateway, boot: found.boot)
        case .admission:
            guard case .admission(let admission) = SpoolRecord(payload) else { return }
            if sequence <= newest { isDisordered = true }
            newest = max(newest, sequence)
            open[sequence] = admission
        case .final:
            finals += 1
            if open.removeValue(forKey: sequence) == nil { isDisordered = true }
        }
    }

    /// The second look, at ends only.
    mutating func takeEnd(_ payload: UnsafeRawBufferPointer) {
        guard let (kind, sequence) = Self.peek(payload), kind == .final else { return }
        open[sequence] = nil
    }

    /// What to close, in order.
    var interrupted: [SpoolFinal] {
        open.values.sorted { $0.sequence < $1.sequence }.map(SpoolFinal.init(interrupted:))
    }

    /// Admissions and ends have their sequence at the same place; most need no more than it.
    private static func peek(_ payload: UnsafeRawBufferPointer) -> (SpoolFormat.Kind, Int64)? {
        var reader = FieldReader(payload)
        guard let kind = reader.take(UInt8.self).flatMap(SpoolFormat.Kind.init(rawValue:)) else { return nil }
        if kind == .segment { return (kind, 0) }
        return reader.take(Int64.self).map { (kind, $0) }
    }
}
