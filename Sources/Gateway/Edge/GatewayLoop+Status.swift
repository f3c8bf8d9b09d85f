import Domain
import HTTPWire
import NIOCore
import OpenAIWire
import PlimsollWire

/// A document of the status page that was asked for.
struct StatusReply {
    let leaf: StatusShelf.Leaf
    let ageSeconds: Int64
    /// The client has it already.
    let isKnown: Bool
}

extension GatewayLoop {
    /// What is found there, for anyone who asks; nil: it is no path of the status page.
    ///
    /// Asked for after all paths of customers' requests, which it must not cost anything.
    func statusReply(
        _ head: RequestHead, _ bytes: UnsafeRawBufferPointer, _ id: RequestId, fields: (StaticString) -> [Range<Int>]
    ) -> HeadOutcome? {
        let target = UnsafeRawBufferPointer(rebasing: bytes[head.target])
        guard let statusPage, Self.mayBeStatus(target) else { return nil }
        var path = String(decoding: target.prefix { $0 != UInt8(ascii: "?") }, as: UTF8.self)
        if path.count > 1, path.hasSuffix("/") { path.removeLast() }
        guard let (leaf, age) = statusPage.leaf(path) else { return nil }
        guard head.method == .get || head.method == .head else { return .refused(APIError(.methodNotAllowed), id, allow: "GET, HEAD") }
        guard head.framing == .none || head.framing == .length(0) else { return .refused(APIError(.malformedRequest), id, allow: nil) }
        let condition = fields("if-none-match").map { String(decoding: bytes[$0], as: UTF8.self) }.joined(separator: ",")
        return .status(StatusReply(leaf: leaf, ageSeconds: age, isKnown: StatusAnswer.isKnown(leaf.tag, to: condition)), id)
    }

    func status(_ reply: StatusReply, _ id: RequestId) -> (AnswerHead, ByteBuffer) {
        var head = AnswerHead(status: reply.isKnown ? 304 : 200, requestId: id)
        head.document = AnswerHead.Document(fields: reply.leaf.head, ageSeconds: reply.ageSeconds)
        return (head, reply.isKnown ? ByteBuffer() : reply.leaf.body)
    }

    private static func mayBeStatus(_ target: UnsafeRawBufferPointer) -> Bool {
        target.starts(with: "/status".utf8) || target.starts(with: "/api/v2/".utf8)
    }
}
