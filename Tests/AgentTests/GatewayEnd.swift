import Link
import NIOCore
import PlimsollWire
import Synchronization

/// What a gateway hears of its links.
final class GatewayEnd: LinkDelegate {
    private let heard = Mutex((links: [LinkConnection](), reports: [LinkReport]()))

    var links: [LinkConnection] { heard.withLock { $0.links } }
    var reports: [LinkReport] { heard.withLock { $0.reports } }

    func linkOpened(_ link: LinkConnection) { heard.withLock { $0.links.append(link) } }
    func linkDraining(_ link: LinkConnection) {}
    func linkClosed(_ link: LinkConnection, reason: LinkError) {}

    func linkReport(_ link: LinkConnection, line: ByteBuffer) {
        guard let report = try? WireCoder.decode(LinkReport.self, from: line.readableBytesView) else { return }
        heard.withLock { $0.reports.append(report) }
    }
}
