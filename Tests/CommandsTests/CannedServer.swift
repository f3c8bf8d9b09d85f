import Glibc
import Synchronization

/// A server on loopback that gives its answers in turn, one connection each, and keeps what it was asked.
final class CannedServer: Sendable {
    struct Answer: Sendable {
        var status: Int
        var body: String
        var headers: [String] = []
        var isLost = false

        /// The connection is closed in place of an answer.
        static let lost = Answer(status: 0, body: "", isLost: true)
    }

    private let descriptor: Int32
    private let heads = Mutex<[String]>([])
    let port: Int

    var url: String { "http://127.0.0.1:\(port)" }
    var asked: [String] { heads.withLock { $0 } }

    convenience init(_ answers: [(status: Int, body: String)]) {
        self.init(answers: answers.map { Answer(status: $0.status, body: $0.body) })
    }

    init(answers: [Answer]) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                _ = bind(descriptor, pointer, size)
                _ = getsockname(descriptor, pointer, &size)
            }
        }
        self.descriptor = descriptor
        port = Int(UInt16(bigEndian: address.sin_port))
        listen(descriptor, 16)
        serve(answers)
    }

    deinit {
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }

    /// On a thread of its own, which ends with the last answer or with the socket.
    private func serve(_ answers: [Answer]) {
        let job = Job(descriptor: descriptor, answers: answers) { [weak self] head in self?.heads.withLock { $0.append(head) } }
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Job>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(job).toOpaque())
        pthread_detach(thread)
    }

    private final class Job: Sendable {
        let descriptor: Int32
        let answers: [Answer]
        let note: @Sendable (String) -> Void

        init(descriptor: Int32, answers: [Answer], note: @escaping @Sendable (String) -> Void) {
            self.descriptor = descriptor
            self.answers = answers
            self.note = note
        }

        func run() {
            for answer in answers {
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0 else { return }
                var bytes = [UInt8](repeating: 0, count: 65_536)
                let count = recv(connection, &bytes, bytes.count, 0)
                note(String(decoding: bytes[..<max(0, count)], as: UTF8.self))
                if !answer.isLost {
                    let headers = answer.headers + ["content-length: \(answer.body.utf8.count)", "connection: close"]
                    let text = "HTTP/1.1 \(answer.status) X\r\n\(headers.joined(separator: "\r\n"))\r\n\r\n\(answer.body)"
                    _ = send(connection, text, text.utf8.count, Int32(MSG_NOSIGNAL))
                }
                close(connection)
            }
        }
    }
}
