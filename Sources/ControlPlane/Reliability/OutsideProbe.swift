import Domain
import HTTPWire
import Outbound
import Telemetry

/// One model at one public endpoint: what is asked there and what the answer says.
struct OutsideProbe: Sendable {
    /// What was found. Tokens are what it cost.
    struct Finding: Sendable, Equatable {
        /// Nil: all was well.
        var trouble: Trouble?
        /// When the first event with content came, or vectors did, counted from the call's start; nil: none came.
        var firstTokenAfter: Duration?
        var promptTokens: Int64 = 0
        var completionTokens: Int64 = 0
    }

    enum Trouble: Sendable, Equatable {
        /// A mistake of the probe: its limits, or what it asked with.
        case own
        /// It was told that its key or its model is not there: a mistake of the probe only where that is so.
        case unknown
        /// It did not get through to a gateway.
        case way
        /// The gateway answered badly, or not in time; this is the fault when nothing else is known.
        case answer(ProbeFault)
    }

    static let mostTokens = 256
    private static let time = Duration.seconds(60)
    /// Long enough an answer for the time to the last of 256 tokens.
    static let prompt = LogCanary.text

    var model: String
    var region: String
    var url: String
    var isEmbedding = false

    func request(key: String, authoritiesPem: String?) -> OutboundRequest {
        let base = url.hasSuffix("/") ? String(url.dropLast()) : url
        return OutboundRequest(
            method: "POST", url: base + (isEmbedding ? "/v1/embeddings" : "/v1/chat/completions"),
            headers: [
                OutboundHeader("content-type", "application/json"), OutboundHeader("authorization", "Bearer \(key)"),
                OutboundHeader("connection", "close"),
            ], body: .bytes(document.text),
            deadlines: OutboundDeadlines(connect: .seconds(5), total: Self.time),
            trust: authoritiesPem.map { .authorities(pem: $0) } ?? .system, version: .http1, responseLimit: 4 << 20)
    }

    private var document: JSONValue {
        guard !isEmbedding else { return ["model": .string(model), "input": "ready"] }
        return [
            "model": .string(model), "messages": [["role": "user", "content": .string(Self.prompt)]],
            "max_tokens": .integer(Int64(Self.mostTokens)), "temperature": 0, "stream": true, "stream_options": ["include_usage": true],
        ]
    }

    func judge(_ response: OutboundResponse) -> Finding {
        switch response.status {
        case 200: return isEmbedding ? judgeWhole(response) : judgeStream(response)
        // The gateway has no room, which is no fault of who asks.
        case 429 where Self.says("over_capacity", response): return Finding(trouble: .answer(.gateway))
        // A gateway that knows no key takes who asks on with one for somebody who tries keys.
        case 401, 403, 404, 405: return Finding(trouble: .unknown)
        case 429 where Self.says("too_many_failed_keys", response): return Finding(trouble: .unknown)
        case 400..<500: return Finding(trouble: .own)
        case 504: return Finding(trouble: .answer(.timeout))
        default: return Finding(trouble: .answer(.gateway))
        }
    }

    private static func says(_ code: String, _ response: OutboundResponse) -> Bool {
        String(decoding: response.body.prefix(4_096), as: UTF8.self).contains("\"\(code)\"")
    }

    func judge(_ error: OutboundError) -> Finding {
        switch error.code {
        case .invalidRequest, .shutDown, .overloaded, .cancelled: Finding(trouble: .own)
        case .timedOut, .connectionLost, .responseTooLarge: Finding(trouble: error.isBeforeSending ? .way : .answer(.timeout))
        default: Finding(trouble: .way)
        }
    }

    private func judgeWhole(_ response: OutboundResponse) -> Finding {
        guard let answer = response.body.withUnsafeBytes({ AnswerScan.scan($0) }), answer.error == nil, answer.hasData else {
            return Finding(trouble: .answer(.answer))
        }
        return Finding(firstTokenAfter: response.timings.firstByte, promptTokens: Int64(answer.usage?.promptTokens ?? 0))
    }

    /// Whole: there is text, it says why it ended, no event tells of an error, and the stream has its end.
    private func judgeStream(_ response: OutboundResponse) -> Finding {
        var finding = Finding()
        var (contents, hasReason, isDone, isBroken) = (0 as Int64, false, false, false)
        for line in response.body.split(separator: 0x0A) where line.starts(with: "data:".utf8) {
            let payload = Array(line.dropFirst(5).drop { $0 == 0x20 }.filter { $0 != 0x0D })
            if payload.elementsEqual("[DONE]".utf8) {
                isDone = true
                continue
            }
            guard let answer = payload.withUnsafeBytes({ AnswerScan.scan($0) }), answer.error == nil else {
                isBroken = true
                continue
            }
            if answer.hasContent {
                if contents == 0 { finding.firstTokenAfter = Self.arrival(ofByte: line.endIndex - 1, response) }
                contents += 1
            }
            if answer.finishReason != nil { hasReason = true }
            finding.promptTokens = max(finding.promptTokens, Int64(answer.usage?.promptTokens ?? 0))
            finding.completionTokens = max(finding.completionTokens, Int64(answer.usage?.completionTokens ?? 0))
        }
        if finding.completionTokens == 0 { finding.completionTokens = contents }
        if contents == 0 || !hasReason || !isDone || isBroken { finding.trouble = .answer(.answer) }
        return finding
    }

    /// libcurl counts its phases from a moment of its own: what came lies between the first byte and the end.
    private static func arrival(ofByte offset: Int, _ response: OutboundResponse) -> Duration {
        let (first, last) = (response.timings.firstByte, response.timings.total)
        return max(first, min(last, response.arrival(ofByte: offset) ?? last))
    }
}
