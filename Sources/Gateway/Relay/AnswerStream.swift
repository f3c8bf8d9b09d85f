import PlimsollWire
import Exchange
import HTTPWire
import NIOCore
import OpenAIWire

/// Cuts a worker's stream into events, learns what must be known of each, and says which bytes go on to the client.
///
/// Nothing is decoded and encoded anew: bytes go on as they came, but for members that are no customer's, which are left out. Exceptions are
/// an event that carries usage which the client did not ask for, or which is none, which is dropped or loses that member, and a model name
/// that is not the customer's.
final class AnswerStream {
    enum Failure: Error, Equatable {
        /// `error` in an event.
        case upstream(UpstreamVerdict)
        /// No JSON, or an event without end.
        case malformed
        /// What is put together is more than may be.
        case tooLong
    }

    /// An event without end is a fault.
    private static let eventBytes = 1 << 20
    /// No request makes an event larger than this one.
    private static let largestEventBytes = 16 << 20
    /// Of a token with the twenty likeliest others beside it, with room: it takes a few thousand.
    static let tokenBytes = 16 << 10
    /// For each byte of a prompt that comes again: it may be a token, and told with the twenty likeliest others beside it.
    private static let echoedBytes = 1 << 10

    private let includesUsage: Bool
    /// The customer's name of the model, as a JSON string.
    private let quotedModel: [UInt8]
    /// More than one answer was asked for: reports of usage are added up and told once, at the end.
    private let joinsUsage: Bool
    /// Collects a whole answer in place of forwarding.
    private(set) var assembly: AnswerAssembly?
    /// What the client has had, for streams that can go on at another worker.
    private(set) var memory: AnswerMemory?
    /// What the customer is told of it in each event; nil: nothing.
    private let serviceTier: StaticString?
    private let bound: UsageBound
    /// More events with content do not come of the tokens that were asked for: servers write a call of a tool in a few events beside its tokens.
    private let mostContentEvents: Int
    /// More bytes neither.
    private let mostBytes: Int
    private let mostEventBytes: Int
    private var bytesTaken = 0
    /// The last event with usage of several answers, or with an end: like it will be the one that tells all usage, where none has.
    private var usagePayload: ByteBuffer?
    /// The client was sent usage.
    private var hasToldUsage = false
    private var partial: ByteBuffer?
    /// What the last read brought for the client, where something of it was left out.
    private var told = ByteBuffer()
    private static let keptBytes = 4 << 10
    private var scanner = EventScanner()
    private var likeness = AnswerLikeness()
    private(set) var tokens: AnswerTokens
    private(set) var finishReason: String?
    /// Choices that have said why they ended.
    private(set) var finished = 0
    /// Choices that have begun.
    private var begun = 1
    private(set) var sawDone = false
    /// Events with text, reasoning or a tool call: what was delivered, if the runtime never reports.
    private(set) var contentEvents = 0

    init(_ plan: RequestPlan, assembly: AnswerAssembly? = nil, memory: AnswerMemory? = nil) {
        includesUsage = plan.facts.includesUsage
        quotedModel = plan.model.quotedName
        joinsUsage = plan.facts.generated > 1
        serviceTier = plan.facts.namesServiceTier ? plan.facts.servedTier : nil
        bound = plan.bound
        let cap = plan.outputTokens * plan.facts.generated
        mostContentEvents = 2 * cap + 64
        let echoed = plan.facts.echoes ? plan.facts.promptBytes * AnswerStream.echoedBytes : 0
        mostBytes = cap * AnswerStream.tokenBytes + (4 << 20) + echoed * plan.facts.generated
        mostEventBytes = min(AnswerStream.eventBytes + echoed, AnswerStream.largestEventBytes)
        tokens = AnswerTokens(answers: plan.facts.generated, prompts: plan.facts.prompts)
        self.assembly = assembly
        self.memory = memory
        contentEvents = memory?.tokens ?? 0
    }

    var hasContent: Bool { contentEvents > 0 }

    /// Every choice that began has said why it ended. A runtime may make fewer than were asked for.
    var saysWhyItEnded: Bool { finished >= begun }

    /// What a report that counts is told as: what it is billed as.
    private var reportedUsage: [UInt8] { tokens.metered(within: bound, delivered: 0, estimatedPrompt: 0, isWhole: true).json }

