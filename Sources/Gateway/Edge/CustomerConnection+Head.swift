import PlimsollWire
import Domain
import HTTPWire
import NIOCore
import OpenAIWire

extension CustomerConnection {
    /// Reads the head of `length` bytes that stands in front of what has arrived.
    func readHead(_ length: Int) throws(HTTPFault) -> HeadOutcome {
        let result: Result<HeadOutcome, HTTPFault> = inbound.withUnsafeReadableBytes { bytes in
            let text = UnsafeRawBufferPointer(rebasing: bytes[..<length])
            do throws(HTTPFault) {
                let head = try RequestHead.scan(text)
                isHeadRequest = head.method == .head
                isHTTP11 = head.isHTTP11
                keepAlive = head.keepAlive
                framing = head.framing
                expectsContinue = head.expectsContinue && head.isHTTP11
                return .success(loop.judge(head, text, from: peer, fields: { RequestHead.values(of: $0, in: text) }))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Returns whether there may be more to do with what has arrived.
    func begin(_ outcome: HeadOutcome) -> Bool {
        switch outcome {
        case .answered(let head, let body):
            state = .serving
            answer(head, body)
            return true
        case .refused(let head, let body): return refuse(head, body)
        case .refusedHere(let head, let body, let own):
            ownRefusal = wantsBody(own) ? own : nil
            return refuse(head, body)
        case .generate(let arriving):
            self.arriving = arriving
            let clock = BodyClock(loop.settings, now: arriving.started)
            bodyClock = clock
            deadline = clock.deadline
            beginBody()
            if expectsContinue { writeContinue() }
            return true
        }
    }

    /// Whether it wants more of the body than has come with the head.
    private func wantsBody(_ own: OwnRefusal) -> Bool {
        switch framing {
        case .length(let length): return own.wants(behind: inbound.readableBytesView.prefix(length)) && length > inbound.readableBytes
        case .chunked:
            own.expectChunks(ChunkedDecoder())
            return inbound.withUnsafeReadableBytes { own.wants(received: $0) }
        case .none, .untilClose: return false
        }
    }

    private func beginBody() {
        body.drop()
        switch framing {
        case .length(let length):
            if length > inbound.readableBytes { body.reserve(length) }
            state = .body(left: length)
        case .chunked:
            decoder = ChunkedDecoder()
            state = .chunks
        case .none, .untilClose: state = .body(left: 0)
        }
    }

    /// Refused at its head. A short body that has arrived whole is passed over, so that the connection stays good; else it is closed.
    private func refuse(_ head: AnswerHead, _ body: ByteBuffer) -> Bool {
        var passes = false
        switch framing {
        case .none: passes = true
        case .length(let length) where length <= inbound.readableBytes:
            passes = true
            // The head still stands in front while this is decided by the caller's order: it has been passed over already.
            inbound.moveReaderIndex(forwardBy: length)
        default: break
        }
        keepAlive = passes && keepAlive && !loop.isDraining
        state = .serving
        answer(head, body)
        return keepAlive
    }
}
