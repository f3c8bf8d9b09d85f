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
    }

    static let recordLimit = 500
    static let byteLimit = 256 << 10

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
        return batch
    }

    private func take(_ name: SpoolName, isGrowing: Bool, into batch: inout Batch) throws(MeterError) {
        let at = batch.cursor.position(of: name.streamName)
        guard name.number >= at.number else { return }
        let start = name.number == at.number ? at.offset : 0
        let path = "\(directory)/\(name.file)"
        let bytes = try FilePiece.read(path, from: start, limit: Self.byteLimit - batch.scanned + SpoolFormat.headerSize + SpoolFormat.largestPayload)
        guard !bytes.isEmpty else { return }
        let isWhole = bytes.count < Self.byteLimit - batch.scanned + SpoolFormat.headerSize + SpoolFormat.largestPayload
        let consumed = scan(bytes, name, mayWait: isGrowing || !isWhole, into: &batch)
        batch.scanned += consumed
        batch.cursor.advance(name.streamName, to: .init(number: name.number, offset: start + consumed))
    }

    private func scan(_ bytes: [UInt8], _ name: SpoolName, mayWait: Bool, into batch: inout Batch) -> Int {
        bytes.withUnsafeBytes { memory in
            var scan = SpoolScan(memory)
            let origin = SpoolOrigin(gateway: gateway, boot: name.boot)
            while batch.records.count < Self.recordLimit {
                let before = scan.position
                switch scan.next() {
                case .end: return memory.count
                case .damage: batch.damaged += 1
                case .tail(_, let torn):
                    if mayWait { return before }
                    if !torn { batch.damaged += 1 }
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
        var left: [SpoolName] = []
        var removed = 0
        for name in try SpoolName.list(directory) {
            if isRemovable(name, cursor, instant), unlink("\(directory)/\(name.file)") == 0 { removed += 1 } else { left.append(name) }
        }
        let boots = Set(left.map(\.boot))
        for mark in try FolderListing.names(directory) where mark.hasSuffix(".closed") && !boots.contains(String(mark.dropLast(7))) {
            unlink("\(directory)/\(mark)")
        }
        cursor.keep(Set(left.map(\.streamName)))
        return removed
    }

    private func isRemovable(_ name: SpoolName, _ cursor: SpoolCursor, _ instant: Int) -> Bool {
        var status = stat()
        guard stat("\(directory)/\(name.file)", &status) == 0, status.st_mtim.tv_sec < instant else { return false }
        let at = cursor.position(of: name.streamName)
        if name.number < at.number { return true }
        return name.boot != liveBoot && name.number == at.number && at.offset >= Int(status.st_size)
    }
}
