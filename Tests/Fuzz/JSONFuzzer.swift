import HTTPWire

/// The scanner of requests, the parser of trees and a reader that was written apart accept the same texts and see the same in them.
enum JSONFuzzer: Fuzzer {
    static let name = "json"

    static func check(_ bytes: [UInt8]) throws {
        let reference = ReferenceJSON.read(bytes)
        let tree = try? JSONValue.parse(bytes)
        try hold((reference == nil) == (tree == nil), "the tree's parser says \(tree != nil), the reference \(reference != nil)")
        if let reference, let tree { try same(reference, tree, bytes) }
        let scan = scan(bytes)
        // The scanner alone bounds names.
        let object = reference.flatMap { $0.kind == .object && !hasLongName($0) ? $0 : nil }
        try hold((scan == nil) == (object == nil), "the scanner says \(scan != nil), the reference \(object != nil)")
        if let scan, let object { try same(object, scan, bytes) }
        if let reference { try boundsStrings(reference, bytes, isScanned: scan != nil) }
    }

    /// Both take strings of the greatest length and none that is a byte longer.
    private static func boundsStrings(_ node: ReferenceJSON.Node, _ bytes: [UInt8], isScanned: Bool) throws {
        let longest = longestString(node)
        for limit in [longest, longest - 1] where limit >= 0 {
            let limits = JSONLimits(stringBytes: limit)
            try hold((scan(bytes, limits) != nil) == (isScanned && limit == longest), "the scanner at \(limit) of \(longest) bytes in a string")
            let tree = try? JSONValue.parse(bytes, limits: limits)
            try hold((tree != nil) == (limit == longest), "the tree's parser at \(limit) of \(longest) bytes in a string")
        }
    }

    /// -1: it has none.
    private static func longestString(_ node: ReferenceJSON.Node) -> Int {
        let own = node.kind == .string ? node.range.count - 2 : -1
        let names = node.members.map { max($0.name.count, longestString($0.value)) }
        return max(own, names.max() ?? -1, node.elements.map(longestString).max() ?? -1)
    }

    private static func hasLongName(_ node: ReferenceJSON.Node) -> Bool {
        node.members.contains { $0.name.count > JSONLimits().nameBytes || hasLongName($0.value) } || node.elements.contains(where: hasLongName)
    }

    static func scan(_ bytes: [UInt8], _ limits: JSONLimits = JSONLimits()) -> RequestScan? {
        let scan = RequestScan(limits: limits)
        do {
            try bytes.withUnsafeBytes { try scan.scan($0) }
            return scan
        } catch {
            return nil
        }
    }

    private static func same(_ node: ReferenceJSON.Node, _ tree: JSONValue, _ bytes: [UInt8]) throws {
        switch (node.kind, tree) {
        case (.null, .null): return
        case (.bool, .bool(let value)): try hold(value == (bytes[node.range.lowerBound] == UInt8(ascii: "t")), "another boolean")
        case (.number, .integer(let value)): try hold(Int64(text(bytes[node.range])) == value, "another integer")
        case (.number, .number(let value)): try hold(Double(text(bytes[node.range])) == value, "another number")
        case (.string, .string(let value)):
            let expected = ReferenceJSON.text(bytes[node.range].dropFirst().dropLast())
            try hold(Array(value.utf8) == expected, "another string")
        case (.array, .array(let elements)):
            try hold(elements.count == node.elements.count, "\(elements.count) elements")
            for (one, other) in zip(node.elements, elements) { try same(one, other, bytes) }
        case (.object, .object(let object)):
            try hold(object.members.count == node.members.count, "\(object.members.count) members")
            for (one, other) in zip(node.members, object.members) {
                try hold(Array(other.name.utf8) == ReferenceJSON.text(bytes[one.name]), "another name")
                try same(one.value, other.value, bytes)
            }
        default: throw Broken(description: "another kind than \(node.kind)")
        }
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func same(_ object: ReferenceJSON.Node, _ scan: RequestScan, _ bytes: [UInt8]) throws {
        try hold(scan.open == object.range.lowerBound, "the object opens at \(object.range.lowerBound)")
        try hold(scan.members.count == object.members.count, "\(scan.members.count) members")
        var inner = scan.inner[...]
        for (position, (one, other)) in zip(object.members, scan.members).enumerated() {
            try hold(other.name == one.name && other.value == one.value.range, "member \(position) stands elsewhere")
            try hold(other.start == one.name.lowerBound - 1 && (other.comma == nil) == (position == 0), "member \(position) begins elsewhere")
            try hold(other.comma.map { bytes[$0] == UInt8(ascii: ",") } ?? true, "no comma in front of member \(position)")
            try hold("\(other.kind)" == "\(one.value.kind)", "member \(position) is of another kind")
            let decoded = bytes.withUnsafeBytes { other.decodedName(in: $0) }
            if let decoded { try hold(decoded == ReferenceJSON.text(bytes[one.name]), "another name") }
            guard one.value.kind == .array else { continue }
            try hold(counts(one.value) == [other.elements, other.objects], "other counts in member \(position)")
            for (element, node) in one.value.elements.enumerated() {
                for member in node.members { try same(member, inner.popFirst(), parent: position, element: element) }
            }
        }
        try hold(inner.isEmpty, "\(inner.count) inner members too many")
    }

    private static func counts(_ array: ReferenceJSON.Node) -> [Int] {
        [array.elements.count, array.elements.count { $0.kind == .object }]
    }

    private static func same(_ member: ReferenceJSON.Member, _ inner: JSONInnerMember?, parent: Int, element: Int) throws {
        guard let inner else { throw Broken(description: "an inner member is missing") }
        try hold(inner.parent == parent && inner.element == element && inner.name == member.name, "an inner member stands elsewhere")
        try hold("\(inner.kind)" == "\(member.value.kind)", "an inner member is of another kind")
        guard member.value.kind == .array else { return }
        try hold(counts(member.value) == [inner.elements, inner.objects], "other counts in an inner member")
    }
}
