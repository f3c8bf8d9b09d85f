/// Why a YAML text is refused, and where.
package struct YAMLFault: Error, Sendable, Equatable, CustomStringConvertible {
    package let line: Int
    package let message: String

    package var description: String { "line \(line): \(message)" }
}

/// Reads documents in a strict part of YAML 1.2 into the values that JSON has: block and flow collections, plain, quoted and block scalars, anchors and
/// aliases, tags of the core schema, comments. What YAML 1.1 and 1.2 read differently is refused, as is everything that JSON cannot say.
package struct YAMLReader {
    private static let mostDepth = 64
    /// Values of all documents, those of aliases as often as they are named.
    private static let mostValues = 100_000

    private var scanner: YAMLScanner
    private var anchors: [String: JSONValue] = [:]
    private var depth = 0
    private var values = 0

    private init(_ bytes: [UInt8]) {
        scanner = YAMLScanner(bytes)
    }

    package static func documents(_ bytes: [UInt8]) throws(YAMLFault) -> [JSONValue] {
        guard String(validating: bytes, as: UTF8.self) != nil else { throw YAMLFault(line: 1, message: "the text is not UTF-8") }
        var reader = YAMLReader(bytes)
        return try reader.documents()
    }

    private mutating func documents() throws(YAMLFault) -> [JSONValue] {
        var documents: [JSONValue] = []
        while true {
            try scanner.skip()
            let isMarked = scanner.takeMarker("---")
            if !isMarked {
                if scanner.takeMarker("...") {
                    try scanner.endLine()
                    continue
                }
                if scanner.isAtEnd { return documents }
            }
            if scanner.peek() == UInt8(ascii: "%"), scanner.column == 0 { throw scanner.fault("directives are not read") }
            guard isMarked || documents.isEmpty || scanner.isAfterEnd else { throw scanner.fault("is not part of the document before it") }
            anchors = [:]
            documents.append(try block(under: -1, isInline: isMarked))
            try scanner.skip()
            guard scanner.isAtEnd || scanner.isAtMarker else { throw scanner.fault("is not indented as what it belongs to, or belongs to nothing") }
            scanner.isAfterEnd = false
        }
    }

    private mutating func count(_ value: JSONValue) throws(YAMLFault) -> JSONValue {
        values += 1
        guard values <= Self.mostValues else { throw scanner.fault("has more than \(Self.mostValues) values") }
        return value
    }
}

extension YAMLReader {
    /// The value at or after the cursor that is indented by more than its parent.
    ///
    /// - Parameter isInline: It may begin on the line of its key, where no mapping can.
    private mutating func block(under parent: Int, isInline: Bool) throws(YAMLFault) -> JSONValue {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.mostDepth else { throw scanner.fault("is nested more than \(Self.mostDepth) deep") }
        let line = scanner.line
        try scanner.skip()
        guard isPart(of: parent, isInline) else { return .null }
        let properties = try self.properties()
        if !properties.isEmpty {
            let before = scanner.line
            try scanner.skip()
            if scanner.line != before, !isPart(of: parent, isInline) { return try finish(nil, .null, properties) }
        }
        return try content(under: parent, isInline: isInline && scanner.line == line, properties)
    }

    /// A sequence may stand below its key without being indented.
    private func isPart(of parent: Int, _ isValue: Bool) -> Bool {
        if scanner.isAtEnd || scanner.isAtMarker { return false }
        return scanner.column > parent || isValue && scanner.column == parent && scanner.isAtDash
    }

