import Glibc
import Logging
import Telemetry
import Testing

@testable import Program

@Suite(.timeLimit(.minutes(1))) struct OperationsServerTests {
    /// The status and body of one request, over a plain socket.
    private func ask(_ path: String, _ port: Int, method: String = "GET") throws -> String {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        try #require(connected == 0)
        let request = Array("\(method) \(path) HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".utf8)
        _ = write(descriptor, request, request.count)
        var answer: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(descriptor, &piece, piece.count), count > 0 { answer += piece[..<count] }
        return String(decoding: answer, as: UTF8.self)
    }

    private func server(_ port: Int, _ bound: @escaping @Sendable (SettingsAddress) -> Void = { _ in }) -> OperationsServer {
        OperationsServer(
            address: SettingsAddress(host: "127.0.0.1", port: port), metrics: MetricRegistry(), readiness: Readiness(), logger: Logger(label: "t"),
            bound: bound)
    }

    @Test func aTakenAddressIsKnownBeforeAnythingRuns() async throws {
        let (ports, tell) = AsyncStream.makeStream(of: SettingsAddress.self)
        let first = server(0) { tell.yield($0) }
        try await first.bind()
        for await bound in ports {
            guard case .tcp(_, let port) = bound else { break }
            #expect(try ask("/healthz", port).hasPrefix("HTTP/1.1 200"), "answers before it runs")
            await #expect(throws: (any Error).self) { try await server(port).bind() }
            break
        }
        let running = Task { try await first.run() }
        running.cancel()
        try await running.value
    }

    @Test func everyProgramDescribesItsProcess() {
        let text = ProgramMetrics.registry().prometheusText()
        #expect(text.contains("process_resident_memory_bytes "))
        #expect(text.contains("plimsoll_log_lines_dropped_total 0\n"))
    }

    @Test func metricsHealthAndReadinessAreServed() async throws {
        let metrics = MetricRegistry()
        metrics.counter("a_total", "A.").increment()
        let readiness = Readiness(waitingFor: ["table"])
        let (ports, tell) = AsyncStream.makeStream(of: SettingsAddress.self)
        let server = OperationsServer(
            address: SettingsAddress(host: "127.0.0.1", port: 0), metrics: metrics, readiness: readiness, logger: Logger(label: "t"),
            order: { $0 == "/do" ? "{}" : nil }, bound: { tell.yield($0) })
        let running = Task { try await server.run() }
        defer { running.cancel() }
        for await bound in ports {
            guard case .tcp(_, let port) = bound else { break }
            #expect(try ask("/metrics", port).contains("\r\n\r\n# HELP a_total A.\n"))
            #expect(try ask("/healthz", port).hasPrefix("HTTP/1.1 200"))
            #expect(try ask("/readyz", port).hasSuffix("not ready: table\n"))
            readiness.clear("table")
            #expect(try ask("/readyz", port).hasPrefix("HTTP/1.1 200"))
            #expect(try ask("/secret", port).hasPrefix("HTTP/1.1 404"))
            #expect(try ask("/do", port, method: "POST").hasPrefix("HTTP/1.1 200") && ask("/do", port).hasPrefix("HTTP/1.1 404"))
            #expect(try ask("/metrics", port, method: "POST").hasPrefix("HTTP/1.1 405"))
            break
        }
    }
}
