import Domain
import PlimsollWire

@testable import Gateway

/// No bytes in a segment harm its reader: every byte is accounted for, whole records survive damage beside them, and what is read is what was
/// written.
enum SpoolFuzzer: Fuzzer {
    static let name = "spool"

    static func check(_ bytes: [UInt8]) throws {
        try accounts(bytes)
        try reads(bytes)
        try survives(bytes)
        try ends(bytes)
        try unpacks(bytes)
        if let name = SpoolName(String(decoding: bytes, as: UTF8.self)) {
            try hold(SpoolName(name.file) == name, "another segment by its own name")
        }
    }

    /// Steps follow each other without gaps up to the end.
    private static func accounts(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { memory in
            var (scan, at, isOver) = (SpoolScan(memory), 0, false)
            while !isOver {
                switch scan.next() {
                case .record(let payload):
                    try hold(payload.lowerBound == at + SpoolFormat.headerSize, "a gap before a record")
                    at = payload.upperBound
                case .damage(let region), .tail(let region, _):
                    try hold(region.lowerBound == at && !region.isEmpty, "a gap before damage")
                    at = region.upperBound
                case .end: isOver = true
                }
                try hold(scan.position == at, "the scan stands elsewhere")
            }
            try hold(at == bytes.count, "\(bytes.count - at) bytes without account")
        }
        var admissions = OpenAdmissions(SpoolOrigin(gateway: "g", boot: "b"))
        _ = SegmentContents(bytes: bytes).survey { admissions.take($0) }
    }

    /// Of any bytes a tail holds whole records, or none.
    private static func ends(_ bytes: [UInt8]) throws {
        guard let contents = SegmentTail.contents(bytes) else { return }
        try hold(contents.bytes.count <= bytes.count - 16, "a tail of more than its file")
        let survey = SegmentContents(bytes: contents.bytes).survey { _ in }
        try hold(survey.damage.isEmpty && !survey.isTorn, "half a record in a tail")
    }

    /// A payload of any bytes is read or refused; what is read and written anew reads the same.
    private static func reads(_ payload: [UInt8]) throws {
        var admissions = OpenAdmissions(SpoolOrigin(gateway: "g", boot: "b"))
        payload.withUnsafeBytes { admissions.take($0) }
        admissions.beginStream()
        guard let record = payload.withUnsafeBytes({ SpoolRecord($0) }) else { return }
        switch record {
        case .segment(let origin):
            let again = SegmentContents(bytes: origin.record).records
            guard case .segment(let other) = again.first, again.count == 1 else { throw Broken(description: "a segment's head is lost") }
            try hold(other == origin || isClipped(payload), "another head when written anew")
        case .admission(let admission):
            try hold(admissions.open[admission.sequence] == admission, "an admission is not open")
            try written(SpoolFinal(interrupted: admission), payload)
        case .final(let final):
            _ = UsageRecord(final, origin: SpoolOrigin(gateway: "g", boot: "b"))
            if let routing = final.routing { try unpacks(routing) }
            // Ends that recovery writes have neither a target, a price nor times behind it, and with each mark of a batch or of routing what it stands for.
            let isWritten = final.target == nil && final.priceVersion == 0 && final.flags.isDisjoint(with: [.retrieval, .leased])
            let isWhole =
                final.flags.contains(.batch) == (final.batchDeadline != nil) && final.flags.contains(.routed) == (final.routing != nil)
            if isWritten, isWhole { try written(final, payload) }
        }
    }

    /// Any bytes are a trace or none; what is read and packed anew reads the same, and is no larger than it may be.
    private static func unpacks(_ bytes: [UInt8]) throws {
        guard let trace = RoutingTrace(packed: bytes) else { return }
        let packed = trace.packed
        try hold(packed.count <= min(RoutingTrace.largest, bytes.count), "a trace has grown")
        try hold(RoutingTrace(packed: packed) == trace, "another trace when packed anew")
        _ = RoutingAccount(trace, names: [:])
    }

    private static func written(_ final: SpoolFinal, _ payload: [UInt8]) throws {
        let again = SegmentContents(bytes: final.untargetedRecord).records
        guard case .final(let other) = again.first, again.count == 1 else { throw Broken(description: "an end is lost") }
        try hold(other.sequence == final.sequence && other.requestId == final.requestId, "another request when written anew")
        try hold(other == final || isClipped(payload), "another end when written anew")
    }

    /// Bytes that are no UTF-8 become longer when they are read, and may be cut when they are written.
    private static func isClipped(_ payload: [UInt8]) -> Bool {
        String(validating: payload, as: UTF8.self) == nil
    }

    /// Of a segment made of these bytes, one byte of which is changed and whose end is cut off, every record that was not touched is read.
    private static func survives(_ bytes: [UInt8]) throws {
        var steering = Steering(bytes)
        let (place, change, cut) = (steering.byte() << 8 | steering.byte(), UInt8(steering.byte() | 1), steering.byte() % 64)
        var (segment, records) = ([UInt8](), [Range<Int>]())
        for payload in steering.rest.prefix(2048).split(separator: 0xFF, maxSplits: 15) where !payload.isEmpty {
            let record = SpoolEncoding.record(bound: SpoolFormat.headerSize + payload.count) { $0.put(Array(payload)) }
            records.append(segment.count..<segment.count + record.count)
            segment += record
        }
        guard !segment.isEmpty else { return }
        segment.removeLast(min(cut, segment.count))
        records.removeAll { $0.upperBound > segment.count }
        guard !segment.isEmpty else { return }
        let damaged = place % segment.count
        let expected = records.filter { !$0.contains(damaged) }.map { Array(segment[$0].dropFirst(SpoolFormat.headerSize)) }
        let hurt = records.first { $0.contains(damaged) }
        segment[damaged] ^= change
        if let hurt, hides(segment, in: hurt) { return }
        var found: [[UInt8]] = []
        let survey = SegmentContents(bytes: segment).survey { found.append(Array($0)) }
        try hold(isSubsequence(expected, of: found), "a record that was whole is lost")
        try hold(survey.isTorn || !survey.damage.isEmpty, "damage was not noticed")
    }

    /// Whether the bytes of a damaged record hold a sound record that runs over its end: of two that lie over each other only one can be read.
    /// No text that a gateway writes is of that form.
    private static func hides(_ segment: [UInt8], in damaged: Range<Int>) -> Bool {
        segment.withUnsafeBytes { memory in
            damaged.contains { offset in
                var scan = SpoolScan(memory, from: offset)
                guard case .record(let payload) = scan.next() else { return false }
                return payload.upperBound > damaged.upperBound
            }
        }
    }

    /// Bytes of a payload may look like a record of their own once the record around them is damaged.
    private static func isSubsequence(_ records: [[UInt8]], of found: [[UInt8]]) -> Bool {
        var rest = records[...]
        for record in found where record == rest.first { rest.removeFirst() }
        return rest.isEmpty
    }
}
