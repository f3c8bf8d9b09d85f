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
    /// The data of an event named `error`, or of a line `error:`, as older servers of llama.cpp write it.
    case error(Range<Int>)
    /// Data in more than one line, of an event with any other name than `message`, or with a lone CR, which ends a line for some readers.
    case other

    /// Reads a whole event as `EventScanner` cut it out.
    package static func read(_ event: UnsafeRawBufferPointer) -> EventPayload {
        var payload: Range<Int>?
        var isOther = false
        var isError = false
        var start = 0
        while start < event.count {
            let end = lineEnd(event, from: start)
            isOther = isOther || hasReturn(event, start..<end)
            if isField(event, start..<end, "data:") {
                isOther = isOther || payload != nil
                payload = value(event, start + 5, end)
            } else if isField(event, start..<end, "error:") {
                isError = true
                isOther = isOther || payload != nil
                payload = value(event, start + 6, end)
            } else if isField(event, start..<end, "event:") {
                let name = value(event, start + 6, end)
                isError = isError || HeadBytes.equal(event, name, to: "error")
                isOther = isOther || !HeadBytes.equal(event, name, to: "error") && !isMessage(event, name)
            }
            start = end + (end < event.count && event[end] == 0x0D ? 2 : 1)
        }
        if isOther { return .other }
        guard let payload else { return .comment }
        if isError { return .error(payload) }
        return HeadBytes.equal(event, payload, ignoringCase: "[done]") ? .done : .data(payload)
    }

    /// Behind the name and its colon, without the one space that may follow.
    @inline(__always)
    private static func value(_ event: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Range<Int> {
        start < end && event[start] == 0x20 ? start + 1..<end : start..<max(start, end)
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

    /// The name of events that have none.
    private static func isMessage(_ event: UnsafeRawBufferPointer, _ name: Range<Int>) -> Bool {
        name.isEmpty || HeadBytes.equal(event, name, to: "message")
    }

    /// The line begins with this text.
    @inline(__always)
    private static func isField(_ event: UnsafeRawBufferPointer, _ line: Range<Int>, _ text: StaticString) -> Bool {
        guard line.count >= text.utf8CodeUnitCount else { return false }
        for offset in 0..<text.utf8CodeUnitCount where event[line.lowerBound + offset] != text.utf8Start[offset] { return false }
        return true
    }
}
