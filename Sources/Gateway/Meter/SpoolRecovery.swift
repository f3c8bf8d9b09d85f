import Domain
import Glibc

/// Closes what earlier starts of the gateway left open: every admission without an end becomes an interrupted one, which bills nothing.
///
/// Can be killed at any moment and run again. A boot that was gone through gets a `.closed` file, so the next start does not read it again.
package struct SpoolRecovery {
    package struct Report: Sendable, Equatable {
        package var boots = 0
        package var interrupted = 0
        /// Segments whose last write was cut off.
        package var tornTails = 0
        /// Stretches of bytes that held no whole record and were set aside under `damaged/`.
        package var damagedRegions = 0
        /// Ends of requests that were recorded without an error; they are already shipped or will be.
        package var finals = 0
        /// The interrupted requests, to be counted in their minutes.
        var closed: [SpoolFinal] = []
    }

    private let directory: String
    private let gateway: String

    init(directory: String, gateway: String) {
        self.directory = directory
        self.gateway = gateway
    }

    func run() throws(MeterError) -> Report {
        var report = Report()
        let names = try SpoolName.list(directory)
        let closed = Set(try FolderListing.names(directory).filter { $0.hasSuffix(".closed") }.map { String($0.dropLast(7)) })
        for boot in Set(names.map(\.boot)).subtracting(closed).sorted() {
            try close(boot, names.filter { $0.boot == boot }, &report)
        }
        return report
    }

    private func close(_ boot: String, _ names: [SpoolName], _ report: inout Report) throws(MeterError) {
        var open: [Int64: SpoolAdmission] = [:]
        var ended: Set<Int64> = []
        var origin = SpoolOrigin(gateway: gateway, boot: boot)
        for name in names {
            let contents = try SegmentContents.read("\(directory)/\(name.file)")
            try note(contents, of: name, &report)
            for record in contents.records {
                switch record {
                case .segment(let found): origin = found
                case .admission(let admission): open[admission.sequence] = admission
                case .final(let final): ended.insert(final.sequence)
                }
            }
        }
        report.boots += 1
        report.finals += ended.count
        let interrupted = open.values.filter { !ended.contains($0.sequence) }.sorted { $0.sequence < $1.sequence }.map(SpoolFinal.init(interrupted:))
        try write(interrupted, origin, number: (names.last { $0.stream == SpoolName.recoveryStream }?.number ?? 0) + 1)
        report.interrupted += interrupted.count
        report.closed += interrupted
        try markClosed(boot)
    }

    private func write(_ finals: [SpoolFinal], _ origin: SpoolOrigin, number: Int) throws(MeterError) {
        guard !finals.isEmpty else { return }
        let name = SpoolName(boot: origin.boot, stream: SpoolName.recoveryStream, number: number)
        let file = try SegmentFile(creating: "\(directory)/\(name.file)")
        let bytes = finals.reduce(into: origin.record) { $0 += $1.untargetedRecord }
        let error = bytes.withUnsafeBytes { file.append($0) }
        guard error == 0, file.sync() else { throw SystemFault.error("cannot write \(file.path)", number: error) }
    }

    private func markClosed(_ boot: String) throws(MeterError) {
        _ = try SegmentFile(creating: "\(directory)/\(boot).closed")
        try SystemFault.syncFolder(directory)
    }

    /// Sets damage aside for a person and counts it; the segment itself stays as it is.
    private func note(_ contents: SegmentContents, of name: SpoolName, _ report: inout Report) throws(MeterError) {
        if contents.isTorn { report.tornTails += 1 }
        guard !contents.damage.isEmpty else { return }
        report.damagedRegions += contents.damage.count
        let folder = "\(directory)/damaged"
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw SystemFault.error("cannot make \(folder)") }
        for region in contents.damage {
            let path = "\(folder)/\(name.file).\(region.offset)"
            if access(path, F_OK) == 0 { continue }
            let copy = try SegmentFile(creating: path)
            let error = region.bytes.withUnsafeBytes { copy.append($0) }
            guard error == 0 else { throw SystemFault.error("cannot write \(path)", number: error) }
        }
    }
}

/// A segment file, read whole.
struct SegmentContents {
    struct Damage: Equatable {
        var offset: Int
        var bytes: [UInt8]
    }

    var records: [SpoolRecord] = []
    var damage: [Damage] = []
    var isTorn = false

    static func read(_ path: String) throws(MeterError) -> SegmentContents {
        SegmentContents(try FilePiece.read(path))
    }

    init(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { memory in
            var scan = SpoolScan(memory)
            while true {
                switch scan.next() {
                case .end: return
                case .record(let payload):
                    if let record = SpoolRecord(UnsafeRawBufferPointer(rebasing: memory[payload])) { records.append(record) }
                case .damage(let region): damage.append(Damage(offset: region.lowerBound, bytes: Array(memory[region])))
                case .tail(let region, let torn):
                    isTorn = isTorn || torn
                    if !torn { damage.append(Damage(offset: region.lowerBound, bytes: Array(memory[region]))) }
                }
            }
        }
    }
}