    private mutating func content(under parent: Int, isInline: Bool, _ properties: Properties) throws(YAMLFault) -> JSONValue {
        let (column, line) = (scanner.column, scanner.line)
        switch scanner.peek() {
        case UInt8(ascii: "*"):
            guard properties.isEmpty else { throw scanner.fault("an alias has no anchor and no tag") }
            let value = try alias()
            try scanner.endLine()
            return value
        case UInt8(ascii: "|"), UInt8(ascii: ">"):
            return try finish(nil, .string(try scanner.blockScalar(under: max(parent, 0), isTop: parent < 0)), properties)
        case UInt8(ascii: "["), UInt8(ascii: "{"):
            let value = try flow()
            try scanner.endLine()
            return try finish(nil, value, properties)
        case UInt8(ascii: "-") where scanner.isAtDash:
            guard !isInline else { throw scanner.fault("a list does not begin on the line of its key") }
            return try finish(nil, try sequence(at: column), properties)
        default: break
        }
        let scalar = try scanner.scalar(isFlow: false)
        guard scanner.isAtColon, scanner.line == line else {
            try scanner.endLine()
            return try finish(scalar.plain, .string(scalar.text), properties)
        }
        guard !isInline else { throw scanner.fault("a mapping does not begin on the line of its key; quote a text that has a colon in it") }
        guard properties.isEmpty || properties.line != line else { throw scanner.fault("anchors and tags of keys are not read") }
        return try finish(nil, try mapping(at: column, first: scalar), properties)
    }

    private mutating func sequence(at column: Int) throws(YAMLFault) -> JSONValue {
        var elements: [JSONValue] = []
        while !scanner.isAtEnd, scanner.column == column, scanner.isAtDash {
            scanner.advance()
            elements.append(try block(under: column, isInline: false))
            try scanner.skip()
        }
        return .array(elements)
    }

    private mutating func mapping(at column: Int, first: YAMLScanner.Scalar) throws(YAMLFault) -> JSONValue {
        var (object, key) = (JSONObject(), first)
        while true {
            let line = scanner.line
            let name = try self.name(key, in: object)
            scanner.advance()
            let value = try block(under: column, isInline: true)
            try add(value, name, to: &object, line: line)
            try scanner.skip()
            guard !scanner.isAtEnd, !scanner.isAtMarker, scanner.column == column else { return .object(object) }
            guard !scanner.isAtDash else { throw scanner.fault("a list is no key") }
            key = try scanner.scalar(isFlow: false)
            guard scanner.isAtColon else { throw scanner.fault("a key needs a colon after it; texts over several lines are quoted or begin with |") }
        }
    }

    private func name(_ key: YAMLScanner.Scalar, in object: JSONObject) throws(YAMLFault) -> String {
        if key.text == "<<", key.plain != nil { throw scanner.fault("merged mappings are not read") }
        if let plain = key.plain, try YAMLScalar.value(plain, scanner).string == nil { throw scanner.fault("keys are texts: quote \(plain)") }
        guard object[key.text] == nil else { throw scanner.fault("the key \(key.text) stands here twice") }
        return key.text
    }

    private func add(_ value: JSONValue, _ name: String, to object: inout JSONObject, line: Int) throws(YAMLFault) {
        guard object.append(name, value) else { throw YAMLFault(line: line, message: "the key \(name) stands here twice") }
    }
}

extension YAMLReader {
    private mutating func flow() throws(YAMLFault) -> JSONValue {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.mostDepth else { throw scanner.fault("is nested more than \(Self.mostDepth) deep") }
        let isList = scanner.peek() == UInt8(ascii: "[")
        let end = UInt8(ascii: isList ? "]" : "}")
        scanner.advance()
        var (elements, object): ([JSONValue], JSONObject) = ([], JSONObject())
        while true {
            try scanner.skipInFlow()
            if scanner.peek() == end { break }
            if isList {
                elements.append(try flowValue())
            } else {
                let line = scanner.line
                let name = try self.name(try scanner.scalar(isFlow: true), in: object)
                try scanner.skipInFlow()
                guard scanner.peek() == UInt8(ascii: ":") else { throw scanner.fault("a key needs a colon after it") }
                scanner.advance()
                try scanner.skipInFlow()
                let isEmpty = scanner.peek() == UInt8(ascii: ",") || scanner.peek() == end
                try add(isEmpty ? try count(.null) : try flowValue(), name, to: &object, line: line)
            }
            try scanner.skipInFlow()
            if scanner.peek() == end { break }
            guard scanner.peek() == UInt8(ascii: ",") else { throw scanner.fault("a comma or the end of the list or mapping is missing") }
            scanner.advance()
        }
        scanner.advance()
        return isList ? .array(elements) : .object(object)
    }

