import FoundationEssentials
import PlimsollWire

/// A record as its tenant reads it.
struct CaptureDocument: Encodable {
    private var id: String
    private var object = "debug.record"
    private var requestId: String
    private var key: String
    private var model: String
    private var acceptedAt: Int64
    private var status: Int
    private var request: String
    private var answer: String
    private var isCut: Bool
    private var requestBytes: Int
    private var answerBytes: Int

    init(_ id: UUID, _ record: CaptureRecord) {
        self.id = id.uuidString.lowercased()
        requestId = record.requestId
        key = record.key
        model = record.model
        acceptedAt = record.acceptedAt
        status = record.status
        request = record.request
        answer = record.answer
        isCut = record.isCut
        requestBytes = record.requestBytes ?? record.request.utf8.count
        answerBytes = record.answerBytes ?? record.answer.utf8.count
    }

    /// JSON of so many bytes at most. A text of signs that must be escaped takes six times its length: what is too long is cut, and marked so.
    func encoded(within most: Int) throws -> [UInt8] {
        let whole = try WireCoder.encode(self)
        guard whole.count > most else { return whole }
        var document = self
        (document.isCut, document.request, document.answer) = (true, "", "")
        let room = try most - WireCoder.encode(document).count
        // Each has half, and what the other one leaves.
        let (asked, told) = (Self.escapedLength(request), Self.escapedLength(answer))
        document.request = Self.prefix(request, max(room / 2, room - told))
        document.answer = Self.prefix(answer, max(room / 2, room - asked))
        return try WireCoder.encode(document)
    }

    /// Of a sign within a JSON string, at most.
    private static func escapedLength(_ scalar: Unicode.Scalar) -> Int {
        switch scalar {
        case "\"", "\\": 2
        case "\u{20}"..."\u{7E}": 1
        case "\u{80}"...: UTF8.width(scalar)
        default: 6
        }
    }

    private static func escapedLength(_ text: String) -> Int { text.unicodeScalars.reduce(0) { $0 + escapedLength($1) } }

    /// As much of a text as takes so many bytes.
    private static func prefix(_ text: String, _ room: Int) -> String {
        var left = room
        let end = text.unicodeScalars.firstIndex { scalar in
            left -= escapedLength(scalar)
            return left < 0
        }
        return String(text.unicodeScalars[..<(end ?? text.endIndex)])
    }
}
