import NIOCore
import PlimsollWire

/// Stands before the true sink of a request that is captured, and keeps what passes. Where nothing is captured there is none.
final class CaptureSink: AnswerSink {
    private let sink: any AnswerSink
    private let desk: CaptureDesk
    private var exchange: CapturedExchange

    init(_ sink: any AnswerSink, desk: CaptureDesk, exchange: CapturedExchange) {
        self.sink = sink
        self.desk = desk
        self.exchange = exchange
    }

    func answer(_ head: AnswerHead, _ body: ByteBuffer) {
        exchange.status = head.status
        keep(body)
        desk.put(exchange)
        sink.answer(head, body)
    }

    func stream(_ head: AnswerHead?, _ events: ByteBuffer) {
        note(head)
        keep(events)
        sink.stream(head, events)
    }

    func endStream(_ head: AnswerHead?, _ events: ByteBuffer, _ last: ByteBuffer) {
        note(head)
        keep(events)
        keep(last)
        desk.put(exchange)
        sink.endStream(head, events, last)
    }

    func abandon() {
        exchange.isCut = true
        desk.put(exchange)
        sink.abandon()
    }

    func probe() { sink.probe() }

    /// What was there is kept: why clients leave is what a tenant may want to know.
    func clientLeft() {
        exchange.isCut = true
        desk.put(exchange)
        sink.clientLeft()
    }

    private func note(_ head: AnswerHead?) {
        exchange.isEventStream = true
        if let head { exchange.status = head.status }
    }

    private func keep(_ bytes: ByteBuffer) {
        exchange.answerBytes += bytes.readableBytes
        let room = max(0, CaptureDesk.scannedBytes - exchange.answer.readableBytes)
        let piece = bytes.getSlice(at: bytes.readerIndex, length: min(bytes.readableBytes, room)) ?? ByteBuffer()
        exchange.answer.writeImmutableBuffer(piece)
        exchange.isCut = exchange.isCut || exchange.answer.readableBytes > CaptureDesk.mostBytes
    }
}
