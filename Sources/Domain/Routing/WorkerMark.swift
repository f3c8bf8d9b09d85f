/// A worker's id in eight bytes: the first half of a UUID, or a hash of an id that is none. Numbers of workers are good within one process only; this
/// one is understood after it.
package struct WorkerMark: Sendable, Hashable, CustomStringConvertible {
    package let value: UInt64

    package init(_ value: UInt64) {
        self.value = value
    }

    package init(of id: String) {
        // The 64-bit form of FNV-1a (RFC 9923).
        value = RequestId(id)?.high ?? id.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    /// As a UUID begins: 18 lower-case characters.
    package var description: String { String(RequestId(high: value, low: 0).description.prefix(18)) }
}
