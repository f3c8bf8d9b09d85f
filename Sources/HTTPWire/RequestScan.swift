/// What kind of value a member has.
package enum JSONKind: UInt8, Sendable {
    case null
    case bool
    case number
    case string
    case array
    case object
}

/// One member of the object at the top of a request. Offsets count from the start of the scanned bytes.
package struct JSONMember: Sendable {
    /// The name between its quotes, as it stands in the text.
    package var name: Range<Int>
    /// The value, quotes and brackets included.
    package var value: Range<Int>
    package var kind: JSONKind
    /// The opening quote of the name.
    package var start: Int
    /// Of the comma in front of this member; nil for the first one.
    package var comma: Int?
    /// The name is written with escapes.
    package var hasEscapes: Bool
    /// Of an array: its elements, and how many of them are objects.
    package var elements = 0
    package var objects = 0

    /// The name with its escapes resolved, when it has any. Not kept: a member that holds nothing is copied as it lies.
    ///
    /// - Parameter bytes: The scanned ones.
    package func decodedName(in bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        hasEscapes ? JSONText(bytes)?.decodedString(name) : nil
    }
}

/// A member of an object in an array at the top, such as the role of a message.
package struct JSONInnerMember: Sendable {
    /// Position in `RequestScan.members` of the array.
    package var parent: Int
    /// Position in that array of the object.
    package var element: Int
    /// The name between its quotes, as it stands in the text.
    package var name: Range<Int>
    package var hasEscapes: Bool
    package var kind: JSONKind
    /// Of an array: its elements, and how many of them are objects.
    package var elements = 0
    package var objects = 0
}

