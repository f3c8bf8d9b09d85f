/// Bounds of a message's head (reliability of the edge: what peers accept without bound has been used against them).
package struct HeadLimits: Sendable {
    /// Request or status line and all fields, with their line ends.
    package var bytes = 32 * 1024
    package var fields = 100
    package var targetBytes = 8 * 1024

    package init() {}
}

/// Why a head or a chunk is refused. The connection must be closed: where the next message would begin is not known.
package enum HTTPFault: String, Error, Sendable, CaseIterable {
    case malformedLine
    case bareLineFeed
    case malformedField
    /// A field that may stand once only, and that peers would read differently.
    case repeatedField
    case missingHost
    case invalidHost
    case invalidLength
    /// Length and chunks together, two lengths, or chunks from an HTTP/1.0 peer.
    case ambiguousLength
    case unsupportedTransferCoding
    case unsupportedVersion
    case unsupportedExpectation
    case headTooLarge
    case tooManyFields
    case targetTooLong
    case malformedChunk

    /// Status to answer with before closing.
    package var status: Int {
        switch self {
        case .headTooLarge, .tooManyFields: 431
        case .targetTooLong: 414
        case .unsupportedVersion: 505
        case .unsupportedExpectation: 417
        default: 400
        }
    }
}

/// How a message's body ends (RFC 9112, section 6).
package enum BodyFraming: Sendable, Equatable {
    case none
    /// Bytes.
    case length(Int)
    case chunked
    /// Answers only: the body ends with the connection.
    case untilClose
}

/// What a scanner of heads found.
package enum HeadScan<Head: Sendable>: Sendable {
    /// The head is not all there yet.
    case incomplete
    case complete(Head)
    case refused(HTTPFault)
}
