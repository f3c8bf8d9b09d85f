import PlimsollWire
import NIOCore

/// What has come back of one attempt.
struct AttemptAnswer {
    enum Form {
        case none
        /// Collected whole: answers that are not streamed, and errors.
        case whole(status: Int)
        case events
    }

    var form = Form.none
    var collected = ByteBuffer()
    var stream: AnswerStream?
}
