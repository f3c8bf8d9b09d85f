package import NIOCore

/// What a connection is made of, with TLS in front of it or without. Used on its loop only.
package protocol ByteStream: AnyObject {
    /// Written, but not taken by the system yet.
    var pendingBytes: Int { get }
    /// - Parameter isLast: False: more follows in the same step, and both may share a packet.
    func write(_ bytes: ByteBuffer, isLast: Bool)
    /// Reading is on at the start.
    func setReading(_ on: Bool)
    /// Calls `act` once all that was written before has been taken by the system; at once if it has. Not when the stream closes before.
    func whenWritten(_ act: @escaping () -> Void)
    /// Ends this half behind all that was written before, and then calls `act`.
    func closeOutput(_ act: @escaping () -> Void)
    /// Closes at once; the handler is told within the call.
    func close()
}

/// Takes what happens to a stream.
package protocol StreamHandler: AnyObject {
    /// Whoever knows where what comes next belongs has it read to there, and need not copy it.
    ///
    /// - Parameter read: Reads at most what the place holds; gives how many bytes, 0 at the end, below 0 where there are none.
    /// - Returns: What `read` gave; nil: it was not called, and what comes is for `received`.
    func fill(_ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int?
    /// - Parameter bytes: Valid within the call only.
    func received(_ bytes: UnsafeRawBufferPointer)
    /// All that had come has been handed over: the moment to write.
    func receivedAll()
    /// The other side will send no more. It may still be there to read.
    func inputEnded()
    /// Much of what was written waits now, or has gone.
    func writableChanged(_ isWritable: Bool)
    /// The last call.
    func closed()
}

extension StreamHandler {
    package func fill(_ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int? { nil }
}
