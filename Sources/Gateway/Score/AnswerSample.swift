import NIOCore

/// Keeps what one answer of the sample says until it has ended, in memory only. Lives on its request's loop; a request that is not in the sample has none.
final class AnswerSample {
    /// Bytes of events or of a whole answer; of a longer stream the beginning is judged.
    static let mostBytes = 256 << 10

    private let asked: AnswerAsked
    private let desk: ScoreDesk
    private var bytes = ByteBuffer()
    private var isEventStream = false
    private var isCut = false
    private var isHandedOver = false

    /// - Parameter desk: Which has given a place to it.
    init(_ asked: AnswerAsked, desk: ScoreDesk) {
        self.asked = asked
        self.desk = desk
    }

    deinit {
        if !isHandedOver { desk.giveBackPlace() }
    }

    /// Events of a stream of chat or completions.
    func take(events: ByteBuffer) {
        isEventStream = true
        keep(events)
    }

    /// An answer of chat or completions in one piece.
    func take(whole: ByteBuffer) {
        isEventStream = false
        keep(whole)
    }

    /// It has ended: it is judged, off this loop.
    ///
    /// - Parameter isBroken: The customer was told that there is no more of it.
    func end(at place: EndedAnswer.Place, finishReason: String?, isBroken: Bool) {
        guard !isHandedOver else { return }
        isHandedOver = true
        desk.put(
            EndedAnswer(
                place: place, asked: asked, bytes: bytes, isEventStream: isEventStream, isCut: isCut, finishReason: finishReason, isBroken: isBroken))
        bytes = ByteBuffer()
    }

    /// A copy: a slice would keep all of what was read with it.
    private func keep(_ piece: ByteBuffer) {
        let room = Self.mostBytes - bytes.readableBytes
        isCut = isCut || piece.readableBytes > room
        guard let kept = piece.getSlice(at: piece.readerIndex, length: min(piece.readableBytes, room)) else { return }
        bytes.writeImmutableBuffer(kept)
    }
}