    /// The event at the end that tells the tokens, for a client that asked for it: those of several answers together, or what no event of the
    /// runtime told. Nil: it has been told, or nobody asked.
    func usageEvent(_ usage: [UInt8]) -> ByteBuffer? {
        guard includesUsage, !hasToldUsage else { return nil }
        if let memory, memory.isResumed { return memory.usageEvent(usage, quotedModel: quotedModel) }
        return usagePayload?.withUnsafeReadableBytes { payload in
            AnswerScan.scan(payload).map { rewritten($0, payload, usage: usage, emptiesChoices: true) }
        }
    }

    /// Takes what was read and calls `forward` with pieces for the client, which together are whole events.
    ///
    /// An answer that goes on far beyond the tokens that were asked for is none: its worker does not hold to what it is told.
    func take(_ bytes: ByteBuffer, forward: (ByteBuffer) -> Void) throws(Failure) {
        bytesTaken += bytes.readableBytes
        guard contentEvents <= mostContentEvents, bytesTaken <= mostBytes else { throw .malformed }
        let buffer = joined(bytes)
        // What has been read and not been passed begins at `run`.
        var run = buffer.readerIndex
        var isCopying = false
        func pass(_ start: Int, _ end: Int) {
            guard end > start else { return }
            if isCopying {
                let range = start - buffer.readerIndex..<end - buffer.readerIndex
                buffer.withUnsafeReadableBytes { _ = told.writeBytes(UnsafeRawBufferPointer(rebasing: $0[range])) }
            } else if let slice = buffer.getSlice(at: start, length: end - start) {
                forward(slice)
            }
        }
        // From the first event on of which something is left out, all goes into one buffer: slices would be joined by a new one each time.
        func passWithout(_ hidden: Range<Int>) {
            if !isCopying { told.clear(minimumCapacity: buffer.readableBytes) }
            isCopying = true
            pass(run, hidden.lowerBound)
            run = hidden.upperBound
        }
        defer { passTold(isCopying, forward) }
        var at = run
        while let length = buffer.nextEvent(&scanner, from: at) {
            let decision: Decision
            do throws(Failure) {
                decision = try read(buffer, at, length)
            } catch {
                // What came before the fault is the client's.
                pass(run, at)
                throw error
            }
            switch decision {
            case .forward: break
            case .without(let hidden, let offset):
                for range in hidden { passWithout(range.lowerBound + at + offset..<range.upperBound + at + offset) }
            case .alike(let length, let offset):
                for position in 0..<likeness.hiddenCount {
                    let range = likeness.hidden(position, textLength: length)
                    passWithout(range.lowerBound + at + offset..<range.upperBound + at + offset)
                }
            case .drop:
                pass(run, at)
                run = at + length
            case .replace(let event):
                pass(run, at)
                if isCopying { told.writeImmutableBuffer(event) } else { forward(event) }
                run = at + length
            }
            at += length
        }
        pass(run, at)
        guard at < buffer.writerIndex else { return }
        guard buffer.writerIndex - at <= mostEventBytes else { throw .malformed }
        partial = buffer.getSlice(at: at, length: buffer.writerIndex - at)
    }

    /// Behind what came before of an event that was not whole.
    private func joined(_ bytes: ByteBuffer) -> ByteBuffer {
        guard var known = partial else { return bytes }
        partial = nil
        known.writeImmutableBuffer(bytes)
        return known
    }

    private func passTold(_ isCopying: Bool, _ forward: (ByteBuffer) -> Void) {
        guard isCopying else { return }
        forward(told)
        // A large read is no measure of the next one.
        if told.capacity > AnswerStream.keptBytes { told = ByteBuffer() }
    }

    private enum Decision {
        case forward
        /// But for these bytes of its payload, which begins so far behind its start.
        case without([Range<Int>], offset: Int)
        /// But for what was left out of the one before, which differs in its text only.
        case alike(textLength: Int, offset: Int)
        case drop
        case replace(ByteBuffer)
    }

