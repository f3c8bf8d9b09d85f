import PlimsollWire
import Exchange
import HTTPWire
import NIOCore
import OpenAIWire

/// Cuts a worker's stream into events, learns what must be known of each, and says which bytes go on to the client.
///
/// Nothing is decoded and encoded anew: bytes go on as they came. Exceptions are an event that carries usage which the client did not ask
/// for, which is dropped or loses that member, and a model name that is not the customer's.
struct AnswerStream {
    enum Failure: Error {
        /// `error` in an event.
        case upstream(UpstreamVerdict)
        /// No JSON, or an event without end.
        case malformed
    }

    /// An event without end is a fault.
    private static let eventBytes = 1 << 20

    private let includesUsage: Bool
    /// The customer's name of the model, as a JSON string.
    private let quotedModel: [UInt8]
    /// More than one answer was asked for: reports of usage are added up and told once, at the end.
    private let joinsUsage: Bool
    /// Collects a whole answer in place of forwarding.
    private(set) var assembly: AnswerAssembly?
    private(set) var usageEvent: ByteBuffer?
    private var partial: ByteBuffer?
    private var scanner = EventScanner()
    private(set) var tokens = AnswerTokens()
    private(set) var finishReason: String?
    /// Choices that have said why they ended.
    private(set) var finished = 0
    private(set) var sawDone = false
    /// Events with text, reasoning or a tool call: what was delivered, if the runtime never reports.
    private(set) var contentEvents = 0

    init(includesUsage: Bool, quotedModel: [UInt8], joinsUsage: Bool = false, assembly: AnswerAssembly? = nil) {
        self.includesUsage = includesUsage
        self.quotedModel = quotedModel
        self.joinsUsage = joinsUsage
        self.assembly = assembly
    }

    var hasContent: Bool { contentEvents > 0 }

    /// Takes what was read and calls `forward` with pieces for the client, each made of whole events.
    mutating func take(_ bytes: ByteBuffer, forward: (ByteBuffer) -> Void) throws(Failure) {
        var buffer = bytes
        if var joined = partial {
            joined.writeImmutableBuffer(bytes)
            buffer = joined
            partial = nil
        }
        var run = buffer.readerIndex
        var at = run
        while let length = buffer.nextEvent(&scanner, from: at) {
            let decision = try read(buffer, at, length)
            if case .forward = decision {
                at += length
                continue
            }
            if at > run, let slice = buffer.getSlice(at: run, length: at - run) { forward(slice) }
            if case .replace(let event) = decision { forward(event) }
            at += length
            run = at
        }
        if at > run, let slice = buffer.getSlice(at: run, length: at - run) { forward(slice) }
        guard at < buffer.writerIndex else { return }
        guard buffer.writerIndex - at <= AnswerStream.eventBytes else { throw .malformed }
        partial = buffer.getSlice(at: at, length: buffer.writerIndex - at)
    }

    private enum Decision {
        case forward
        case drop
        case replace(ByteBuffer)
    }

    private mutating func read(_ buffer: ByteBuffer, _ at: Int, _ length: Int) throws(Failure) -> Decision {
        let result: Result<Decision, Failure> = buffer.withUnsafeReadableBytes { bytes in
            let offset = at - buffer.readerIndex
            let event = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length])
            do throws(Failure) { return .success(try judge(event)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    private mutating func judge(_ event: UnsafeRawBufferPointer) throws(Failure) -> Decision {
        guard !sawDone else { return .drop }
        switch EventPayload.read(event) {
        case .comment: return .drop
        case .done:
            sawDone = true
            return .drop
        case .other: throw .malformed
        case .data(let range):
            let payload = UnsafeRawBufferPointer(rebasing: event[range])
            guard let answer = AnswerScan.scan(payload) else { throw .malformed }
            if answer.error != nil { throw .upstream(UpstreamError.judge(status: nil, body: payload)) }
            if assembly != nil, assembly?.take(Array(payload)) == false { throw .malformed }
            return note(answer, payload)
        }
    }

    private mutating func note(_ answer: AnswerScan, _ payload: UnsafeRawBufferPointer) -> Decision {
        if answer.hasContent { contentEvents += 1 }
        if let reason = answer.finishReason {
            finished += answer.finished
            finishReason = FinishReason.known(payload, reason)
        }
        let isRenamed = answer.model.map { !payload.holds(quotedModel, at: $0.lowerBound - 1..<$0.upperBound + 1) } ?? false
        guard let usage = answer.usage else { return isRenamed ? .replace(rewritten(answer, payload)) : .forward }
        tokens.take(usage, isFinal: answer.hasEmptyChoices || answer.choices == 0)
        if joinsUsage, includesUsage, answer.hasEmptyChoices {
            usageEvent = rewritten(answer, payload)
            return .drop
        }
        if includesUsage { return isRenamed ? .replace(rewritten(answer, payload)) : .forward }
        return answer.choices == 0 ? .drop : .replace(rewritten(answer, payload))
    }

    /// The event anew, with the customer's name of the model and without usage that was not asked for.
    private func rewritten(_ answer: AnswerScan, _ payload: UnsafeRawBufferPointer) -> ByteBuffer {
        var event = ByteBufferAllocator().buffer(capacity: payload.count + quotedModel.count + 16)
        event.writeStaticString("data: ")
        let usage = joinsUsage && includesUsage ? tokens.json : nil
        event.writeAnswer(payload, answer, quotedModel: quotedModel, dropsUsage: !includesUsage, usage: usage)
        event.writeStaticString("\n\n")
        return event
    }
}

extension ByteBuffer {
    /// Length of the event that starts at the index, or nil when it is not complete.
    func nextEvent(_ scanner: inout EventScanner, from index: Int) -> Int? {
        withUnsafeReadableBytes { bytes in
            let offset = index - readerIndex
            guard offset < bytes.count else { return nil }
            return scanner.next(UnsafeRawBufferPointer(rebasing: bytes[offset...]))
        }
    }

    /// Copies an answer with the customer's name of its model, with or without its usage.
    mutating func writeAnswer(_ bytes: UnsafeRawBufferPointer, _ answer: AnswerScan, quotedModel: [UInt8], dropsUsage: Bool, usage: [UInt8]? = nil) {
        var cuts: [(Range<Int>, [UInt8])] = []
        if let range = answer.model {
            cuts.append((range.lowerBound - 1..<range.upperBound + 1, quotedModel))
        }
        if dropsUsage, let range = answer.usageMember { cuts.append((range, [])) }
        if let usage, let range = answer.usageValue { cuts.append((range, usage)) }
        cuts.sort { $0.0.lowerBound < $1.0.lowerBound }
        var at = 0
        for (range, replacement) in cuts where range.lowerBound >= at {
            writeBytes(bytes[at..<range.lowerBound])
            writeBytes(replacement)
            at = range.upperBound
        }
        writeBytes(bytes[at...])
    }
}
