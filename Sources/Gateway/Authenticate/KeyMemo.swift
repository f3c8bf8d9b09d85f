/// Good keys that were presented lately, so that a busy one is not hashed for every request. One for each loop, forgotten with each table.
///
/// It holds keys as customers sent them, as the connections' buffers do anyway, and never one that was refused. How long a comparison takes
/// tells nothing of where two keys differ.
struct KeyMemo<Value> {
    private struct Slot {
        var text: [UInt8]
        var value: Value
    }

    /// A power of two.
    private static var size: Int { 64 }
    private var slots = [Slot?](repeating: nil, count: KeyMemo.size)
    /// So that nobody can choose keys that meet in one slot.
    private let seed = UInt64.random(in: .min ... .max) | 1

    mutating func forget() {
        for index in slots.indices { slots[index] = nil }
    }

    func value(_ text: UnsafeRawBufferPointer) -> Value? {
        guard let slot = slots[place(text)], KeyMemo.areEqual(slot.text, text) else { return nil }
        return slot.value
    }

    mutating func remember(_ text: UnsafeRawBufferPointer, _ value: Value) {
        slots[place(text)] = Slot(text: Array(text), value: value)
    }

    private func place(_ text: UnsafeRawBufferPointer) -> Int {
        var state = seed &+ UInt64(truncatingIfNeeded: text.count)
        var at = 0
        while at &+ 8 <= text.count {
            state = mixed(state ^ text.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            at &+= 8
        }
        while at < text.count {
            state = mixed(state ^ UInt64(text[at]))
            at &+= 1
        }
        return Int(truncatingIfNeeded: state >> 32) & (KeyMemo.size - 1)
    }

    @inline(__always)
    private func mixed(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: seed)
        return product.high ^ product.low
    }

    private static func areEqual(_ one: [UInt8], _ other: UnsafeRawBufferPointer) -> Bool {
        guard one.count == other.count else { return false }
        return one.withUnsafeBytes { one in
            var difference: UInt64 = 0
            var at = 0
            while at &+ 8 <= one.count {
                difference |= one.loadUnaligned(fromByteOffset: at, as: UInt64.self) ^ other.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                at &+= 8
            }
            while at < one.count {
                difference |= UInt64(one[at] ^ other[at])
                at &+= 1
            }
            return difference == 0
        }
    }
}