    private func read(_ buffer: ByteBuffer, _ at: Int, _ length: Int) throws(Failure) -> Decision {
        let result: Result<Decision, Failure> = buffer.withUnsafeReadableBytes { bytes in
            let offset = at - buffer.readerIndex
            let event = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length])
            do throws(Failure) { return .success(try judge(event)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    private func judge(_ event: UnsafeRawBufferPointer) throws(Failure) -> Decision {
        guard !sawDone else { return .drop }
        switch EventPayload.read(event) {
        case .comment: return .drop
        case .done:
            sawDone = true
            return .drop
        case .other: throw .malformed
        case .error(let range): throw .upstream(UpstreamError.judge(status: nil, body: UnsafeRawBufferPointer(rebasing: event[range])))
        case .data(let range):
            // Names and ids of events are the runtime's own, and not every client knows that `message` is the same as no name.
            let isBare = range.lowerBound <= 6 && event.count - range.upperBound <= 4
            let decision = try judge(payload: UnsafeRawBufferPointer(rebasing: event[range]), isBare: isBare)
            switch decision {
            case .without(let hidden, _): return .without(hidden, offset: range.lowerBound)
            case .alike(let length, _): return .alike(textLength: length, offset: range.lowerBound)
            default: return decision
            }
        }
    }

    /// - Parameter isBare: There is nothing else in the event.
    private func judge(payload: UnsafeRawBufferPointer, isBare: Bool) throws(Failure) -> Decision {
        // What must be remembered, or added to, is looked at event by event.
        if memory == nil, serviceTier == nil, isBare, let length = likeness.textLength(of: payload) {
            if length > 0 { contentEvents += 1 }
            return likeness.hiddenCount > 0 ? .alike(textLength: length, offset: 0) : .forward
        }
        // llama.cpp's server begins the answer to several prompts with it.
        if payload.count == 4, payload.elementsEqual("null".utf8) { return .drop }
        guard let answer = AnswerScan.scan(payload) else { throw .malformed }
        if answer.error != nil { throw .upstream(UpstreamError.judge(status: nil, body: payload)) }
        if assembly != nil, assembly?.take(Array(payload)) == false { throw assembly?.isTooLong == true ? Failure.tooLong : .malformed }
        return try note(answer, payload, isBare: isBare)
    }

    private func note(_ answer: AnswerScan, _ payload: UnsafeRawBufferPointer, isBare: Bool) throws(Failure) -> Decision {
        begun = max(begun, answer.choices, answer.choiceIndex.map { $0 + 1 } ?? 0)
        if memory != nil, let decision = try remember(answer, payload) { return decision }
        if answer.hasContent { contentEvents += 1 }
        if let reason = answer.finishReason {
            finishReason = try known(reason, payload)
            finished += answer.finished
            if includesUsage { usagePayload = ByteBuffer(bytes: payload) }
        }
        let isRenamed = answer.model.map { !payload.holds(quotedModel, at: $0.lowerBound - 1..<$0.upperBound + 1) } ?? false
        let isReworded = answer.finishReason.map { FinishReason.isStopByAnotherName(payload, $0) } ?? false
        let isChanged = isRenamed || isReworded || !isBare || serviceTier != nil
        let asItCame = answer.hidden.isEmpty ? Decision.forward : .without(answer.hidden, offset: 0)
        guard let usage = answer.usage else {
            // All that it brought was hidden, such as SGLang's `sglext`.
            if answer.hasEmptyChoices, !answer.hidden.isEmpty { return .drop }
            guard !isChanged else { return .replace(rewritten(answer, payload)) }
            if let text = answer.onlyText, answer.finishReason == nil, assembly == nil {
                likeness.remember(payload, text: text, hidden: answer.hidden)
            }
            return asItCame
        }
        let counts = tokens.take(usage, isFinal: answer.choices == 0, choice: answer.choices == 1 ? answer.choiceIndex ?? 0 : nil)
        // It was asked for here, to know what is left where the stream breaks.
        if memory != nil, answer.choices > 0 { return .replace(rewritten(answer, payload, dropsUsage: true)) }
        if includesUsage, joinsUsage {
            usagePayload = ByteBuffer(bytes: payload)
        } else if includesUsage, counts {
            hasToldUsage = true
            let shown = !usage.isSound || tokens.exceeds(bound) ? reportedUsage : nil
            return isChanged || shown != nil ? .replace(rewritten(answer, payload, usage: shown)) : asItCame
        }
        return answer.choices == 0 ? .drop : .replace(rewritten(answer, payload, dropsUsage: true))
    }

    /// Why a choice ended. A worker that says it gave the answer up has failed.
    private func known(_ reason: Range<Int>, _ payload: UnsafeRawBufferPointer) throws(Failure) -> String {
        guard let known = FinishReason.known(payload, reason) else { throw .upstream(.retry(.upstreamError)) }
        return known
    }

    /// Keeps what the client is sent; of a stream that goes on, says what that is. Nil: the event as it came.
    private func remember(_ answer: AnswerScan, _ payload: UnsafeRawBufferPointer) throws(Failure) -> Decision? {
        guard let known = memory, known.isResumed else {
            memory?.note(Array(payload))
            return nil
        }
        if answer.hasContent { contentEvents += 1 }
        if let reason = answer.finishReason {
            finishReason = try self.known(reason, payload)
            finished += answer.finished
        }
        let counts = answer.usage.map { tokens.take(known.joined($0), isFinal: answer.choices == 0) } ?? false
        guard answer.choices > 0 else {
            guard includesUsage, counts else { return .drop }
            hasToldUsage = true
            return .replace(known.usageEvent(reportedUsage, quotedModel: quotedModel))
        }
        return memory?.rewritten(Array(payload), quotedModel: quotedModel).map { .replace($0) } ?? .drop
    }

    /// The event anew, with the customer's name of the model, and without usage or with other usage.
    private func rewritten(
        _ answer: AnswerScan, _ payload: UnsafeRawBufferPointer, dropsUsage: Bool = false, usage: [UInt8]? = nil, emptiesChoices: Bool = false
    ) -> ByteBuffer {
        var event = ByteBufferAllocator().buffer(capacity: payload.count + quotedModel.count + 16)
        event.writeStaticString("data: ")
        event.writeAnswer(
            payload, answer, quotedModel: quotedModel, dropsUsage: dropsUsage, usage: usage, emptiesChoices: emptiesChoices,
            serviceTier: serviceTier)
        event.writeStaticString("\n\n")
        return event
    }
}

/// What stands in an answer that is passed on in place of what stood there.
private enum AnswerPiece {
    case nothing
    case model
    case usage
    case stop
    case noChoices
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

    /// Copies an answer with the customer's name of its model, with `stop` where it says that in other words, without its usage or with another one,
    /// with the tier of service that it was given where that is told, and without what the runtime tells of itself.
    mutating func writeAnswer(
        _ bytes: UnsafeRawBufferPointer, _ answer: AnswerScan, quotedModel: [UInt8], dropsUsage: Bool, usage: [UInt8]? = nil,
        emptiesChoices: Bool = false, serviceTier: StaticString? = nil
    ) {
        // Names of what is put there: the bytes themselves would be counted for each.
        var cuts: [(Range<Int>, AnswerPiece)] = []
        cuts.reserveCapacity(4 + answer.hidden.count)
        if let range = answer.model { cuts.append((range.lowerBound - 1..<range.upperBound + 1, .model)) }
        for range in answer.hidden { cuts.append((range, .nothing)) }
        if let range = answer.finishReason, FinishReason.isStopByAnotherName(bytes, range) { cuts.append((range, .stop)) }
        if serviceTier != nil, let range = answer.serviceTierMember { cuts.append((range, .nothing)) }
        if dropsUsage, let range = answer.usageMember { cuts.append((range, .nothing)) }
        if usage != nil, let range = answer.usageValue { cuts.append((range, .usage)) }
        if usage != nil, let range = answer.emptyUsageMember { cuts.append((range, .nothing)) }
        if emptiesChoices, let range = answer.choicesValue { cuts.append((range, .noChoices)) }
        cuts.sort { $0.0.lowerBound < $1.0.lowerBound }
        var at = 0
        let newUsage = answer.usageValue == nil ? usage : nil
        if serviceTier != nil || newUsage != nil, let open = bytes.firstIndex(of: UInt8(ascii: "{")) {
            at = open + 1
            writeBytes(bytes[..<at])
            if let serviceTier { writeString(#""service_tier":"\#(serviceTier)","#) }
            if let newUsage {
                writeStaticString(#""usage":"#)
                writeBytes(newUsage)
                writeStaticString(",")
            }
        }
        for (range, piece) in cuts where range.upperBound > at {
            // Where the first members go, each takes the comma behind it along.
            let isBehindFirst = range.lowerBound < at
            writeBytes(bytes[at..<max(at, range.lowerBound)])
            switch piece {
            case .nothing: break
            case .model: writeBytes(quotedModel)
            case .usage: if let usage { writeBytes(usage) }
            case .stop: writeString(FinishReason.stop)
            case .noChoices: writeStaticString("[]")
            }
            at = range.upperBound
            if isBehindFirst, let next = bytes[at...].firstIndex(where: { $0 > 0x20 }), bytes[next] == UInt8(ascii: ",") { at = next + 1 }
        }
        writeBytes(bytes[at...])
    }
}
