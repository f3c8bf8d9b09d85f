import Domain

/// What a segment's records are once read.
enum SpoolRecord {
    case segment(SpoolOrigin)
    case admission(SpoolAdmission)
    case final(SpoolFinal)

    /// Nil when the payload is sound but not of a form that this version knows.
    init?(_ payload: UnsafeRawBufferPointer) {
        var reader = FieldReader(payload)
        guard let kind = reader.take(UInt8.self).flatMap(SpoolFormat.Kind.init(rawValue:)) else { return nil }
        switch kind {
        case .segment:
            guard let origin = SpoolOrigin(&reader) else { return nil }
            self = .segment(origin)
        case .admission:
            guard let admission = SpoolAdmission(&reader) else { return nil }
            self = .admission(admission)
        case .final:
            guard let final = SpoolFinal(&reader) else { return nil }
            self = .final(final)
        }
    }
}

/// First record of a segment: which gateway wrote it.
struct SpoolOrigin: Sendable, Equatable {
    static let version: UInt8 = 1
    /// Bytes that the whole record cannot exceed.
    static let recordBound = SpoolFormat.bound(2 + 4, 512)
    var gateway: String
    var boot: String
    /// Number of the oldest segment of this stream with an admission that had no end on the disk when this segment was begun. Nil: not known.
    var oldestOpen: Int?

    init(gateway: String, boot: String, oldestOpen: Int? = nil) {
        self.gateway = gateway
        self.boot = boot
        self.oldestOpen = oldestOpen
    }

    init?(_ reader: inout FieldReader) {
        guard reader.take(UInt8.self) == Self.version, let gateway = reader.takeText(), let boot = reader.takeText() else { return nil }
        let oldest = reader.take(UInt32.self) ?? 0
        self.init(gateway: gateway, boot: boot, oldestOpen: oldest == 0 ? nil : Int(oldest))
    }

    var record: [UInt8] {
        SpoolEncoding.record(bound: Self.recordBound) { writer in
            writer.put(SpoolFormat.Kind.segment.rawValue)
            writer.put(Self.version)
            writer.put(text: gateway)
            writer.put(text: boot)
            writer.put(UInt32(clamping: oldestOpen ?? 0))
        }
    }
}

struct SpoolAdmission: Sendable, Equatable {
    struct Flags: OptionSet, Sendable {
        let rawValue: UInt8
        static let stream = Flags(rawValue: 1)
        /// A deadline follows behind everything else.
        static let batch = Flags(rawValue: 2)
        /// How it was routed so far follows last, as in an end.
        static let routed = Flags(rawValue: 4)

        init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        init(_ admission: Admission, isRouted: Bool) {
            self = admission.stream ? .stream : []
            if admission.batchDeadline != nil { insert(.batch) }
            if isRouted { insert(.routed) }
        }
    }

    var sequence: Int64
    var requestId: RequestId
    var acceptedAt: Int64
    var flags: Flags
    var subject: SpoolSubject
    var batchDeadline: Int64?
    /// Nil: it waited for a worker, or the release that wrote it kept none.
    var routing: [UInt8]?

    init?(_ reader: inout FieldReader) {
        guard let sequence = reader.take(Int64.self), let high = reader.take(UInt64.self), let low = reader.take(UInt64.self),
            let acceptedAt = reader.take(Int64.self), let flags = reader.take(UInt8.self).map(Flags.init(rawValue:)),
            let subject = SpoolSubject(&reader)
        else { return nil }
        self.sequence = sequence
        requestId = RequestId(high: high, low: low)
        self.acceptedAt = acceptedAt
        self.flags = flags
        self.subject = subject
        if flags.contains(.batch) { batchDeadline = reader.take(Int64.self) }
        if flags.contains(.routed) { routing = reader.takeBlock() }
    }
}

struct SpoolSubject: Sendable, Equatable {
    var tenant: String
    var key: String
    var tier: String
    var model: String
    var region: String

    init?(_ reader: inout FieldReader) {
        guard let tenant = reader.takeText(), let key = reader.takeText(), let tier = reader.takeText(), let model = reader.takeText(),
            let region = reader.takeText()
        else { return nil }
        self.tenant = tenant
        self.key = key
        self.tier = tier
        self.model = model
        self.region = region
    }

    var encoded: [UInt8] { SpoolText.encode([tenant, key, tier, model, region]) }
}

struct SpoolTarget: Sendable, Equatable {
    var release: String
    var worker: String
    var provider: String

    init?(_ reader: inout FieldReader) {
        guard let release = reader.takeText(), let worker = reader.takeText(), let provider = reader.takeText() else { return nil }
        self.release = release
        self.worker = worker
        self.provider = provider
    }
}

/// The numbers of an end, as they lie in a final record.
struct SpoolNumbers: Sendable, Equatable {
    var firstTokenAfter: Int64 = -1
    var finishedAfter: Int64 = 0
    var queuedFor: Int64 = 0
    var status: Int32 = 0
    var attempts: Int32 = 0
    var promptTokens: Int32 = 0
    var cachedPromptTokens: Int32 = 0
    var completionTokens: Int32 = 0
    var reasoningTokens: Int32 = 0
    var billablePromptTokens: Int32 = 0
    var billableCompletionTokens: Int32 = 0

    static let size = 56

