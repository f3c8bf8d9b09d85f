import Cryptography
import FoundationEssentials
import Outbound

/// One try to tell a program of somebody else's something, which is told again until it is taken or refused for good.
struct Webhook: Sendable {
    /// How a try went.
    enum Outcome: Sendable, Equatable {
        case delivered
        /// - Parameter mayBeHeard: The receiver may have taken it, though it did not say so.
        case failed(String, mayBeHeard: Bool)
        /// The receiver will never take it.
        case refused(status: Int)
    }

    struct Message: Sendable {
        var url: String
        var headers: [(name: String, value: String)]
        var body: String
    }

    let client: OutboundClient

    /// - Parameters:
    ///   - file: Read with each try anew, so that a key may be changed at any moment; nil: there is none.
    ///   - message: What is sent, with the secret.
    func send(secretIn file: String?, _ message: (_ secret: String?) -> Message) async -> Outcome {
        var secret: String?
        if let file {
            guard let bytes = try? SecretFile.read(file, limit: 4_096) else {
                return .failed("its secret file cannot be read", mayBeHeard: false)
            }
            secret = String(decoding: bytes, as: UTF8.self).trimmed
        }
        return await post(message(secret))
    }

    private func post(_ message: Message) async -> Outcome {
        let request = OutboundRequest(
            method: "POST", url: message.url, headers: message.headers.map { OutboundHeader($0.name, $0.value) },
            body: .bytes(Array(message.body.utf8)),
            deadlines: OutboundDeadlines(connect: .seconds(5), total: .seconds(15)), responseLimit: 64 << 10)
        do {
            let status = try await client.send(request).status
            switch status {
            case 200..<300: return .delivered
            case 408, 425, 429: return .failed("answered \(status)", mayBeHeard: false)
            // Also of a proxy, behind which it was taken.
            case 500...: return .failed("answered \(status)", mayBeHeard: true)
            default: return .refused(status: status)
            }
        } catch {
            return .failed("\(error.code)", mayBeHeard: !error.isBeforeSending)
        }
    }

    /// Of any message.
    static let headers = [(name: "content-type", value: "application/json"), (name: "user-agent", value: "plimsoll-control")]

    /// What receivers of our own form know a message and its sender by.
    ///
    /// - Parameters:
    ///   - delivery: The same for each try.
    ///   - now: Seconds since 1970; part of what is signed.
    static func signed(_ body: String, delivery: UUID, secret: String?, now: Int64) -> [(name: String, value: String)] {
        var headers = headers + [(name: "x-plimsoll-delivery", value: delivery.lowercased), (name: "x-plimsoll-timestamp", value: "\(now)")]
        if let secret { headers.append((name: "x-plimsoll-signature", value: "v1=" + signature(body, secret: secret, now: now))) }
        return headers
    }

    /// HMAC-SHA-256 over `<timestamp>.<body>`, lower-case hex.
    private static func signature(_ body: String, secret: String, now: Int64) -> String {
        Hex.encode(MAC.hmacSHA256(key: Array(secret.utf8), Array("\(now).\(body)".utf8)))
    }
}

extension String {
    fileprivate var trimmed: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
