import Link
import NIOCore
import PlimsollWire

/// The endless answer on which a gateway hears this host's fast facts: one JSON line on change, at most four a second, and one every 2 s.
final class ReportStream {
    private let status: HostStatus
    private let stream: LinkServerStream
    private let limits: RelayLimits
    private var last: LinkReport?
    private var lastSent = NIODeadline.uptimeNanoseconds(0)
    private var tick: Scheduled<Void>?
    private var isOver = false

    init(status: HostStatus, stream: LinkServerStream, limits: RelayLimits) {
        self.status = status
        self.stream = stream
        self.limits = limits
        stream.sendHead(status: 200, contentType: "application/x-ndjson")
        report()
    }

    private func report() {
        guard !isOver else { return }
        let now = NIODeadline.now()
        let report = status.linkReport
        if report != last || now - lastSent >= limits.reportMaximum { send(report, now: now) }
        tick = stream.eventLoop.assumeIsolated().scheduleTask(in: limits.reportMinimum) { [weak self] in self?.report() }
    }

    private func send(_ report: LinkReport, now: NIODeadline) {
        // A gateway that does not read gets the newest report when it does, not all of them.
        guard stream.isWritable else { return }
        do {
            let line = try WireCoder.encode(report)
            var buffer = ByteBuffer()
            buffer.reserveCapacity(line.count + 1)
            buffer.writeBytes(line)
            buffer.writeInteger(UInt8(ascii: "\n"))
            stream.sendBody(buffer)
            stream.flush()
            last = report
            lastSent = now
        } catch {
            end()
            stream.reset()
        }
    }

    private func end() {
        isOver = true
        tick?.cancel()
        tick = nil
    }
}

extension ReportStream: LinkStreamReceiver {
    func streamBody(_ bytes: ByteBuffer) {}
    func streamEnd() {}
    func streamWritable() {}
    func streamReset() { end() }
    func streamOver() { end() }
}
