import Glibc
import NIOCore
import NIOPosix
import Reactor
import Testing

@Suite struct ConnectionTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    private func listen(_ accepted: @escaping @Sendable (Int32) -> Void) async throws -> NIOLoopBound<ListeningSocket> {
        try await loop.submit { [loop] in
            let socket = try ListeningSocket(SocketAddress(ipAddress: "127.0.0.1", port: 0), isShared: false, reactor: .on(loop))
            socket.accepted = { descriptor, _ in accepted(descriptor) }
            return NIOLoopBound(socket, eventLoop: loop)
        }.get()
    }

    private func connect(_ addresses: [SocketAddress], within time: TimeAmount = .seconds(5)) async throws -> Bool {
        try await loop.flatSubmit { [loop] in
            let promise = loop.makePromise(of: Bool.self)
            ConnectingSocket.connect(to: addresses[...], receiveBuffer: 65536, within: time, reactor: .on(loop)) { socket in
                promise.succeed(socket != nil)
                socket?.close()
            }
            return promise.futureResult
        }.get()
    }

    private func close(_ listening: NIOLoopBound<ListeningSocket>) async throws {
        try await loop.submit { listening.value.close() }.get()
        try await loop.flatSubmit { listening.value.closeFuture }.get()
    }

    @Test func theNextAddressIsTriedWhenOneRefuses() async throws {
        let listening = try await listen { Glibc.close($0) }
        let port = try await loop.submit { listening.value.port }.get()
        let nobody = try SocketAddress(unixDomainSocketPath: "/nonexistent/socket")
        #expect(try await connect([nobody]) == false)
        #expect(try await connect([]) == false)
        #expect(try await connect([nobody, SocketAddress(ipAddress: "127.0.0.1", port: port)]))
        try await close(listening)
        #expect(try await connect([SocketAddress(ipAddress: "127.0.0.1", port: port)]) == false)
    }

    @Test func aHostThatDoesNotAnswerIsGivenUp() async throws {
        // Its queue is full, and nobody accepts: the system leaves further connections without an answer.
        let full = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { Glibc.close(full) }
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: 0)
        #expect(address.withSockAddr { Glibc.bind(full, $0, socklen_t($1)) } == 0 && Glibc.listen(full, 0) == 0)
        var (bound, size) = ([UInt8](repeating: 0, count: 16), socklen_t(16))
        bound.withUnsafeMutableBytes { _ = getsockname(full, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), &size) }
        let target = try SocketAddress(ipAddress: "127.0.0.1", port: Int(bound[2]) << 8 | Int(bound[3]))
        var held: [Int32] = []
        defer { for descriptor in held { Glibc.close(descriptor) } }
        for _ in 0..<8 {
            let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            _ = target.withSockAddr { Glibc.connect(client, $0, socklen_t($1)) }
            held.append(client)
        }
        #expect(try await connect([target], within: .milliseconds(50)) == false)
    }

    @Test func whatComesWhileNothingIsAcceptedWaits() async throws {
        let accepted = loop.makePromise(of: Void.self)
        let listening = try await listen { descriptor in
            Glibc.close(descriptor)
            accepted.succeed()
        }
        let port = try await loop.submit {
            listening.value.setAccepting(false)
            return listening.value.port
        }.get()
        #expect(try await connect([SocketAddress(ipAddress: "127.0.0.1", port: port)]))
        try await loop.submit { listening.value.setAccepting(true) }.get()
        try await accepted.futureResult.get()
        try await close(listening)
    }

    @Test func aPortOfSomebodyElseIsNotShared() async throws {
        let listening = try await listen { Glibc.close($0) }
        let port = try await loop.submit { listening.value.port }.get()
        #expect(throws: IOError.self) { try ListeningSocket.checkIsFree(SocketAddress(ipAddress: "127.0.0.1", port: port)) }
        try await close(listening)
        try ListeningSocket.checkIsFree(SocketAddress(ipAddress: "127.0.0.1", port: port))
    }

    @Test func namesAreLookedUp() async throws {
        #expect(try HostAddresses.resolve("localhost", port: 7).allSatisfy { $0.port == 7 })
        #expect(try await HostAddresses.resolve("127.0.0.1", port: 7, on: loop).get() == [SocketAddress(ipAddress: "127.0.0.1", port: 7)])
        #expect(throws: UnknownHost.self) { try HostAddresses.resolve("no.such.host.invalid", port: 7) }
    }
}
