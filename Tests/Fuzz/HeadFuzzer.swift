import HTTPWire

/// A head is found wherever its bytes are split, and whatever is accepted keeps the rules of RFC 9112 as a reader line by line sees them.
enum HeadFuzzer: Fuzzer {
    static let name = "head"

    static func check(_ bytes: [UInt8]) throws {
        var steering = Steering(bytes)
        let pieces = steering.pieces()
        let whole = Array(steering.rest)
        let length = find([whole[...]])
        try hold(length == find(pieces), "another head when the bytes are split")
        guard let length else { return }
        let head = Array(whole[..<length])
        try hold(length == 2 || head.suffix(4).elementsEqual("\r\n\r\n".utf8), "a head without its end")
        if let request = try? head.withUnsafeBytes({ try RequestHead.scan($0) }) { try check(request, head) }
        if let response = try? head.withUnsafeBytes({ try ResponseHead.scan($0) }) { try check(response, head) }
    }

    /// Nil when it is refused or not all there.
    private static func find(_ pieces: [ArraySlice<UInt8>]) -> Int? {
        var (finder, seen) = (HeadFinder(), [UInt8]())
        for piece in pieces {
            seen += piece
            let found = Result { try seen.withUnsafeBytes { try finder.find($0) } }
            guard case .success(let length) = found else { return nil }
            if let length { return length }
        }
        return nil
    }

    private static func check(_ request: RequestHead, _ bytes: [UInt8]) throws {
        let lines = try lines(bytes)
        let parts = lines[0].split(separator: 0x20, omittingEmptySubsequences: false)
        try hold(parts.count == 3 && !parts[0].isEmpty && parts[0].allSatisfy(isToken), "no request line")
        try hold(parts[2].elementsEqual((request.isHTTP11 ? "HTTP/1.1" : "HTTP/1.0").utf8), "another version")
        let target = parts[1]
        try hold(request.target.upperBound == target.endIndex && !target.isEmpty, "another target")
        let isPath = target.first == UInt8(ascii: "/") || target.elementsEqual("*".utf8)
        try hold(isPath == (request.target.lowerBound == target.startIndex), "another start of the target")
        if !isPath { try hold(String(decoding: target.prefix(4), as: UTF8.self).lowercased() == "http", "another scheme") }
        try hold(target.allSatisfy { 0x21...0x7E ~= $0 }, "a control byte in the target")
        let fields = try fields(lines.dropFirst())
        let hosts = fields.filter { $0.name == "host" }
        try hold(hosts.count == 1 || (hosts.isEmpty && !request.isHTTP11), "\(hosts.count) hosts")
        try hold(hosts.first.map { !$0.value.isEmpty && !$0.value.contains { " ,/@?#\\".contains($0) } } ?? true, "a bad host")
        try check(request.framing, fields, isHTTP11: request.isHTTP11, otherwise: .none)
        let credentials = fields.count { $0.name == "authorization" || $0.name == "x-api-key" }
        try hold(request.ambiguousCredentials == (credentials > 1), "\(credentials) credentials")
        let isClosing = fields.contains { $0.name == "connection" && $0.members.contains("close") }
        try hold(!(isClosing && request.keepAlive), "kept open against its word")
    }

    private static func check(_ response: ResponseHead, _ bytes: [UInt8]) throws {
        let lines = try lines(bytes)
        let status = lines[0].dropFirst(9).prefix(3)
        try hold(String(decoding: status, as: UTF8.self) == "\(response.status)", "another status")
        let fields = try fields(lines.dropFirst())
        guard response.framing != .none else { return try hold(response.status < 200 || [204, 304].contains(response.status), "no body") }
        try check(response.framing, fields, isHTTP11: response.isHTTP11, otherwise: .untilClose)
    }

    private struct Field {
        var name: String
        var value: String
        var members: [String] { value.lowercased().split(separator: ",").map { String(String($0).trimming(" \t")) } }
    }

    /// Without the empty one at the end.
    private static func lines(_ bytes: [UInt8]) throws -> [ArraySlice<UInt8>] {
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        try hold(lines.popLast()?.isEmpty == true, "something follows the head")
        try hold(lines.allSatisfy { $0.last == 0x0D }, "a bare line feed")
        lines = lines.map { $0.dropLast() }
        try hold(lines.popLast()?.isEmpty == true, "no empty line")
        try hold(!lines.isEmpty && lines.allSatisfy { !$0.isEmpty }, "an empty line inside")
        try hold(lines.joined().allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }, "a control byte")
        return lines
    }

    private static func fields(_ lines: some Sequence<ArraySlice<UInt8>>) throws -> [Field] {
        try lines.map { line in
            let name = line.prefix { $0 != UInt8(ascii: ":") }
            try hold(!name.isEmpty && name.count < line.count && name.allSatisfy(isToken), "a bad field name")
            let value = String(decoding: line.dropFirst(name.count + 1), as: UTF8.self).trimming(" \t")
            return Field(name: String(decoding: name, as: UTF8.self).lowercased(), value: String(value))
        }
    }

    private static func check(_ framing: BodyFraming, _ fields: [Field], isHTTP11: Bool, otherwise: BodyFraming) throws {
        let lengths = fields.filter { $0.name == "content-length" }.map(\.value)
        let codings = fields.filter { $0.name == "transfer-encoding" }.map { $0.value.lowercased() }
        try hold(lengths.count + codings.count <= 1, "lengths \(lengths) and codings \(codings)")
        if let length = lengths.first {
            try hold(length.utf8.allSatisfy { 0x30...0x39 ~= $0 } && framing == Int(length).map { .length($0) }, "a length of \(length)")
        } else if let coding = codings.first {
            try hold(coding == "chunked" && isHTTP11 && framing == .chunked, "coded as \(coding)")
        } else {
            try hold(framing == otherwise, "\(framing) without length or coding")
        }
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        byte < 0x80 && (Character(UnicodeScalar(byte)).isLetter || Character(UnicodeScalar(byte)).isNumber || "!#$%&'*+-.^_`|~".utf8.contains(byte))
    }
}

extension String {
    fileprivate func trimming(_ characters: String) -> Substring {
        var rest = self[...]
        while let first = rest.unicodeScalars.first, characters.unicodeScalars.contains(first) { rest = Substring(rest.unicodeScalars.dropFirst()) }
        while let last = rest.unicodeScalars.last, characters.unicodeScalars.contains(last) { rest = Substring(rest.unicodeScalars.dropLast()) }
        return rest
    }
}
