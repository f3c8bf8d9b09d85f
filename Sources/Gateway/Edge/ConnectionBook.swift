import Glibc
import NIOCore
import Synchronization

/// How many connections customers have open, in all and from each address. Shared by the loops; touched when one opens or closes, never by requests.
final class ConnectionBook: Sendable {
    private let most: Int
    private let mostEach: Int
    private let open = Atomic<Int>(0)
    private let addresses = Mutex<[String: Int]>([:])

    /// - Parameter mostEach: From one address; 0: no bound.
    init(most: Int, mostEach: Int) {
        self.most = most
        self.mostEach = mostEach
    }

    var isFull: Bool { open.load(ordering: .relaxed) >= most }

    /// False: the address has as many as it may; the connection is not counted.
    func enter(_ address: SocketAddress?) -> Bool {
        guard mostEach == 0 || enterEach(Self.name(address)) else { return false }
        open.add(1, ordering: .relaxed)
        return true
    }

    func leave(_ address: SocketAddress?) {
        open.subtract(1, ordering: .relaxed)
        guard mostEach > 0 else { return }
        let name = Self.name(address)
        addresses.withLock { addresses in
            let left = (addresses[name] ?? 1) - 1
            addresses[name] = left > 0 ? left : nil
        }
    }

    private func enterEach(_ name: String) -> Bool {
        addresses.withLock { addresses in
            let count = addresses[name, default: 0]
            guard count < mostEach else { return false }
            addresses[name] = count + 1
            return true
        }
    }

    /// Who has one IPv6 address has a network of 64 bits of them.
    static func name(_ address: SocketAddress?) -> String {
        guard let address else { return "" }
        let text = address.ipAddress ?? ""
        var bytes = [UInt8](repeating: 0, count: 16)
        guard case .v6 = address, inet_pton(AF_INET6, text, &bytes) == 1 else { return text }
        // An IPv4 address in an IPv6 socket's clothes.
        if bytes.prefix(10).allSatisfy({ $0 == 0 }), bytes[10] == 0xFF, bytes[11] == 0xFF { return "\(bytes.suffix(4))" }
        return "\(bytes.prefix(8))"
    }
}
