import NIOCore

/// Where the answer to one request goes: an HTTP/1.1 connection, or a stream of an HTTP/2 one. Lives on the request's event loop.
///
/// `answer`, `endStream` and `abandon` end what the sink has to do with the request; one of them is called once. The sink tells the request
/// when the client leaves and when it takes bytes or does not (`clientGone`, `clientWritable`).
protocol AnswerSink: AnyObject {
    /// An answer in one piece.
    func answer(_ head: AnswerHead, _ body: ByteBuffer)
    /// Whole events of a stream, behind the head the first time, which leave at once.
    func stream(_ head: AnswerHead?, _ events: ByteBuffer)
    /// The last events and the end of the stream, which leave at once.
    func endStream(_ head: AnswerHead?, _ events: ByteBuffer, _ last: ByteBuffer)
    /// There will be no answer: the client is gone.
    func abandon()
    /// Sends what the protocol has for a sign of life in front of an answer. To a client that is gone it brings a reset.
    func probe()
    /// The client is gone: none of the above comes any more.
    func clientLeft()
}

extension AnswerSink {
    func clientLeft() {}
}