    private mutating func flowValue() throws(YAMLFault) -> JSONValue {
        let properties = try self.properties()
        try scanner.skipInFlow()
        switch scanner.peek() {
        case UInt8(ascii: "["), UInt8(ascii: "{"): return try finish(nil, try flow(), properties)
        case UInt8(ascii: "*"):
            guard properties.isEmpty else { throw scanner.fault("an alias has no anchor and no tag") }
            return try alias()
        default:
            let scalar = try scanner.scalar(isFlow: true)
            if scanner.isAtColon { throw scanner.fault("a pair in a list is written in braces") }
            return try finish(scalar.plain, .string(scalar.text), properties)
        }
    }
}

extension YAMLReader {
    fileprivate struct Properties {
        var anchor: String?
        var tag: String?
        /// Of the last of them.
        var line = 0

        var isEmpty: Bool { anchor == nil && tag == nil }
    }

    private mutating func properties() throws(YAMLFault) -> Properties {
        var found = Properties()
        while let byte = scanner.peek(), byte == UInt8(ascii: "&") || byte == UInt8(ascii: "!") {
            found.line = scanner.line
            let word = scanner.word()
            if byte == UInt8(ascii: "&") {
                guard found.anchor == nil, word.count > 1 else { throw scanner.fault("one anchor with a name is read") }
                found.anchor = String(word.dropFirst())
            } else {
                guard found.tag == nil else { throw scanner.fault("one tag is read") }
                found.tag = word
            }
            scanner.skipBlanks()
        }
        return found
    }

    private mutating func alias() throws(YAMLFault) -> JSONValue {
        let word = scanner.word()
        guard let value = anchors[String(word.dropFirst())] else { throw scanner.fault("\(word) names no anchor of this document") }
        values += Self.size(value)
        return try count(value)
    }

    private static func size(_ value: JSONValue) -> Int {
        switch value {
        case .array(let elements): elements.reduce(1) { $0 + size($1) }
        case .object(let object): object.members.reduce(1) { $0 + size($1.value) }
        default: 1
        }
    }

    /// - Parameter plain: Of a plain scalar; what it means depends on how it looks.
    private mutating func finish(_ plain: String?, _ value: JSONValue, _ properties: Properties) throws(YAMLFault) -> JSONValue {
        var value = value
        if let tag = properties.tag {
            value = try tagged(tag, plain, value)
        } else if let plain {
            value = try YAMLScalar.value(plain, scanner)
        }
        if let anchor = properties.anchor { anchors[anchor] = value }
        return try count(value)
    }

    private func tagged(_ tag: String, _ plain: String?, _ value: JSONValue) throws(YAMLFault) -> JSONValue {
        switch (tag, value) {
        case ("!!str", .string), ("!", .string), ("!!seq", .array), ("!!map", .object), ("!!null", .null): return value
        case ("!!str", .null): return .string("")
        case ("!!int", .string(let text)), ("!!float", .string(let text)), ("!!bool", .string(let text)), ("!!null", .string(let text)):
            switch (tag, try YAMLScalar.value(text, scanner)) {
            case ("!!int", let found) where found.integer != nil: return found
            case ("!!float", let found) where found.double != nil: return .number(found.double ?? 0)
            case ("!!bool", .bool(let found)): return .bool(found)
            case ("!!null", .null): return .null
            default: throw scanner.fault("is not what \(tag) says")
            }
        default: throw scanner.fault("the tag \(tag) is not read, or stands before something else")
        }
    }
}
