#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Finds the ends of server-sent events (an empty line; lines end with LF or CRLF), through as many reads as it takes.
package struct EventScanner: Sendable {
    private var scanned = 0
    private var lineStart = 0

    package init() {}

    /// `bytes` holds everything since the start of the event that is not complete, each time.
    ///
    /// - Returns: bytes of the first event with its empty line, or nil when it is not all there. After an event, go on with the bytes
    ///   behind it as a new start.
    @inline(__always)
    package mutating func next(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        while scanned < bytes.count, let found = memchr(base + scanned, 0x0A, bytes.count - scanned) {
            let feed = UnsafeRawPointer(found) - base
            scanned = feed + 1
            let isEmpty = feed == lineStart || (feed == lineStart + 1 && bytes[lineStart] == 0x0D)
            lineStart = scanned
            guard isEmpty else { continue }
            scanned = 0
            lineStart = 0
            return feed + 1
        }
        scanned = bytes.count
        return nil
    }
}

/// What one event carries.
package enum EventPayload: Sendable, Equatable {
    /// Only comments, or nothing.
    case comment
    /// The text of its one `data` line.
    case data(Range<Int>)
    /// `[DONE]`.
    case done
    /// Data in more than one line, of an event with another name than `message`, or with a lone CR, which ends a line for some readers.
    case other

    /// Reads a whole event as `EventScanner` cut it out.
    package static func read(_ event: UnsafeRawBufferPointer) -> EventPayload {
        var payload: Range<Int>?
        var isOther = false
        var start = 0
        while start < event.count {
            let end = lineEnd(event, from: start)
            isOther = isOther || hasReturn(event, start..<end)
            let hasData = isData(event, start..<end)
            if hasData {
                isOther = isOther || payload != nil
                let from = start + 5 < end && event[start + 5] == 0x20 ? start + 6 : start + 5
                payload = from..<end
            } else if end > start, event[start] == UInt8(ascii: "e") {
                isOther = true
            }
            start = end + (end < event.count && event[end] == 0x0D ? 2 : 1)
        }
        if isOther { return .other }
        guard let payload else { return .comment }
        return HeadBytes.equal(event, payload, ignoringCase: "[done]") ? .done : .data(payload)
    }

    /// The offset of the line's end, before CR LF or LF.
    private static func lineEnd(_ event: UnsafeRawBufferPointer, from start: Int) -> Int {
        guard let base = event.baseAddress, let found = memchr(base + start, 0x0A, event.count - start) else { return event.count }
        let feed = UnsafeRawPointer(found) - base
        return feed > start && event[feed - 1] == 0x0D ? feed - 1 : feed
    }

    private static func hasReturn(_ event: UnsafeRawBufferPointer, _ line: Range<Int>) -> Bool {
        guard let base = event.baseAddress else { return false }
        return memchr(base + line.lowerBound, 0x0D, line.count) != nil
    }

    private static func isData(_ event: UnsafeRawBufferPointer, _ line: Range<Int>) -> Bool {
        let expected: StaticString = "data:"
        guard line.count >= 5 else { return false }
        for offset in 0..<5 where event[line.lowerBound + offset] != expected.utf8Start[offset] { return false }
        return true
    }
}
