import Cryptography
import Link
import NIOCore
import PlimsollWire

/// The endless answer on which a gateway hears this host's fast facts: one JSON line on change, at most four a second, and one every 2 s.
/// While nothing runs it looks for changes only when the bell rings.
final class ReportStream {
    private let status: HostStatus
    private let places: ToldPlaces
    /// Who hears it.
    private let gateway: PeerIdentity
    private let stream: LinkServerStream
    private let limits: RelayLimits
    private let bell: ReportBell
    private var last: LinkReport?
    private var lastSent = NIODeadline.uptimeNanoseconds(0)
    private var tick: Scheduled<Void>?
    private var isOver = false

    init(
        status: HostStatus, places: ToldPlaces, gateway: PeerIdentity, stream: LinkServerStream, limits: RelayLimits, bell: ReportBell
    ) {
        self.status = status
        self.places = places
        self.gateway = gateway
        self.stream = stream
        self.limits = limits
        self.bell = bell
        stream.sendHead(status: 200, contentType: "application/x-ndjson")
        report()
    }

    private func report() {
        guard !isOver else { return }
        let now = NIODeadline.now()
        let report = newReport
        if report != last || now - lastSent >= limits.reportMaximum { send(report, now: now) }
        look(in: rest(after: report, now: now))
    }

    private var newReport: LinkReport { places.added(to: status.linkReport, for: gateway) }

    private func look(in pause: TimeAmount) {
        guard !isOver else { return }
        tick?.cancel()
        tick = stream.eventLoop.assumeIsolated().scheduleTask(in: pause) { [weak self] in self?.report() }
    }

    private func rest(after report: LinkReport, now: NIODeadline) -> TimeAmount {
        let isQuiet = report == last && report.workers.allSatisfy(\.isQuiet)
        guard isQuiet, status.openRequests == 0 else { return limits.reportMinimum }
        let sleeper = NIOLoopBound(self, eventLoop: stream.eventLoop)
        bell.sleep(ObjectIdentifier(self)) { [loop = stream.eventLoop] in loop.execute { sleeper.value.wake() } }
        // What changed before the bell was within hearing rang for nobody.
        guard newReport == report else { return limits.reportMinimum }
        return max(limits.reportMinimum, lastSent + limits.reportMaximum - now)
    }

    private func wake() {
        look(in: max(.zero, lastSent + limits.reportMinimum - .now()))
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
        bell.leave(ObjectIdentifier(self))
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

extension LinkReport.Worker {
    fileprivate var isQuiet: Bool { load.relaying == 0 && load.running == 0 && load.waiting == 0 && others == nil }
}
