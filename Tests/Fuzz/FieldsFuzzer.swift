import HTTPWire

/// What is accepted of HTTP/2's fields keeps the rules of RFC 9113, section 8, as they are told in words. Input: a byte that tells whether data follow,
/// then a line for each field.
enum FieldsFuzzer: Fuzzer {
    static let name = "fields"

    private static let ofConnection: Set<String> = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]

    static func check(_ bytes: [UInt8]) throws {
        var steering = Steering(bytes)
        let isEnd = steering.byte() & 1 == 1
        let fields = steering.rest.split(separator: 0x0A).map(field)
        var block = RequestFields()
        block.begin()
        for (name, value) in fields { block.add(name, value) }
        if (try? block.checkTrailers()) != nil {
            try hold(fields.allSatisfy { !$0.name.hasPrefix(":") && !ofConnection.contains($0.name) }, "a forbidden trailer")
        }
        guard let head = try? block.request(isEnd: isEnd) else { return }
        try checkNames(fields)
        try checkPseudo(fields, head, block.bytes)
        try checkBody(fields, head, isEnd: isEnd)
    }

    private static func field(_ line: ArraySlice<UInt8>) -> (name: String, value: String) {
        let separator = line.indices.dropFirst().first { line[$0] == UInt8(ascii: ":") } ?? line.endIndex
        let value = line[separator...].dropFirst(2)
        return (String(decoding: line[..<separator], as: UTF8.self), String(decoding: value, as: UTF8.self))
    }

    private static func checkNames(_ fields: [(name: String, value: String)]) throws {
        let firstPlain = fields.firstIndex { !$0.name.hasPrefix(":") } ?? fields.count
        try hold(fields[firstPlain...].allSatisfy { !$0.name.hasPrefix(":") }, "a pseudo-field behind a field")
        for (name, value) in fields {
            try hold(!name.isEmpty && !name.utf8.contains { 0x41...0x5A ~= $0 || $0 <= 0x20 || $0 >= 0x7F }, "a bad name")
            try hold(!ofConnection.contains(name), "a field of the connection")
            try hold(name != "te" || value == "trailers", "a coding")
            try hold(!value.utf8.contains { ($0 < 0x20 && $0 != 0x09) || $0 == 0x7F }, "a control byte in a value")
        }
        for name in ["host", "content-length", "content-type", "content-encoding"] {
            try hold(fields.count { $0.name == name } <= 1, "\(name) twice")
        }
    }

    private static func checkPseudo(_ fields: [(name: String, value: String)], _ head: RequestHead, _ bytes: [UInt8]) throws {
        func values(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }
        try hold(values(":method").count == 1, "no method, or several")
        let isConnect = values(":method") == ["CONNECT"]
        try hold(values(":scheme").count == (isConnect ? 0 : 1) && values(":path").count == (isConnect ? 0 : 1), "no scheme or path, or several")
        if let path = values(":path").first {
            try hold(path.hasPrefix("/") || (path == "*" && head.method == .options), "no path")
            try hold(String(decoding: bytes[head.target], as: UTF8.self) == path, "another path")
        }
        let hosts = Set((values(":authority") + values("host")).map { $0.lowercased() })
        try hold(hosts.count == 1 && values(":authority").count <= 1, "\(hosts.count) hosts")
        try hold(hosts.allSatisfy { !$0.isEmpty && !$0.contains { " ,/@?#\\".contains($0) } }, "a bad host")
    }

    private static func checkBody(_ fields: [(name: String, value: String)], _ head: RequestHead, isEnd: Bool) throws {
        guard let length = fields.first(where: { $0.name == "content-length" })?.value else {
            return try hold(head.framing == (isEnd ? .none : .untilClose), "another end of the body")
        }
        try hold(length.utf8.allSatisfy { 0x30...0x39 ~= $0 }, "a length that is no number")
        try hold(head.framing == Int(length).map { .length($0) }, "another length")
        try hold(!isEnd || Int(length) == 0, "a length without a body")
    }
}
