/// Builds the tree of a JSON text. Recursion is bounded by the depth limit.
struct JSONTreeParser {
    private let text: JSONText
    private let limits: JSONLimits
    private var at = 0
    private var depth = 0
    private var keys = 0
    private var path: [PathStep] = []

    private enum PathStep {
        case member(String)
        case element(Int)
    }

    static func parse(_ bytes: [UInt8], limits: JSONLimits) throws(JSONFault) -> JSONValue {
        let result: Result<JSONValue, JSONFault> = bytes.withUnsafeBytes { buffer in
            guard let text = JSONText(buffer, longestString: limits.stringBytes) else {
                return .failure(JSONFault(code: .incomplete, offset: 0, path: ""))
            }
            var parser = JSONTreeParser(text: text, limits: limits)
            return parser.wholeText()
        }
        return try result.get()
    }

    private init(text: JSONText, limits: JSONLimits) {
        self.text = text
        self.limits = limits
    }

    private mutating func wholeText() -> Result<JSONValue, JSONFault> {
        do throws(JSONStop) {
            let result = try value()
            at = text.skipSpace(at)
            guard at == text.count else { throw JSONStop(code: .trailingBytes, offset: at) }
            return .success(result)
        } catch {
            return .failure(JSONFault(code: error.code, offset: error.offset, path: pathText))
        }
    }

    private mutating func value() throws(JSONStop) -> JSONValue {
        at = text.skipSpace(at)
        guard at < text.count else { throw JSONStop(code: .incomplete, offset: at) }
        switch text.base[at] {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        default: break
        }
        let start = at
        at = try text.scalarEnd(at)
        switch text.base[start] {
        case UInt8(ascii: "t"): return .bool(true)
        case UInt8(ascii: "f"): return .bool(false)
        case UInt8(ascii: "n"): return .null
        default: return try number(start..<at)
        }
    }

    private func number(_ range: Range<Int>) throws(JSONStop) -> JSONValue {
        let digits = String(decoding: UnsafeBufferPointer(rebasing: UnsafeBufferPointer(start: text.base, count: text.count)[range]), as: UTF8.self)
        if let integer = Int64(digits) { return .integer(integer) }
        guard let double = Double(digits), double.isFinite else { throw JSONStop(code: .invalidNumber, offset: range.lowerBound) }
        return .number(double)
    }

    private mutating func string() throws(JSONStop) -> String {
        let start = at + 1
        let end = try text.stringEnd(start)
        at = end.quote + 1
        if end.hasEscapes { return String(decoding: text.decodedString(start..<end.quote), as: UTF8.self) }
        return String(decoding: UnsafeBufferPointer(start: text.base + start, count: end.quote - start), as: UTF8.self)
    }

    private mutating func enter() throws(JSONStop) {
        depth += 1
        guard depth <= limits.depth else { throw JSONStop(code: .tooDeep, offset: at) }
        at = text.skipSpace(at + 1)
    }

    /// True when the container goes on after a comma, false when it was closed.
    private mutating func continues(closing: UInt8) throws(JSONStop) -> Bool {
        at = text.skipSpace(at)
        guard at < text.count else { throw JSONStop(code: .incomplete, offset: at) }
        let byte = text.base[at]
        guard byte == closing || byte == UInt8(ascii: ",") else { throw JSONStop(code: .syntax, offset: at) }
        at += 1
        if byte == closing { depth -= 1 }
        return byte != closing
    }

    private mutating func array() throws(JSONStop) -> JSONValue {
        try enter()
        var elements: [JSONValue] = []
        if at < text.count, text.base[at] == UInt8(ascii: "]") {
            at += 1
            depth -= 1
            return .array(elements)
        }
        repeat {
            path.append(.element(elements.count))
            elements.append(try value())
            path.removeLast()
        } while try continues(closing: UInt8(ascii: "]"))
        return .array(elements)
    }

    private mutating func object() throws(JSONStop) -> JSONValue {
        try enter()
        var members = JSONObject()
        if at < text.count, text.base[at] == UInt8(ascii: "}") {
            at += 1
            depth -= 1
            return .object(members)
        }
        repeat {
            let (name, offset) = try memberName()
            path.append(.member(name))
            guard members[name] == nil else { throw JSONStop(code: .duplicateKey, offset: offset) }
            let value = try value()
            guard members.append(name, value) else { throw JSONStop(code: .duplicateKey, offset: offset) }
            path.removeLast()
        } while try continues(closing: UInt8(ascii: "}"))
        return .object(members)
    }

    private mutating func memberName() throws(JSONStop) -> (String, Int) {
        at = text.skipSpace(at)
        let offset = at
        guard at < text.count else { throw JSONStop(code: .incomplete, offset: at) }
        guard text.base[at] == UInt8(ascii: "\"") else { throw JSONStop(code: .syntax, offset: at) }
        keys += 1
        guard keys <= limits.keys else { throw JSONStop(code: .tooManyKeys, offset: at) }
        let name = try string()
        at = text.skipSpace(at)
        guard at < text.count else { throw JSONStop(code: .incomplete, offset: at) }
        guard text.base[at] == UInt8(ascii: ":") else { throw JSONStop(code: .syntax, offset: at) }
        at += 1
        return (name, offset)
    }

    private var pathText: String {
        var text = ""
        for step in path {
            switch step {
            case .member(let name): text += text.isEmpty ? name : "." + name
            case .element(let index): text += "[\(index)]"
            }
        }
        return text
    }
}