/// One strict pass over a request's body: the whole text is validated (syntax, UTF-8, duplicate keys at every level, depth, number of keys,
/// length of strings), and the members at the top and of the objects in arrays there are recorded by their place. Nothing is copied; long strings are passed over 32 bytes at a time.
///
/// Keep one for each event loop: its storage is used again.
package final class RequestScan {
    package private(set) var members: [JSONMember] = []
    /// In the order in which they stand.
    package private(set) var inner: [JSONInnerMember] = []
    /// Offset of the brace that opens the object.
    package private(set) var open = 0
    /// Pictures, sounds and films of the messages of a chat.
    package internal(set) var media = MediaParts()
    private(set) var frames: [Frame] = []
    private(set) var ledger = KeyLedger()
    private let own: JSONLimits
    /// Of the present scan.
    private var limits: JSONLimits

    struct Frame {
        var isObject: Bool
        /// Position in the ledger of this object's first key.
        var firstKey: Int
        /// Elements before the one that is being read; arrays only.
        var element = 0
    }

    package init(limits: JSONLimits = JSONLimits()) {
        (own, self.limits) = (limits, limits)
        frames.reserveCapacity(limits.depth)
    }

    /// `bytes` must hold one JSON object and nothing else but white space.
    ///
    /// - Parameter isTranslation: It was made here of a text that was read within the limits.
    package func scan(_ bytes: UnsafeRawBufferPointer, isTranslation: Bool = false) throws(JSONFault) {
        limits = isTranslation ? own.ofTranslation : own
        members.removeAll(keepingCapacity: true)
        inner.removeAll(keepingCapacity: true)
        media = MediaParts()
        frames.removeAll(keepingCapacity: true)
        ledger.reset()
        guard let text = JSONText(bytes, longestString: limits.stringBytes), bytes.count < Int(Int32.max) else {
            throw JSONFault(code: .incomplete, offset: 0, path: "")
        }
        do throws(JSONStop) {
            try run(text)
        } catch {
            throw JSONFault(code: error.code, offset: error.offset, path: path(text))
        }
    }

    private func run(_ text: JSONText) throws(JSONStop) {
        open = text.skipSpace(0)
        guard open < text.count else { throw JSONStop(code: .incomplete, offset: open) }
        guard text.base[open] == UInt8(ascii: "{") else { throw JSONStop(code: .notAnObject, offset: open) }
        var at = try enter(text, open)
        while !frames.isEmpty { at = try step(text, at) }
        at = text.skipSpace(at)
        guard at == text.count else { throw JSONStop(code: .trailingBytes, offset: at) }
    }

    /// `at` is at the start of a value (the member's name has been read) or behind one: reads one value or closes one container.
    private func step(_ text: JSONText, _ at: Int) throws(JSONStop) -> Int {
        guard at < text.count else { throw JSONStop(code: .incomplete, offset: at) }
        let byte = text.base[at]
        if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
            let inside = try enter(text, at)
            return inside
        }
        let end = try text.scalarEnd(at)
        if byte == UInt8(ascii: "\"") { noteText(text, at..<end) }
        return try afterValue(text, end)
    }

    /// Opens a container and reads up to its first value; an empty one is closed again.
    private func enter(_ text: JSONText, _ at: Int) throws(JSONStop) -> Int {
        guard frames.count < limits.depth else { throw JSONStop(code: .tooDeep, offset: at) }
        let isObject = text.base[at] == UInt8(ascii: "{")
        if isObject { noteObject() }
        frames.append(Frame(isObject: isObject, firstKey: ledger.count))
        let next = text.skipSpace(at + 1)
        guard next < text.count else { throw JSONStop(code: .incomplete, offset: next) }
        if text.base[next] == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) { return try close(text, next, isEmpty: true) }
        return isObject ? try name(text, next, comma: nil) : next
    }

    private func close(_ text: JSONText, _ at: Int, isEmpty: Bool = false) throws(JSONStop) -> Int {
        let frame = frames.removeLast()
        if frame.isObject { ledger.forget(from: frame.firstKey) } else if !isEmpty { noteArray(of: frame.element + 1) }
        return frames.isEmpty ? at + 1 : try afterValue(text, at + 1)
    }

    /// An object begins: it counts as an element of the array that it stands in, if a recorded member is that array.
    @inline(__always)
    private func noteObject() {
        switch frames.count {
        case 2 where !frames[1].isObject: members[members.count - 1].objects += 1
        case 4 where !frames[1].isObject && frames[2].isObject && !frames[3].isObject: inner[inner.count - 1].objects += 1
        default: break
        }
    }

    /// A text has been read. Where parts of messages stand it may be more than text.
    @inline(__always)
    private func noteText(_ text: JSONText, _ value: Range<Int>) {
        guard frames.count == 5 || frames.count == 6 && frames[5].isObject else { return }
        guard !frames[1].isObject, frames[2].isObject, !frames[3].isObject, frames[4].isObject else { return }
        readMedia(text, value)
    }

    /// An array has ended, and its frame is gone.
    @inline(__always)
    private func noteArray(of elements: Int) {
        switch frames.count {
        case 1: members[members.count - 1].elements = elements
        case 3 where !frames[1].isObject && frames[2].isObject: inner[inner.count - 1].elements = elements
        default: break
        }
    }

    /// A value ended at `end`: goes on to the next value of the container, or closes it.
    private func afterValue(_ text: JSONText, _ end: Int) throws(JSONStop) -> Int {
        let depth = frames.count
        if depth == 1, let last = members.indices.last { members[last].value = members[last].value.lowerBound..<end }
        let at = text.skipSpace(end)
        guard at < text.count else { throw JSONStop(code: .incomplete, offset: at) }
        let isObject = frames[depth - 1].isObject
        switch text.base[at] {
        case UInt8(ascii: ","):
            let next = text.skipSpace(at + 1)
            if isObject { return try name(text, next, comma: at) }
            frames[depth - 1].element += 1
            return next
        case UInt8(ascii: "}") where isObject: return try close(text, at)
        case UInt8(ascii: "]") where !isObject: return try close(text, at)
        default: throw JSONStop(code: .syntax, offset: at)
        }
    }

    /// Reads a name and its colon; returns the start of the value.
    private func name(_ text: JSONText, _ start: Int, comma: Int?) throws(JSONStop) -> Int {
        guard start < text.count else { throw JSONStop(code: .incomplete, offset: start) }
        guard text.base[start] == UInt8(ascii: "\"") else { throw JSONStop(code: .syntax, offset: start) }
        let end = try text.stringEnd(start + 1)
        let name = start + 1..<end.quote
        guard name.count <= limits.nameBytes else { throw JSONStop(code: .longName, offset: start) }
        guard ledger.total < limits.keys else { throw JSONStop(code: .tooManyKeys, offset: start) }
        guard let frame = frames.last, ledger.insert(name, hasEscapes: end.hasEscapes, of: text, from: frame.firstKey) else {
            throw JSONStop(code: .duplicateKey, offset: start)
        }
        let colon = text.skipSpace(end.quote + 1)
        guard colon < text.count else { throw JSONStop(code: .incomplete, offset: colon) }
        guard text.base[colon] == UInt8(ascii: ":") else { throw JSONStop(code: .syntax, offset: colon) }
        let value = text.skipSpace(colon + 1)
        guard value < text.count else { throw JSONStop(code: .incomplete, offset: value) }
        if frames.count == 3, !frames[1].isObject {
            inner.append(
                JSONInnerMember(
                    parent: members.count - 1, element: frames[1].element, name: name, hasEscapes: end.hasEscapes, kind: kind(text.base[value])))
        } else if frames.count == 1 {
            members.append(
                JSONMember(
                    name: name, value: value..<value, kind: kind(text.base[value]), start: start, comma: comma, hasEscapes: end.hasEscapes))
        }
        return value
    }

    private func kind(_ byte: UInt8) -> JSONKind {
        switch byte {
        case UInt8(ascii: "{"): .object
        case UInt8(ascii: "["): .array
        case UInt8(ascii: "\""): .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): .bool
        case UInt8(ascii: "n"): .null
        default: .number
        }
    }

    /// Where reading stopped, by names and positions; long names are cut.
    private func path(_ text: JSONText) -> String {
        var result = ""
        for (level, frame) in frames.enumerated() {
            guard frame.isObject else {
                result += "[\(frame.element)]"
                continue
            }
            let next = level + 1 < frames.count ? frames[(level + 1)...].first { $0.isObject }?.firstKey : nil
            guard let name = ledger.lastName(before: next, from: frame.firstKey, of: text) else { continue }
            result += result.isEmpty ? name : "." + name
        }
        return result
    }
}

extension JSONText {
    /// Nil for no bytes at all.
    init?(_ bytes: UnsafeRawBufferPointer, longestString: Int = .max) {
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return nil }
        base = start.assumingMemoryBound(to: UInt8.self)
        count = bytes.count
        self.longestString = longestString
    }
}
