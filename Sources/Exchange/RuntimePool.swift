import HTTPWire
package import NIOCore
import Reactor

/// Keep-alive connections of one event loop to one runtime; the last one used is used next. Every call must come on the loop.
package final class RuntimePool {
    package let address: RuntimeAddress
    /// Exchanges that have been started and have not ended.
    package private(set) var openExchanges = 0
    /// Of a connection in the kernel, which doubles it. All that the kernel holds comes at once when the runtime closes, also to whoever has
    /// stopped reading; left to itself it grows to megabytes.
    private static let receiveBuffer = 128 * 1024
    let limits: ExchangeLimits
    let headLimits: HeadLimits
    /// What stands in every request's head between the path and the id.
    let hostLine: [UInt8]
    private let eventLoop: any EventLoop
    /// Nil: a name, which is looked up for each connection.
    private let socketAddress: SocketAddress?
    /// What has just been received, and nobody keeps.
    private var incoming = ByteBuffer()
    private var idle: [RuntimeConnection] = []
    private var connections = 0
    private var isClosed = false
    private var sweep: Scheduled<Void>?
    private var surplus = IdleSurplus()

    package init(address: RuntimeAddress, eventLoop: any EventLoop, limits: ExchangeLimits = ExchangeLimits()) {
        self.address = address
        self.eventLoop = eventLoop
        self.limits = limits
        var headLimits = HeadLimits()
        headLimits.bytes = limits.headBytes
        headLimits.fields = limits.fields
        self.headLimits = headLimits
        hostLine = Array(" HTTP/1.1\r\nhost: \(address.authority)\r\ncontent-type: application/json\r\nx-request-id: ".utf8)
        socketAddress =
            switch address {
            case .unix(let path): try? SocketAddress(unixDomainSocketPath: path)
            case .tcp(let host, let port): try? SocketAddress(ipAddress: host == "localhost" ? "127.0.0.1" : host, port: port)
            }
    }

    /// Sends `request` on an idle connection or a new one.
    ///
    /// When a reused connection turns out to have been closed while it was idle (`ExchangeLimits.staleTime`), the request goes once more, on a
    /// fresh connection. Where that cannot be opened the exchange fails with `lostBeforeHead`: the runtime may have died of the request.
    package func start(_ request: ExchangeRequest, receiver: any ExchangeReceiver) -> any RunningExchange {
        let exchange = PooledExchange(request: request, receiver: receiver, pool: self)
        openExchanges += 1
        if let connection = idle.popLast() {
            surplus.taken(left: idle.count)
            connection.begin(exchange, isReused: true)
        } else {
            connect(for: exchange)
        }
        exchange.started()
        return exchange
    }

    /// Closes idle connections now and the others when their exchange ends.
    package func close() {
        isClosed = true
        sweep?.cancel()
        sweep = nil
        let connections = idle
        idle.removeAll()
        for connection in connections { connection.close() }
    }

    /// Opens a connection for an exchange that has none.
    func connect(for exchange: PooledExchange) {
        guard connections < limits.connections, !isClosed else { return failLater(exchange, .overloaded) }
        connections += 1
        if let socketAddress { return open([socketAddress], exchange) }
        guard case .tcp(let host, let port) = address else { return opened(nil, exchange) }
        HostAddresses.resolve(host, port: port, on: eventLoop).assumeIsolated().whenComplete { result in
            // A name without an address is a runtime that cannot be reached.
            self.open((try? result.get()) ?? [], exchange)
        }
    }

    private func open(_ addresses: [SocketAddress], _ exchange: PooledExchange) {
        ConnectingSocket.connect(
            to: addresses[...], receiveBuffer: Self.receiveBuffer, within: limits.connectTime, reactor: .on(eventLoop)
        ) { self.opened($0, exchange) }
    }

    private func opened(_ socket: StreamSocket?, _ exchange: PooledExchange) {
        guard let socket else {
            connections -= 1
            return exchange.fail(.connectFailed)
        }
        let connection = RuntimeConnection(socket, pool: self)
        if exchange.isOver { return release(connection) }
        connection.begin(exchange, isReused: false)
    }

    func failLater(_ exchange: PooledExchange, _ failure: ExchangeFailure) {
        eventLoop.assumeIsolated().execute { exchange.fail(failure) }
    }

    // MARK: From connections and exchanges

    /// Few bytes come in memory that is used again unless somebody keeps it.
    func buffer(_ bytes: UnsafeRawBufferPointer) -> ByteBuffer {
        guard bytes.count <= 4096 else { return ByteBuffer(bytes: bytes) }
        incoming.clear(minimumCapacity: bytes.count)
        incoming.writeBytes(bytes)
        return incoming
    }

    func exchangeEnded() {
        openExchanges -= 1
    }

    func connectionClosed(_ connection: RuntimeConnection) {
        connections -= 1
        if let position = idle.lastIndex(where: { $0 === connection }) { idle.remove(at: position) }
    }

    /// The connection has nothing to do and is clean.
    func release(_ connection: RuntimeConnection) {
        guard !isClosed, connection.isActive, idle.count < limits.idleConnections else { return connection.close() }
        connection.idleSince = Reactor.now
        idle.append(connection)
        if sweep == nil { scheduleSweep() }
    }

    private func scheduleSweep() {
        sweep = eventLoop.assumeIsolated().scheduleTask(in: .seconds(2)) { self.closeStale() }
    }

    /// The longest idle connections stand in front.
    private func closeStale() {
        sweep = nil
        let oldest = Reactor.now - limits.idleTime
        let stale = idle.prefix(max(surplus.look(idle: idle.count), idle.prefix { $0.idleSince < oldest }.count))
        idle.removeFirst(stale.count)
        for connection in stale { connection.close() }
        if !idle.isEmpty, !isClosed { scheduleSweep() }
    }
}
