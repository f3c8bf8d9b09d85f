package import NIOHTTP2

/// Sees what the frame layer writes, which tells what it has decided: it resets a stream on which the peer broke the protocol, and says GOAWAY when
/// the connection is broken.
package final class FrameWatch: NIOHTTP2FrameDelegate {
    /// Called for every reset that goes out, ours included. While the channel is not writable that is long after it was asked for.
    package var onReset: (HTTP2StreamID) -> Void = { _ in }
    /// The error that the frame layer fires next is the connection's, whatever its type.
    package private(set) var isConnectionGivenUp = false
    /// DATA frames that went out.
    package private(set) var dataFrames = 0

    package init() {}

    package func wroteFrame(_ frame: HTTP2Frame) {
        switch frame.payload {
        case .data: dataFrames += 1
        case .rstStream: onReset(frame.streamID)
        // Ours goes past the frame layer.
        case .goAway: isConnectionGivenUp = true
        default: break
        }
    }
}

extension Error {
    /// One of the errors for which the frame layer resets a stream. Some of them it fires for a whole connection too, after a GOAWAY. All others
    /// close the link.
    package var isOfOneStream: Bool {
        switch self {
        case is NIOHTTP2Errors.StreamError, is NIOHTTP2Errors.BadStreamStateTransition, is NIOHTTP2Errors.TrailersWithoutEndStream,
            is NIOHTTP2Errors.FlowControlViolation, is NIOHTTP2Errors.InvalidFlowControlWindowSize, is NIOHTTP2Errors.InvalidWindowIncrementSize,
            is NIOHTTP2Errors.ContentLengthViolated, is NIOHTTP2Errors.ContentLengthHeadersMismatch,
            is NIOHTTP2Errors.ContentLengthHeaderNegative, is NIOHTTP2Errors.ContentLengthHeaderMalformedValue:
            true
        default: isOfOneHead
        }
    }

    private var isOfOneHead: Bool {
        switch self {
        case is NIOHTTP2Errors.InvalidPseudoHeaders, is NIOHTTP2Errors.MissingPseudoHeader, is NIOHTTP2Errors.DuplicatePseudoHeader,
            is NIOHTTP2Errors.UnknownPseudoHeader, is NIOHTTP2Errors.UnsupportedPseudoHeader, is NIOHTTP2Errors.PseudoHeaderAfterRegularHeader,
            is NIOHTTP2Errors.InvalidPseudoHeaderValue, is NIOHTTP2Errors.EmptyPathHeader, is NIOHTTP2Errors.InvalidStatusValue,
            is NIOHTTP2Errors.MissingHostHeader, is NIOHTTP2Errors.DuplicateHostHeader, is NIOHTTP2Errors.ForbiddenHeaderField,
            is NIOHTTP2Errors.InvalidHTTP2HeaderFieldName, is NIOHTTP2Errors.InvalidHTTP2HeaderFieldValue:
            true
        default: false
        }
    }
}
