import Telemetry
import PlimsollWire
import Exchange
import NIOCore
import OpenAIWire

extension RelayedRequest {
    // MARK: From the client's connection

    func clientGone() {
        connection = nil
        switch phase {
        case .admitting, .finishing, .over: break
        case .waiting, .streaming:
            exchange?.cancel()
            // What has been put together for an answer in one piece was never delivered.
            if headSent, let stream = answer.stream {
                tokens = stream.tokens
                deliveredTokens = stream.contentEvents
            }
            endAttempt()
            finish(.clientGone)
        }
    }

    /// Ends the request because the gateway stops: our fault, so nothing is billed.
    func cut() {
        isCut = true
        switch phase {
        case .admitting, .finishing, .over: break
        case .waiting, .streaming:
            exchange?.cancel()
            endAttempt()
            finish(.failed(APIError(headSent ? .streamInterrupted : .shuttingDown)))
        }
    }

    func clientWritable(_ isWritable: Bool) {
        clientIsSlow = !isWritable
        exchange?.setReading(isWritable)
        // The runtime was not read meanwhile: its time to the next token begins anew.
        if isWritable, case .streaming = phase { attemptDeadline = .now() + .seconds(Int64(loop.settings.interTokenTime)) }
    }

    /// The client has closed its half. If it closed both, these bytes bring a reset.
    func probeClient() {
        if headSent {
            writeComment()
        } else if arriving.isHTTP11, !isFinishing {
            connection?.writeContinue()
        }
    }

    private var isFinishing: Bool {
        switch phase {
        case .finishing, .over: true
        default: false
        }
    }

    func tick(_ now: NIODeadline) {
        switch phase {
        case .admitting, .finishing, .over: return
        case .waiting:
            if now >= attemptDeadline {
                exchange?.cancel()
                return retry(.upstreamTimeout)
            }
            guard isStream, now - lastWrite >= .seconds(Int64(loop.settings.headHoldTime)) else { return }
            writeComment()
        case .streaming:
            guard now >= attemptDeadline, !clientIsSlow else { return }
            exchange?.cancel()
            endAttempt()
            finish(.failed(APIError(.streamInterrupted)))
        }
    }

    // MARK: To the client

    /// Sends the events that are held, behind the head if that has not been sent.
    func writeHeld() {
        guard held.readableBytes > 0, let connection else { return }
        let piece = held
        held = ByteBuffer()
        attemptDeadline = .now() + .seconds(Int64(loop.settings.interTokenTime))
        connection.fill { out in
            writeHead(&out)
            writeChunk(piece, &out)
        }
        connection.writeWithoutFlush()
        wroteThisTurn = true
    }

    private func writeHead(_ out: inout ByteBuffer) {
        guard !headSent else { return }
        headSent = true
        var head = AnswerHead(
            status: 200, requestId: arriving.requestId, length: arriving.isHTTP11 ? .chunked : .untilClose, isEventStream: true)
        head.standing = standing
        head.keepAlive = arriving.keepAlive && arriving.isHTTP11
        head.write(to: &out)
    }

    private func writeChunk(_ bytes: ByteBuffer, _ out: inout ByteBuffer) {
        guard arriving.isHTTP11 else {
            out.writeImmutableBuffer(bytes)
            return
        }
        out.writeHexadecimal(bytes.readableBytes)
        out.writeStaticString("\r\n")
        out.writeImmutableBuffer(bytes)
        out.writeStaticString("\r\n")
    }

    private func writeComment() {
        lastWrite = .now()
        connection?.fill { out in
            writeHead(&out)
            writeChunk(ByteBuffer(staticString: ": keep-alive\n\n"), &out)
        }
        connection?.push()
    }

    /// The last bytes, after the final record has been written.
    func end(_ ending: Ending) {
        loop.metrics.inFlight.add(-1)
        let keepAlive = arriving.keepAlive
        switch ending {
        case .clientGone: return leave(keepAlive: false)
        case .whole(let body):
            var head = AnswerHead(status: 200, requestId: arriving.requestId, length: .bytes(body.readableBytes), keepAlive: keepAlive)
            head.standing = standing
            connection?.write(head, body: body)
            leave(keepAlive: keepAlive)
        case .stream: endStream(ByteBuffer(staticString: "data: [DONE]\n\n"))
        case .failed(let error) where headSent: endStream(ByteBuffer(bytes: error.event))
        case .failed(let error):
            let retryAfter: Int64? = error.status == 503 ? 1_000_000 : nil
            connection?.write(error, id: arriving.requestId, keepAlive: keepAlive, standing: standing, retryAfter: retryAfter)
            leave(keepAlive: keepAlive)
        }
    }

    private func endStream(_ last: ByteBuffer) {
        connection?.fill { out in
            writeHead(&out)
            if held.readableBytes > 0 { writeChunk(held, &out) }
            writeChunk(last, &out)
            if arriving.isHTTP11 { out.writeStaticString("0\r\n\r\n") }
        }
        connection?.push()
        leave(keepAlive: arriving.keepAlive && arriving.isHTTP11)
    }
}
