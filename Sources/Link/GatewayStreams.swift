import Exchange
import NIOCore
import NIOHPACK
import NIOHTTP2

/// The requests that a gateway has open on one connection, and the agent's report stream.
final class GatewayStreams: LinkStreams {
    private let writer: LinkWriter
    private let delegate: any LinkDelegate
    /// Set before the first frame; the connection and its streams hold each other until the link is closed.
    private var connection: LinkConnection?
    private var streams: [HTTP2StreamID: GatewayStream] = [:]
    /// Requests that wait for the socket: the frame layer would keep their heads and could not take them back after a GOAWAY.
    private var waiting: [GatewayStream] = []
    private var touched: [GatewayStream] = []
    private var nextId = 1
    private var takesRequests = false
    private var reports: ReportStream?
    private var isClosed = false

    init(writer: LinkWriter, delegate: any LinkDelegate) {
        self.writer = writer
        self.delegate = delegate
    }

    func attach(_ connection: LinkConnection) {
        self.connection = connection
    }

    var isDrained: Bool { streams.isEmpty && waiting.isEmpty }

    func start(_ request: ExchangeRequest, receiver: any ExchangeReceiver, onFinish: (@Sendable () -> Void)?) -> GatewayStream {
        let stream = GatewayStream(request, receiver: receiver, onFinish: onFinish, writer: writer, owner: self)
        guard takesRequests, openCount < writer.settings.maximumStreams else {
            let failure = takesRequests ? ExchangeFailure.overloaded : .connectFailed
            writer.later { stream.fail(failure) }
            return stream
        }
        if writer.isChannelWritable, waiting.isEmpty {
            begin(stream)
        } else {
            waiting.append(stream)
        }
        counted()
        return stream
    }

    // MARK: From the connection

    func linkOpened() {
        takesRequests = true
        openReports()
        if let connection { delegate.linkOpened(connection) }
    }

    func headers(_ id: HTTP2StreamID, _ headers: HPACKHeaders, isEnd: Bool) {
        if id == reports?.id {
            if isEnd { reopenReports() }
            return
        }
        streams[id]?.headers(headers, isEnd: isEnd)
    }

    func data(_ id: HTTP2StreamID, _ bytes: ByteBuffer, size: Int, isEnd: Bool) {
        guard let stream = streams[id] else {
            if id == reports?.id { reported(bytes, size: size, isEnd: isEnd) }
            return
        }
        if stream.data(bytes, size: size, isEnd: isEnd) { touched.append(stream) }
    }

    func peerReset(_ id: HTTP2StreamID, _ code: HTTP2ErrorCode) {
        guard id != reports?.id else { return reopenReports() }
        streams[id]?.fail(code == .refusedStream ? .connectFailed : .reset)
    }

    func brokenStream(_ id: HTTP2StreamID) {
        guard id != reports?.id else { return reopenReports() }
        streams[id]?.fail(.malformed)
    }

    func peerDraining(lastStreamID: HTTP2StreamID) {
        draining()
        for stream in streams.values where stream.id > lastStreamID { stream.fail(.connectFailed) }
    }

    func draining() {
        guard takesRequests else { return }
        takesRequests = false
        if let id = reports?.id { writer.reset(id, .cancel) }
        reports = nil
        if let connection { delegate.linkDraining(connection) }
        let turnedAway = waiting
        waiting = []
        for stream in turnedAway { stream.fail(.connectFailed) }
    }

    func readComplete() {
        guard !touched.isEmpty else { return }
        let read = touched
        touched.removeAll(keepingCapacity: true)
        for stream in read { stream.readComplete() }
    }

    func writabilityChanged() {
        while writer.isChannelWritable, !waiting.isEmpty { begin(waiting.removeFirst()) }
    }

    func gather() {}

    func closed(_ reason: LinkError) {
        isClosed = true
        let wasOpened = takesRequests || reports != nil || nextId > 1
        takesRequests = false
        let failure: [GatewayStream] = Array(streams.values) + waiting
        waiting = []
        for stream in failure { stream.lost() }
        streams.removeAll()
        touched.removeAll()
        if wasOpened, let connection { delegate.linkClosed(connection, reason: reason) }
        connection = nil
    }

    // MARK: From streams

    func finished(_ stream: GatewayStream) {
        if stream.id == .rootStream {
            waiting.removeAll { $0 === stream }
        } else {
            streams[stream.id] = nil
        }
        counted()
        // By GOAWAY, so that whoever dialled hears that it must dial again.
        if nextId > writer.settings.lastStreamId, takesRequests { connection?.drain() }
    }

    private var openCount: Int { streams.count + waiting.count }
    private var wasBusy = false

    private func counted() {
        let count = openCount
        connection?.count(open: count)
        guard wasBusy != (count > 0), !isClosed else { return }
        wasBusy = count > 0
        writer.busyChanged(wasBusy)
    }

    private func begin(_ stream: GatewayStream) {
        let id = takeId()
        streams[id] = stream
        stream.send(as: id)
    }

    private func takeId() -> HTTP2StreamID {
        defer { nextId += 2 }
        return HTTP2StreamID(nextId)
    }

    // MARK: Reports

    private func openReports() {
        let id = takeId()
        reports = ReportStream(id: id)
        var headers = HPACKHeaders()
        headers.add(name: ":method", value: "GET")
        headers.add(name: ":scheme", value: "https")
        headers.add(name: ":path", value: LinkName.reports)
        writer.write(id, .headers(.init(headers: headers, endStream: true)))
    }

    private func reported(_ bytes: ByteBuffer, size: Int, isEnd: Bool) {
        guard let connection else { return }
        if let window = reports?.consumed(size), !isEnd, let id = reports?.id { writer.giveWindow(id, window) }
        guard let lines = reports?.lines(bytes) else {
            writer.close(LinkError(.protocolViolation, "a report line is longer than \(ReportStream.longestLine) bytes"))
            return
        }
        for line in lines { delegate.linkReport(connection, line: line) }
        if isEnd { reopenReports() }
    }

    /// An agent that ends its reports is asked again after a while; its links stay.
    private func reopenReports() {
        reports = nil
        guard takesRequests else { return }
        writer.after(.seconds(1)) { [weak self] in
            guard let self, takesRequests, reports == nil else { return }
            openReports()
        }
    }
}
