import NIOCore

@testable import Link

/// The gateway's side of a test: remembers what it hears of links.
final class LinkRecorder: LinkDelegate {
    struct Heard: Sendable {
        var open: [LinkConnection] = []
        var opened = 0
        var draining = 0
        var closed: [LinkError.Code] = []
        var reports: [String] = []
    }

    let heard = Watched(Heard())

    func linkOpened(_ link: LinkConnection) {
        heard.change {
            $0.open.append(link)
            $0.opened += 1
        }
    }

    func linkDraining(_ link: LinkConnection) { heard.change { $0.draining += 1 } }

    func linkClosed(_ link: LinkConnection, reason: LinkError) {
        heard.change { heard in
            heard.open.removeAll { $0 === link }
            heard.closed.append(reason.code)
        }
    }

    func linkReport(_ link: LinkConnection, line: ByteBuffer) {
        heard.change { $0.reports.append(String(buffer: line)) }
    }

    func links(_ count: Int) async throws -> [LinkConnection] {
        try await heard.wait("\(count) links") { $0.open.count >= count }.open
    }
}
