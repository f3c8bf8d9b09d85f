import Domain
import Glibc

/// Closes what earlier starts of the gateway left open: every admission without an end becomes an interrupted one, which bills nothing.
///
/// Can be killed at any moment and run again. A boot that was gone through gets its `ClosedMark`; one that was stopped in good order made it
/// itself and is not read at all. Of the others only segments are read in which something can be open.
package struct SpoolRecovery {
    package struct Report: Sendable, Equatable {
        package var boots = 0
        package var interrupted = 0
        /// Segments whose last write was cut off.
        package var tornTails = 0
        /// Stretches of bytes that held no whole record and were set aside under `damaged/`.
        package var damagedRegions = 0
        /// Ends that were read; they are already shipped or will be.
        package var finals = 0
    }

    private let directory: String
    private let gateway: String

    init(directory: String, gateway: String) {
        self.directory = directory
        self.gateway = gateway
    }

    func run() throws(MeterError) -> Report {
        var report = Report()
        let closed = try ClosedMark.boots(directory)
        try TailRecovery.run(directory, closed: closed)
        let names = try SpoolName.list(directory)
        for boot in Set(names.map(\.boot)).subtracting(closed).sorted() {
            try close(boot, names.filter { $0.boot == boot }, &report)
        }
        return report
    }

    private func close(_ boot: String, _ names: [SpoolName], _ report: inout Report) throws(MeterError) {
        let needed = try needed(names)
        var admissions = OpenAdmissions(SpoolOrigin(gateway: gateway, boot: boot))
        var stream: Int?
        for name in needed {
            if name.stream != stream { admissions.beginStream() }
            stream = name.stream
            let contents = try SegmentContents.read(path(name))
            try note(contents.survey { admissions.take($0) }, of: contents, name, &report)
        }
        if admissions.isDisordered, !admissions.open.isEmpty {
            for name in needed { _ = try SegmentContents.read(path(name)).survey { admissions.takeEnd($0) } }
        }
        report.boots += 1
        report.finals += admissions.finals
        let interrupted = admissions.interrupted
        try write(interrupted, admissions.origin, number: (names.last { $0.stream == SpoolName.recoveryStream }?.number ?? 0) + 1)
        report.interrupted += interrupted.count
        try ClosedMark.make(directory, boot: boot)
    }

    private func path(_ name: SpoolName) -> String { "\(directory)/\(name.file)" }

    /// Segments in which an open admission can be: of each stream those from the one that its newest readable head names.
    private func needed(_ names: [SpoolName]) throws(MeterError) -> [SpoolName] {
        var oldest: [Int: Int] = [:]
        for name in names.reversed() where oldest[name.stream] == nil { oldest[name.stream] = try oldestOpen(name) }
        return names.filter { $0.number >= oldest[$0.stream] ?? 0 }
    }

    private func oldestOpen(_ name: SpoolName) throws(MeterError) -> Int? {
        let head = SegmentContents(bytes: try FilePiece.read(path(name), limit: SpoolOrigin.recordBound))
        guard case .segment(let origin) = head.records.first else { return nil }
        return origin.oldestOpen
    }

    private func write(_ finals: [SpoolFinal], _ origin: SpoolOrigin, number: Int) throws(MeterError) {
        guard !finals.isEmpty else { return }
        let name = SpoolName(boot: origin.boot, stream: SpoolName.recoveryStream, number: number)
        let file = try SegmentFile(creating: path(name))
        let bytes = finals.reduce(into: origin.record) { $0 += $1.untargetedRecord }
        let error = bytes.withUnsafeBytes { file.append($0) }
        guard error == 0, file.sync() else { throw SystemFault.error("cannot write \(file.path)", number: error) }
    }

    /// Sets damage aside for a person and counts it; the segment itself stays as it is.
    private func note(_ survey: SegmentContents.Survey, of contents: SegmentContents, _ name: SpoolName, _ report: inout Report) throws(MeterError) {
        if survey.isTorn { report.tornTails += 1 }
        guard !survey.damage.isEmpty else { return }
        report.damagedRegions += survey.damage.count
        let folder = "\(directory)/damaged"
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw SystemFault.error("cannot make \(folder)") }
        for region in survey.damage {
            let path = "\(folder)/\(name.file).\(region.lowerBound)"
            if access(path, F_OK) == 0 { continue }
            let copy = try SegmentFile(creating: path)
            let error = contents.bytes[region].withUnsafeBytes { copy.append($0) }
            guard error == 0 else { throw SystemFault.error("cannot write \(path)", number: error) }
        }
    }
}
