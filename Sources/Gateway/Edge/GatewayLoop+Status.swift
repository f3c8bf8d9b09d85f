import Domain
import HTTPWire
import NIOCore
import OpenAIWire
import PlimsollWire

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
        guard head.method == .get || head.method == .head else { return refused(.methodNotAllowed, id, allow: "GET, HEAD") }
        guard head.framing == .none || head.framing == .length(0) else { return refused(.malformedRequest, id) }
        let condition = fields("if-none-match").map { String(decoding: bytes[$0], as: UTF8.self) }.joined(separator: ",")
        let isKnown = StatusAnswer.isKnown(leaf.tag, to: condition)
        var answer = AnswerHead(status: isKnown ? 304 : 200, requestId: id)
        answer.document = AnswerHead.Document(fields: leaf.head, ageSeconds: age)
        return .answered(answer, isKnown ? ByteBuffer() : leaf.body)
    }

    /// It is nobody's request: there is no key to it.
    private func refused(_ code: APIErrorCode, _ id: RequestId, allow: StaticString? = nil) -> HeadOutcome {
        let error = APIError(code)
        metrics.countRefusal(status: error.status)
        var head = AnswerHead(error, id)
        head.allow = allow
        return .refused(head, ByteBuffer(bytes: error.body))
    }

    private static func mayBeStatus(_ target: UnsafeRawBufferPointer) -> Bool {
        target.starts(with: "/status".utf8) || target.starts(with: "/api/v2/".utf8)
    }
}
