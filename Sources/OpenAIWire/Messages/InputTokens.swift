import HTTPWire

/// The answer of `/v1/messages/count_tokens`.
package enum InputTokens {
    /// Nil when the bytes are no such answer.
    package static func read(_ bytes: [UInt8]) -> Int? {
        guard let value = try? JSONValue.parse(bytes), let count = value["input_tokens"]?.integer, count >= 0 else { return nil }
        return Int(exactly: count)
    }

    package static func body(_ count: Int) -> [UInt8] { Array(#"{"input_tokens":\#(count)}"#.utf8) }
}
