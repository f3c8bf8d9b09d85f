import Cryptography
import NIOCore
import NIOHPACK
import NIOHTTP2

/// The requests that an agent serves on one connection.
final class AgentStreams: LinkStreams {
    private let peer: PeerIdentity
    private let serving: any LinkServing
    private let writer: LinkWriter
    private var streams: [HTTP2StreamID: LinkServerStream] = [:]
    private var gathering: [LinkServerStream] = []
    /// Requests without the endless report streams, which must not make an idle link look busy.
    private var requests = 0

    init(peer: PeerIdentity, serving: any LinkServing, writer: LinkWriter) {
        self.peer = peer
        self.serving = serving
        self.writer = writer
    }

    var isDrained: Bool { streams.isEmpty }

    func linkOpened() {}

    func headers(_ id: HTTP2StreamID, _ headers: HPACKHeaders, isEnd: Bool) {
        if let stream = streams[id] {
            // Trailers say nothing to us; they can only end the request.
            if isEnd { stream.requestEnded() }
            return
        }
        let request = LinkRequest(headers, gateway: peer, hasBody: !isEnd)
        let stream = LinkServerStream(id: id, writer: writer, owner: self, isReport: request.path == LinkName.reports)
        streams[id] = stream
        if !stream.isReport { opened() }
        stream.begin(serving.serve(request, on: stream), isRequestComplete: isEnd)
    }

    func data(_ id: HTTP2StreamID, _ bytes: ByteBuffer, size: Int, isEnd: Bool) {
        streams[id]?.received(bytes, size: size, isEnd: isEnd)
    }

    func peerReset(_ id: HTTP2StreamID, _ code: HTTP2ErrorCode) {
        streams[id]?.lost()
    }

    func brokenStream(_ id: HTTP2StreamID) {
        streams[id]?.lost()
    }

    func peerDraining(lastStreamID: HTTP2StreamID) {}

    func draining() {}

    func readComplete() {}

    func writabilityChanged() {}

    func gather() {
        let written = gathering
        gathering.removeAll(keepingCapacity: true)
        for stream in written { stream.writeGathered() }
    }

    func closed(_ reason: LinkError) {
        let lost = streams.values
        for stream in lost { stream.lost() }
        streams.removeAll()
        gathering.removeAll()
    }

    // MARK: Called by streams

    func willGather(_ stream: LinkServerStream) {
        gathering.append(stream)
        writer.scheduleFlush()
    }

    func finished(_ stream: LinkServerStream) {
        guard streams.removeValue(forKey: stream.id) != nil else { return }
        guard !stream.isReport else {
            if streams.isEmpty { writer.busyChanged(false) }
            return
        }
        requests -= 1
        if requests == 0 { writer.busyChanged(false) }
    }

    private func opened() {
        requests += 1
        if requests == 1 { writer.busyChanged(true) }
    }
}

extension LinkRequest {
    init(_ headers: HPACKHeaders, gateway: PeerIdentity, hasBody: Bool) {
        self.init(method: "", path: "", contentType: nil, worker: nil, requestId: nil, gateway: gateway, hasBody: hasBody)
        for (name, value, _) in headers {
            switch name {
            case ":method": method = value
            case ":path": path = value
            case "content-type": contentType = value
            case LinkName.worker: worker = value
            case LinkName.requestId: requestId = value
            case LinkName.batchWindow: batchWindow = min(max(Int(value) ?? 0, 0), LinkRequest.longestBatchWindow)
            default: break
            }
        }
    }
}
