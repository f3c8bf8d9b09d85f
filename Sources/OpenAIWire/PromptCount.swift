/// How many prompts the array of a completions request holds. The bytes are known to be sound JSON.
///
/// Strings, arrays of tokens and objects are a prompt each; numbers at the top are the tokens of one prompt.
struct PromptCount {
    private(set) var prompts = 0
    /// Numbers at any depth: each is a token.
    private(set) var tokens = 0
    private var depth = 0

    init(_ array: UnsafeRawBufferPointer) {
        var at = 0
        while at < array.count {
            switch array[at] {
            case UInt8(ascii: "\""):
                if depth == 1 { prompts += 1 }
                at = Self.quote(array, after: at)
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                if depth == 1 { prompts += 1 }
                depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            case UInt8(ascii: "-"), 0x30...0x39:
                tokens += 1
                at = Self.lastDigit(array, from: at)
            default: break
            }
            at += 1
        }
        if tokens > 0, prompts == 0 { prompts = 1 }
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
