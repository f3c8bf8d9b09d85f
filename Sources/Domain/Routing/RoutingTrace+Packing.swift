/// The bytes: a version (1), a fault (0: none, else one more than its place), tokens of the prompt and of them in the first worker's cache; a number of
/// choices and each of them; a number of attempts and each of them.
///
/// A choice: workers in all; a byte with a bit for each kind of bar that was met, and a count for each; a byte with the number of candidates and, in the
/// upper half, one more than the place of the one that was taken; of each candidate its mark (8 bytes, little-endian), role (a byte), cost and price.
/// An attempt: a byte with the place of its choice and, in the upper half, its reason; a byte with its result; when it started, its first token one more
/// than so long after that (0: none came), its end so long after the start. Numbers without a size are of one to nine bytes, seven bits in each, the
/// lowest first, and all but the last have the eighth bit.
extension RoutingTrace {
    package static let version: UInt8 = 1
    /// Bytes that no trace exceeds.
    package static let largest = 22 + most * (5 + 1 + 6 * 5 + 1 + RoutingChoice.most * (8 + 1 + 9 + 5)) + most * (2 + 3 * 9)

    /// Changes nothing: a trace that belongs to an object would be copied for a call that may not.
    ///
    /// - Parameter memory: Of `largest` bytes at least.
    /// - Returns: How many were written.
    package mutating func pack(into memory: UnsafeMutableRawBufferPointer) -> Int {
        var writer = PackedWriter(memory)
        writer.put(byte: Self.version)
        writer.put(byte: fault.map { $0.place + 1 } ?? 0)
        writer.put(promptTokens)
        writer.put(cachedTokens)
        writer.put(byte: UInt8(choiceCount))
        if choiceCount > 0 { first.pack(into: &writer) }
        for choice in later { choice.pack(into: &writer) }
        writer.put(byte: UInt8(attemptCount))
        for place in 0..<attemptCount { attempt(place).pack(into: &writer) }
        return writer.position
    }

    package var packed: [UInt8] {
        var trace = self
        return [UInt8](unsafeUninitializedCapacity: Self.largest) { buffer, count in count = trace.pack(into: UnsafeMutableRawBufferPointer(buffer)) }
    }

    /// Nil for bytes that are no whole trace of this version.
    package init?(packed bytes: UnsafeRawBufferPointer) {
        var reader = PackedReader(bytes)
        guard reader.takeByte() == Self.version, let fault = reader.takeByte(), fault <= Fault.allCases.count, let prompt = reader.take(),
            let cached = reader.take(), let choices = reader.takeByte(), choices <= Self.most
        else { return nil }
        self.init()
        if fault > 0 { self.fault = Fault.allCases[Int(fault) - 1] }
        (promptTokens, cachedTokens) = (prompt, cached)
        for _ in 0..<choices {
            guard let choice = RoutingChoice(&reader) else { return nil }
            append(choice)
        }
        guard let attempts = reader.takeByte(), attempts <= Self.most else { return nil }
        for _ in 0..<attempts {
            guard let attempt = RoutingAttempt(&reader) else { return nil }
            note(attempt)
        }
        guard reader.isAtEnd else { return nil }
    }

    package init?(packed bytes: [UInt8]) {
        guard let trace = bytes.withUnsafeBytes({ RoutingTrace(packed: $0) }) else { return nil }
        self = trace
    }
}

extension Fault {
    fileprivate var place: UInt8 {
        switch self {
        case .customer: 0
        case .gateway: 1
        case .host: 2
        case .runtime: 3
        }
    }
}

extension RoutingChoice {
    fileprivate func pack(into writer: inout PackedWriter) {
        writer.put(Int(workers))
        var bars: UInt8 = 0
        for bar in 0..<6 where barred(at: bar) > 0 { bars |= 1 << UInt8(bar) }
        writer.put(byte: bars)
        for bar in 0..<6 where barred(at: bar) > 0 { writer.put(Int(barred(at: bar))) }
        writer.put(byte: UInt8(count) | UInt8(taken.map { $0 + 1 } ?? 0) << 4)
        for place in 0..<count {
            let candidate = self[place]
            writer.put(candidate.mark.value)
            writer.put(byte: candidate.role.code)
            writer.put(Int(candidate.cost))
            writer.put(Int(candidate.price))
        }
    }

    fileprivate init?(_ reader: inout PackedReader) {
        self.init()
        guard let workers = reader.take().flatMap(UInt32.init(exactly:)), let bars = reader.takeByte(), bars < 1 << 6 else { return nil }
        self.workers = workers
        for bar in Bar.allCases where bars & 1 << UInt8(bar.rawValue) != 0 {
            guard let barred = reader.take(), UInt32(exactly: barred) != nil else { return nil }
            self.bar(bar, barred)
        }
        guard let counts = reader.takeByte(), counts & 15 <= Self.most, counts >> 4 <= counts & 15 else { return nil }
        for _ in 0..<counts & 15 {
            guard let mark = reader.takeWord(), let role = reader.takeByte().flatMap(Role.init(code:)), let cost = reader.take(),
                let price = reader.take().flatMap(UInt32.init(exactly:))
            else { return nil }
            append(Candidate(worker: 0, role: role, price: price, cost: Int64(cost), mark: WorkerMark(mark)))
        }
        take(at: counts >> 4 == 0 ? nil : Int(counts >> 4) - 1)
    }
}

extension RoutingChoice.Role {
    fileprivate var code: UInt8 {
        switch self {
        case .owner: 0
        case .placed: 1
        case .drawn: 2
        case .queued: 3
        }
    }

    fileprivate init?(code: UInt8) {
        guard let role = Self.allCases.first(where: { $0.code == code }) else { return nil }
        self = role
    }
}

extension RoutingAttempt {
    fileprivate func pack(into writer: inout PackedWriter) {
        writer.put(byte: choice & 15 | reason.code << 4)
        writer.put(byte: result.code)
        writer.put(Int(startedAfter))
        writer.put(firstTokenAfter < 0 ? 0 : Int(max(firstTokenAfter - startedAfter, 0)) + 1)
        writer.put(Int(endedAfter - startedAfter))
    }

    fileprivate init?(_ reader: inout PackedReader) {
        guard let head = reader.takeByte(), let reason = Reason.allCases.first(where: { $0.code == head >> 4 }), let code = reader.takeByte(),
            let result = Result.allCases.first(where: { $0.code == code }), let started = reader.take(), let first = reader.take(),
            let took = reader.take(), case (let ended, false) = started.addingReportingOverflow(took),
            case (let token, false) = started.addingReportingOverflow(first)
        else { return nil }
        self.init(choice: Int(head & 15), reason: reason, startedAfter: Int64(started))
        if first > 0 { firstTokenAfter = Int64(token) - 1 }
        endedAfter = Int64(ended)
        self.result = result
    }
}

extension RoutingAttempt.Reason {
    fileprivate var code: UInt8 {
        switch self {
        case .first: 0
        case .retry: 1
        case .reroute: 2
        case .hedge: 3
        case .continuation: 4
        }
    }
}

extension RoutingAttempt.Result {
    fileprivate var code: UInt8 {
        switch self {
        case .answered: 0
        case .failed: 1
        case .lost: 2
        case .refused: 3
        case .cancelled: 4
        case .broken: 5
        }
    }
}
