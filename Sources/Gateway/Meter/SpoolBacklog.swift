import Glibc
import PlimsollWire

/// Finds the ended requests that were not acknowledged yet, piece by piece, straight from the segment files.
struct SpoolBacklog: Sendable {
    struct Batch: Sendable {
        var records: [UsageRecord] = []
        var cursor: SpoolCursor
        /// Bytes that were gone through; 0 means that there is nothing new.
        var scanned = 0
        var damaged = 0
        /// Earlier starts of which nothing is left behind the cursor, and of which that was not told yet.
        var ended: [String] = []
    }

    static let recordLimit = 500
    static let byteLimit = 256 << 10
    static let endedLimit = 100
    private static let largestRecord = SpoolFormat.headerSize + SpoolFormat.largestPayload

    let directory: String
    let gateway: String
    /// Boot that is being written now: what its newest segments do not hold yet is on its way, not damage.
    let liveBoot: String

    /// The next batch after a cursor, in the order of segments.
    func next(after cursor: SpoolCursor) throws(MeterError) -> Batch {
        var batch = Batch(cursor: cursor)
        let names = try SpoolName.list(directory)
        for (index, name) in names.enumerated() {
            let isNewest = index + 1 == names.count || names[index + 1].streamName != name.streamName
            try take(name, isGrowing: isNewest && name.boot == liveBoot, into: &batch)
            if batch.records.count >= Self.recordLimit || batch.scanned >= Self.byteLimit { break }
        }
        batch.ended = ended(names, batch.cursor)
        return batch
    }

    private func ended(_ names: [SpoolName], _ cursor: SpoolCursor) -> [String] {
        let left = names.filter { $0.boot != liveBoot && !cursor.settled.contains($0.boot) }
        let unfinished = Set(left.filter { !isPassed($0, cursor) }.map(\.boot))
        return Array(Set(left.map(\.boot)).subtracting(unfinished).sorted().prefix(Self.endedLimit))
    }

    /// What a start recorded is not known whole any more.
    private func note(damageOf name: SpoolName, _ batch: inout Batch) {
        batch.damaged += 1
        batch.cursor.settle([name.boot])
    }

    private func isPassed(_ name: SpoolName, _ cursor: SpoolCursor) -> Bool {
        let at = cursor.position(of: name.streamName)
        if name.number < at.number { return true }
        var status = stat()
        guard stat("\(directory)/\(name.file)", &status) == 0 else { return false }
        return (name.number == at.number ? at.offset : 0) >= Int(status.st_size)
    }

    private func take(_ name: SpoolName, isGrowing: Bool, into batch: inout Batch) throws(MeterError) {
        let at = batch.cursor.position(of: name.streamName)
        guard name.number >= at.number else { return }
        let start = name.number == at.number ? at.offset : 0
        let path = "\(directory)/\(name.file)"
        let limit = Self.byteLimit - batch.scanned + Self.largestRecord
        let bytes = try FilePiece.read(path, from: start, limit: limit)
        guard !bytes.isEmpty else { return }
        let isWhole = bytes.count < limit
        var consumed = scan(bytes, name, mayWait: isGrowing || !isWhole, into: &batch)
        if consumed == 0, !isWhole {
            // A whole record would fit into what was read: it is damage, and longer than one piece.
            note(damageOf: name, &batch)
            consumed = try endOfDamage(path, from: start, isGrowing: isGrowing) - start
        }
        batch.scanned += consumed
        batch.cursor.advance(name.streamName, to: .init(number: name.number, offset: start + consumed))
    }

    /// Where the next whole record begins, or the end of the file, or how far a growing file holds no beginning of one.
    private func endOfDamage(_ path: String, from start: Int, isGrowing: Bool) throws(MeterError) -> Int {
        var at = start
        while true {
            let bytes = try FilePiece.read(path, from: at, limit: Self.byteLimit)
            let found = bytes.withUnsafeBytes { memory -> Int? in
                var scan = SpoolScan(memory)
                switch scan.next() {
                case .record: return 0
                case .damage(let region): return region.upperBound
                case .tail, .end: return nil
                }
            }
            if let found { return at + found }
            let isLast = bytes.count < Self.byteLimit
            if isLast, !isGrowing { return at + bytes.count }
            // A record may begin in the last bytes and end behind them.
            at += max(0, bytes.count - Self.largestRecord)
            if isLast { return max(at, start + 1) }
        }
    }

    private func scan(_ bytes: [UInt8], _ name: SpoolName, mayWait: Bool, into batch: inout Batch) -> Int {
        bytes.withUnsafeBytes { memory in
            var scan = SpoolScan(memory)
            let origin = SpoolOrigin(gateway: gateway, boot: name.boot)
            while batch.records.count < Self.recordLimit {
                let before = scan.position
                switch scan.next() {
                case .end: return memory.count
                case .damage: note(damageOf: name, &batch)
                case .tail(_, let torn):
                    if mayWait { return before }
                    if !torn { note(damageOf: name, &batch) }
                    return memory.count
                case .record(let payload):
                    guard case .final(let final) = SpoolRecord(UnsafeRawBufferPointer(rebasing: memory[payload])) else { continue }
                    batch.records.append(UsageRecord(final, origin: origin))
                }
            }
            return scan.position
        }
    }

    /// Removes segments that were acknowledged whole and last written before `instant` (seconds since 1970), and the marks of boots of which
    /// nothing is left.
    ///
    /// - Returns: Number of segments removed.
    func removeAcknowledged(_ cursor: inout SpoolCursor, olderThan instant: Int) throws(MeterError) -> Int {
        let names = try SpoolName.list(directory)
        let left = try remove(names, olderThan: instant) { name, size in
            let at = cursor.position(of: name.streamName)
            if name.number < at.number { return true }
            return name.boot != liveBoot && name.number == at.number && at.offset >= size
        }
        cursor.keep(left)
        return names.count - left.count
    }

    /// Removes segments last written before `instant` (seconds since 1970), whether they were acknowledged or not. For gateways without a
    /// control plane. What is being written stays.
    ///
    /// - Returns: Number of segments removed.
    func removeExpired(olderThan instant: Int) throws(MeterError) -> Int {
        let names = try SpoolName.list(directory)
        var growing: [Int: Int] = [:]
        for name in names where name.boot == liveBoot { growing[name.stream] = name.number }
        let left = try remove(names, olderThan: instant) { name, _ in name.boot != liveBoot || growing[name.stream] != name.number }
        return names.count - left.count
    }

    /// - Returns: What is left.
    private func remove(_ names: [SpoolName], olderThan instant: Int, where isDone: (SpoolName, Int) -> Bool) throws(MeterError) -> [SpoolName] {
        let left = names.filter { name in
            var status = stat()
            let path = "\(directory)/\(name.file)"
            guard stat(path, &status) == 0, status.st_mtim.tv_sec < instant, isDone(name, Int(status.st_size)) else { return true }
            return unlink(path) != 0
        }
        for boot in try ClosedMark.boots(directory).subtracting(left.map(\.boot)) { ClosedMark.remove(directory, boot: boot) }
        return left
    }
}
