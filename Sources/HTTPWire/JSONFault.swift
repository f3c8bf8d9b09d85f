/// Bounds that keep the work of reading a JSON text small. Sizes in bytes are the caller's matter.
package struct JSONLimits: Sendable {
    /// Arrays and objects inside each other.
    package var depth = 64
    /// Members of all objects together.
    package var keys = 10_000
    /// Bytes of a member's name.
    package var nameBytes = 1024
    /// Bytes of any one string, between its quotes as it stands in the text.
    package var stringBytes = 8 << 20

    package init(depth: Int = 64, keys: Int = 10_000, stringBytes: Int = 8 << 20) {
        self.depth = depth
        self.keys = keys
        self.stringBytes = stringBytes
    }

    /// For what is made here of a text within these bounds, such as the chat of a request to another API: it wraps what it takes.
    package var ofTranslation: JSONLimits { JSONLimits(depth: depth + 16, keys: keys * 4, stringBytes: stringBytes * 2) }
}

/// Why a JSON text is refused. Never carries values of the text; `path` holds names of members and positions only.
package struct JSONFault: Error, Sendable, Equatable {
    package enum Code: String, Sendable {
        case syntax
        case duplicateKey
        case tooDeep
        case tooManyKeys
        case longName
        case longString
        case invalidUTF8
        /// A number that is no JSON number or is beyond what a double can hold.
        case invalidNumber
        /// The bytes end inside the text.
        case incomplete
        case trailingBytes
        /// A request must be an object.
        case notAnObject
    }

    package var code: Code
    /// Bytes from the start of the text.
    package var offset: Int
    /// Such as `messages[0].content`; empty at the top.
    package var path: String

    package init(code: Code, offset: Int, path: String) {
        self.code = code
        self.offset = offset
        self.path = path
    }

    /// For people; holds no content.
    package var message: String {
        let place = path.isEmpty ? "at byte \(offset)" : "in \(path) at byte \(offset)"
        switch code {
        case .syntax: return "Not valid JSON \(place)."
        case .duplicateKey: return "The same key occurs twice \(place)."
        case .tooDeep: return "JSON is nested too deeply \(place)."
        case .longName: return "JSON has too long a key \(place)."
        case .longString: return "JSON has too long a string \(place)."
        case .tooManyKeys: return "JSON has too many keys \(place)."
        case .invalidUTF8: return "Not valid UTF-8 \(place)."
        case .invalidNumber: return "Not a valid number \(place)."
        case .incomplete: return "JSON ends too early \(place)."
        case .notAnObject: return "A JSON object is expected \(place)."
        case .trailingBytes: return "Something follows the JSON text \(place)."
        }
    }
}