    func write(to writer: inout FieldWriter) {
        writer.put(firstTokenAfter)
        writer.put(finishedAfter)
        writer.put(queuedFor)
        writer.put(status)
        writer.put(attempts)
        writer.put(promptTokens)
        writer.put(cachedPromptTokens)
        writer.put(completionTokens)
        writer.put(reasoningTokens)
        writer.put(billablePromptTokens)
        writer.put(billableCompletionTokens)
    }

    init() {}

    init?(_ reader: inout FieldReader) {
        guard let first = reader.take(Int64.self), let finished = reader.take(Int64.self), let queued = reader.take(Int64.self) else { return nil }
        (firstTokenAfter, finishedAfter, queuedFor) = (first, finished, queued)
        var counts: [Int32] = []
        for _ in 0..<8 {
            guard let count = reader.take(Int32.self) else { return nil }
            counts.append(count)
        }
        (status, attempts, promptTokens, cachedPromptTokens) = (counts[0], counts[1], counts[2], counts[3])
        (completionTokens, reasoningTokens, billablePromptTokens, billableCompletionTokens) = (counts[4], counts[5], counts[6], counts[7])
    }
}

struct SpoolFinal: Sendable, Equatable {
    struct Flags: OptionSet, Sendable {
        let rawValue: UInt8
        static let stream = Flags(rawValue: 1)
        static let estimated = Flags(rawValue: 2)
        static let hasTarget = Flags(rawValue: 4)
        /// A deadline follows behind everything else.
        static let batch = Flags(rawValue: 8)
        static let continued = Flags(rawValue: 16)
        /// Times that follow behind the price, each with its flag.
        static let retrieval = Flags(rawValue: 32)
        static let leased = Flags(rawValue: 64)
        /// How it was routed follows last, behind its length (2): what `RoutingTrace` packs.
        static let routed = Flags(rawValue: 128)
    }

    var sequence: Int64
    var requestId: RequestId
    var acceptedAt: Int64
    var flags: Flags
    var numbers: SpoolNumbers
    var outcome: String
    /// Empty: none.
    var finishReason: String
    var errorCode: String
    var subject: SpoolSubject
    var target: SpoolTarget?
    var batchDeadline: Int64?
    /// 0: none held, or the release that wrote it knew no prices.
    var priceVersion: Int64 = 0
    var retrieval: Int64?
    var leasedFor: Int64?
    /// As `RoutingTrace` packs it, in whatever version. Nil: the release that wrote it kept none, or recovery wrote the end of one that had no worker.
    var routing: [UInt8]?

    init?(_ reader: inout FieldReader) {
        guard let sequence = reader.take(Int64.self), let high = reader.take(UInt64.self), let low = reader.take(UInt64.self),
            let acceptedAt = reader.take(Int64.self), let flags = reader.take(UInt8.self).map(Flags.init(rawValue:)),
            let numbers = SpoolNumbers(&reader), let outcome = reader.takeText(), let finishReason = reader.takeText(),
            let errorCode = reader.takeText(), let subject = SpoolSubject(&reader)
        else { return nil }
        self.sequence = sequence
        requestId = RequestId(high: high, low: low)
        self.acceptedAt = acceptedAt
        self.flags = flags
        self.numbers = numbers
        self.outcome = outcome
        self.finishReason = finishReason
        self.errorCode = errorCode
        self.subject = subject
        if flags.contains(.hasTarget) {
            guard let target = SpoolTarget(&reader) else { return nil }
            self.target = target
        }
        if flags.contains(.batch) { batchDeadline = reader.take(Int64.self) }
        priceVersion = reader.take(Int64.self) ?? 0
        if flags.contains(.retrieval) { retrieval = reader.take(Int64.self) }
        if flags.contains(.leased) { leasedFor = reader.take(Int64.self) }
        if flags.contains(.routed) { routing = reader.takeBlock() }
    }

    /// Closes an admission whose end was never recorded: our fault, nothing billed.
    init(interrupted admission: SpoolAdmission) {
        sequence = admission.sequence
        requestId = admission.requestId
        acceptedAt = admission.acceptedAt
        flags = admission.flags.contains(.stream) ? .stream : []
        if let deadline = admission.batchDeadline {
            flags.insert(.batch)
            batchDeadline = deadline
        }
        if let known = admission.routing {
            flags.insert(.routed)
            routing = known
        }
        numbers = SpoolNumbers()
        numbers.attempts = 1
        outcome = Outcome.interrupted.rawValue
        finishReason = ""
        errorCode = "interrupted"
        subject = admission.subject
    }

    /// The record's bytes; only for finals without a target, which recovery writes.
    var untargetedRecord: [UInt8] {
        SpoolEncoding.record(bound: SpoolEncoding.finalBound + subject.encoded.count + 2 + (routing?.count ?? 0)) { writer in
            writer.put(SpoolFormat.Kind.final.rawValue)
            writer.put(sequence)
            writer.put(requestId.high)
            writer.put(requestId.low)
            writer.put(acceptedAt)
            writer.put(flags.rawValue)
            numbers.write(to: &writer)
            writer.put(text: outcome)
            writer.put(text: finishReason)
            writer.put(text: errorCode)
            writer.put(subject.encoded)
            if let batchDeadline { writer.put(batchDeadline) }
            if let routing {
                writer.put(priceVersion)
                writer.put(block: routing)
            }
        }
    }
}
