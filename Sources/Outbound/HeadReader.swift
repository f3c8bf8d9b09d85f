/// Puts an answer's head together from its lines. Interim answers (1xx) are skipped; they count against the bound on bytes.
struct HeadReader {
    enum Step {
        case more
        case head(OutboundHead)
        case malformed
    }

    private static let byteLimit = 64 << 10
    private static let fieldLimit = 200

    private var bytes = 0
    private var status = 0
    private var version = ""
    private var headers: [OutboundHeader] = []
    private var isComplete = false

    mutating func read(_ line: UnsafeRawBufferPointer) -> Step {
        // Trailers come after the body through the same callback.
        if isComplete { return .more }
        bytes += line.count
        guard bytes <= Self.byteLimit else { return .malformed }
        let text = String(decoding: line, as: UTF8.self)
        let content = text.prefix { !$0.isNewline }
        if content.hasPrefix("HTTP/") { return readStatus(content) }
        guard content.isEmpty else { return readHeader(content) }
        guard status >= 200 else { return .more }
        isComplete = true
        return .head(OutboundHead(status: status, headers: headers, version: version))
    }

    private mutating func readStatus(_ line: Substring) -> Step {
        let parts = line.split(separator: " ", maxSplits: 2)
        guard parts.count >= 2, let code = Int(parts[1]), (100...999).contains(code) else { return .malformed }
        status = code
        version = String(parts[0].dropFirst(5))
        headers = []
        return .more
    }

    private mutating func readHeader(_ line: Substring) -> Step {
        guard headers.count < Self.fieldLimit, let colon = line.firstIndex(of: ":") else { return .malformed }
        let value = line[line.index(after: colon)...].drop(while: \.isWhitespace)
        var end = value.endIndex
        while end > value.startIndex, value[value.index(before: end)].isWhitespace { end = value.index(before: end) }
        headers.append(OutboundHeader(line[..<colon].lowercased(), String(value[..<end])))
        return .more
    }
}
