/// How much one of several prompts is.
package struct PromptSize: Sendable, Equatable {
    /// As it is written.
    package var bytes = 0
    /// Tokens that it names by number.
    package var numbers = 0
}

/// How many prompts the array of a completions request holds, and the most that one of them is. The bytes are known to be sound JSON.
///
/// Strings, arrays of tokens and objects are a prompt each; numbers at the top are the tokens of one prompt.
struct PromptCount {
    private(set) var prompts = 0
    /// Numbers at any depth: each is a token.
    private(set) var tokens = 0
    /// Of bytes and numbers the most, be it of two of them.
    private(set) var longest = PromptSize()
    private var depth = 0
    /// Where the present one began, and the numbers before it.
    private var begin = (offset: 0, tokens: 0)

    init(_ array: UnsafeRawBufferPointer) {
        var at = 0
        while at < array.count {
            switch array[at] {
            case UInt8(ascii: "\""):
                beginPrompt(at)
                at = Self.quote(array, after: at)
                endPrompt(at)
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                beginPrompt(at)
                depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                depth -= 1
                endPrompt(at)
            case UInt8(ascii: "-"), 0x30...0x39:
                tokens += 1
                at = Self.lastDigit(array, from: at)
            default: break
            }
            at += 1
        }
        if tokens > 0, prompts == 0 { prompts = 1 }
    }

    private mutating func beginPrompt(_ offset: Int) {
        guard depth == 1 else { return }
        prompts += 1
        begin = (offset, tokens)
    }

    private mutating func endPrompt(_ offset: Int) {
        guard depth == 1 else { return }
        longest.bytes = max(longest.bytes, offset - begin.offset + 1)
        longest.numbers = max(longest.numbers, tokens - begin.tokens)
    }

    private static func quote(_ bytes: UnsafeRawBufferPointer, after start: Int) -> Int {
        var at = start + 1
        while at < bytes.count, bytes[at] != UInt8(ascii: "\"") { at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1 }
        return at
    }

    private static func lastDigit(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var at = start
        while at + 1 < bytes.count, bytes[at + 1] > 0x20, bytes[at + 1] != UInt8(ascii: ","), bytes[at + 1] != UInt8(ascii: "]"),
            bytes[at + 1] != UInt8(ascii: "}")
        {
            at += 1
        }
        return at
    }
}
