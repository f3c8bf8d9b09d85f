import HTTPWire

/// The stream of another API that a chat stream is turned into, event by event.
package enum AnswerTranslation: Sendable {
    case responses(ResponsesStream)
    case messages(MessagesStream)

    /// Takes whole events of a chat stream; nil when they are not what a chat stream is made of.
    package mutating func take(_ events: UnsafeRawBufferPointer) -> [UInt8]? {
        var out: [UInt8] = []
        var scanner = EventScanner()
        var rest = events
        while let length = scanner.next(rest) {
            let event = UnsafeRawBufferPointer(rebasing: rest[..<length])
            rest = UnsafeRawBufferPointer(rebasing: rest[length...])
            guard case .data(let range) = EventPayload.read(event) else { continue }
            guard let payload = try? JSONValue.parse(Array(event[range])), take(payload, into: &out) else { return nil }
        }
        return out
    }

    /// The last bytes of an answer that is whole.
    ///
    /// - Parameter end: Seconds since 1970.
    package mutating func finish(_ usage: TokenCounts, atSeconds end: Int64) -> [UInt8] {
        var out: [UInt8] = []
        switch self {
        case .responses(var stream):
            stream.finish(usage, atSeconds: end, into: &out)
            self = .responses(stream)
        case .messages(var stream):
            stream.finish(usage, into: &out)
            self = .messages(stream)
        }
        return out
    }

    /// The last bytes of an answer that broke.
    package mutating func fail(_ error: APIError) -> [UInt8] {
        var out: [UInt8] = []
        switch self {
        case .responses(var stream):
            stream.fail(error, into: &out)
            self = .responses(stream)
        case .messages(let stream): stream.fail(error, into: &out)
        }
        return out
    }

    private mutating func take(_ payload: JSONValue, into out: inout [UInt8]) -> Bool {
        switch self {
        case .responses(var stream):
            let isSound = stream.take(payload, into: &out)
            self = .responses(stream)
            return isSound
        case .messages(var stream):
            let isSound = stream.take(payload, into: &out)
            self = .messages(stream)
            return isSound
        }
    }
}
