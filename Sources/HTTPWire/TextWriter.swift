/// Writes text into memory that was reserved for all of it: no growth and no count for each piece, one comparison that it fits.
///
/// Whoever makes one has added up the longest forms of everything that is put; more than that stops the program.
package struct TextWriter {
    /// The longest form of a number.
    package static let decimalBytes = 20

    @usableFromInline var at: UnsafeMutablePointer<UInt8>
    @usableFromInline let start: UnsafeMutablePointer<UInt8>
    @usableFromInline let end: UnsafeMutablePointer<UInt8>

    /// - Parameter size: Bytes of `memory`.
    @inlinable
    package init(_ memory: UnsafeMutablePointer<UInt8>, size: Int) {
        start = memory
        at = memory
        end = memory + size
    }

    /// Bytes so far.
    @inlinable
    package var count: Int { at - start }

    @inlinable @inline(__always)
    func require(_ length: Int) {
        precondition(length <= end - at, "room was reserved for all that is put")
    }

    @inlinable @inline(__always)
    package mutating func put(_ text: StaticString) {
        let length = text.utf8CodeUnitCount
        require(length)
        at.update(from: text.utf8Start, count: length)
        at += length
    }

    @inlinable @inline(__always)
    package mutating func put(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        require(bytes.count)
        UnsafeMutableRawPointer(at).copyMemory(from: source, byteCount: bytes.count)
        at += bytes.count
    }

    @inlinable
    package mutating func put(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { put($0) }
    }

    @inlinable
    package mutating func put(_ text: String) {
        // A copy that could be changed would count a reference, for each piece of text.
        if text.utf8.withContiguousStorageIfAvailable({ put(UnsafeRawBufferPointer($0)) }) == nil { put(Array(text.utf8)) }
    }

    /// In decimal digits.
    @inlinable
    package mutating func put(decimal value: Int) {
        if value < 0 { put("-") }
        var length = 1
        var bound: UInt = 10
        let magnitude = value.magnitude
        while magnitude >= bound {
            length &+= 1
            bound &*= 10
        }
        require(length)
        var rest = magnitude
        var place = length
        while place > 1 {
            place &-= 2
            let (quotient, pair) = rest.quotientAndRemainder(dividingBy: 100)
            // Tens and ones of a number below 100: a product and a shift instead of a division.
            let tens = UInt8(truncatingIfNeeded: (pair &* 103) &>> 10)
            at[place] = tens &+ 0x30
            at[place &+ 1] = UInt8(truncatingIfNeeded: pair) &- tens &* 10 &+ 0x30
            rest = quotient
        }
        if place > 0 { at[0] = UInt8(truncatingIfNeeded: rest) &+ 0x30 }
        at += length
    }

    /// In hexadecimal digits, as the size of a chunk.
    @inlinable
    package mutating func put(hexadecimal value: Int) {
        var shift = max(0, (Int.bitWidth - value.leadingZeroBitCount - 1) / 4 * 4)
        require(shift / 4 + 1)
        while shift >= 0 {
            let digit = UInt8(truncatingIfNeeded: value >> shift & 15)
            at[0] = digit < 10 ? digit &+ 0x30 : digit &+ 0x57
            at += 1
            shift -= 4
        }
    }

    /// Lets `fill` write exactly `length` bytes.
    @inlinable
    package mutating func put(length: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
        require(length)
        fill(UnsafeMutableRawBufferPointer(start: at, count: length))
        at += length
    }
}
