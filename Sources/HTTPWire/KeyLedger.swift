/// The keys of all objects that are open, innermost last, so that a duplicate is found at any level.
///
/// Small objects are compared key by key; a large one gets a table of its own. Hashes are seeded for each process, so that nobody can
/// prepare keys that meet in one place.
struct KeyLedger {
    private struct Key {
        var hash: UInt64
        var start: Int32
        var length: Int32
        var hasEscapes: Bool
    }

    private static let seed = UInt64.random(in: .min ... .max) | 1
    /// Above this many keys an object gets a table.
    private static let few = 24

    private var keys: [Key] = []
    /// Table of the innermost large object: position of a key plus one, or 0.
    private var table: [UInt32] = []
    private var tableOwner = -1
    /// Keys since `reset`, closed objects included.
    private(set) var total = 0

    var count: Int { keys.count }

    mutating func reset() {
        keys.removeAll(keepingCapacity: true)
        tableOwner = -1
        total = 0
    }

    /// An object is closed: its keys may come again.
    mutating func forget(from first: Int) {
        while keys.count > first { keys.removeLast() }
        if tableOwner == first { tableOwner = -1 }
    }

    /// False when the object whose keys begin at `first` has this key already.
    @inline(__always)
    mutating func insert(_ name: Range<Int>, hasEscapes: Bool, of text: JSONText, from first: Int) -> Bool {
        let key = Key(
            hash: hasEscapes ? KeyLedger.hash(text.decodedString(name)) : KeyLedger.hash(text.base + name.lowerBound, name.count),
            start: Int32(truncatingIfNeeded: name.lowerBound), length: Int32(truncatingIfNeeded: name.count), hasEscapes: hasEscapes)
        total &+= 1
        if keys.count &- first > KeyLedger.few { return insertLarge(key, of: text, from: first) }
        var at = first
        while at < keys.count {
            if keys[at].hash == key.hash, same(keys[at], key, text) { return duplicate(key) }
            at &+= 1
        }
        keys.append(key)
        return true
    }

    private mutating func insertLarge(_ key: Key, of text: JSONText, from first: Int) -> Bool {
        if tableOwner != first || (keys.count - first) * 2 >= table.count { rebuild(from: first) }
        let mask = table.count - 1
        var slot = Int(truncatingIfNeeded: key.hash >> 16) & mask
        while table[slot] != 0 {
            let other = keys[Int(table[slot]) - 1]
            if other.hash == key.hash, same(other, key, text) { return duplicate(key) }
            slot = (slot + 1) & mask
        }
        keys.append(key)
        table[slot] = UInt32(keys.count)
        return true
    }

    /// Kept as the last one, so that the fault can name it.
    private mutating func duplicate(_ key: Key) -> Bool {
        keys.append(key)
        return false
    }

    private mutating func rebuild(from first: Int) {
        var size = 128
        while size < (keys.count - first) * 4 { size *= 2 }
        table = [UInt32](repeating: 0, count: size)
        tableOwner = first
        for position in first..<keys.count {
            var slot = Int(truncatingIfNeeded: keys[position].hash >> 16) & (size - 1)
            while table[slot] != 0 { slot = (slot + 1) & (size - 1) }
            table[slot] = UInt32(position + 1)
        }
    }

    private func same(_ one: Key, _ other: Key, _ text: JSONText) -> Bool {
        if !one.hasEscapes, !other.hasEscapes {
            guard one.length == other.length else { return false }
            let left = UnsafeBufferPointer(start: text.base + Int(one.start), count: Int(one.length))
            return left.elementsEqual(UnsafeBufferPointer(start: text.base + Int(other.start), count: Int(other.length)))
        }
        return decoded(one, text) == decoded(other, text)
    }

    private func decoded(_ key: Key, _ text: JSONText) -> [UInt8] {
        text.decodedString(Int(key.start)..<Int(key.start) + Int(key.length))
    }

    private static func hash(_ bytes: [UInt8]) -> UInt64 {
        bytes.withUnsafeBufferPointer { buffer in buffer.baseAddress.map { hash($0, buffer.count) } ?? seed }
    }

    private static func hash(_ start: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
        let raw = UnsafeRawPointer(start)
        var state = seed &+ UInt64(truncatingIfNeeded: count)
        var at = 0
        while at &+ 8 <= count {
            state = mix(state ^ raw.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            at &+= 8
        }
        var rest: UInt64 = 0
        while at < count {
            rest = rest << 8 | UInt64(start[at])
            at &+= 1
        }
        return mix(state ^ rest)
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15 ^ (seed << 1))
        return product.high ^ product.low
    }

    /// Whether the newest name of an object whose keys lie between `first` and `end` is this one, written without escapes.
    func isNewest(_ name: StaticString, before end: Int?, from first: Int, of text: JSONText) -> Bool {
        let limit = end ?? keys.count
        guard limit > first, Int(keys[limit - 1].length) == name.utf8CodeUnitCount else { return false }
        let start = Int(keys[limit - 1].start)
        return (0..<name.utf8CodeUnitCount).allSatisfy { text.base[start + $0] == name.utf8Start[$0] }
    }

    /// Whether that name is written with escapes.
    func isNewestEscaped(before end: Int?, from first: Int) -> Bool {
        let limit = end ?? keys.count
        return limit > first && keys[limit - 1].hasEscapes
    }

    /// The newest name of an object whose keys lie between `first` and `end`, for paths in faults.
    func lastName(before end: Int?, from first: Int, of text: JSONText) -> String? {
        let limit = min(end ?? keys.count, keys.count)
        guard limit > first else { return nil }
        let key = keys[limit - 1]
        return String(decoding: decoded(key, text).prefix(64), as: UTF8.self)
    }
}
