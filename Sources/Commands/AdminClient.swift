import FoundationEssentials
import HTTPWire
import Outbound
import Program

/// Asks the admin API.
struct AdminClient: Sendable {
    private let access: AdminAccess
    private let outbound: OutboundClient

    init(_ access: AdminAccess, outbound: OutboundClient = OutboundClient()) {
        self.access = access
        self.outbound = outbound
    }

    /// The same server, asked with another token.
    func holding(token: String) -> AdminClient { AdminClient(AdminAccess(url: access.url, token: token), outbound: outbound) }

    struct Page: Sendable {
        var rows: [JSONValue]
        var nextCursor: String?
    }

    func list(_ path: String, filters: [(String, String)] = [], limit: Int, cursor: String? = nil) async throws(CommandFailure) -> Page {
        var query = filters + [("limit", String(limit))]
        if let cursor { query.append(("cursor", cursor)) }
        let text = query.map { "\($0.0)=\(Self.escape($0.1))" }.joined(separator: "&")
        let answer = try await ask("GET", "\(path)?\(text)").document
        guard let rows = answer["data"]?.array else { throw CommandFailure(.refused, "the server's answer is no list") }
        return Page(rows: rows, nextCursor: answer["next_cursor"]?.string)
    }

    /// Rows of a list, and whether there are more of them.
    struct Rows: Sendable {
        var rows: [JSONValue] = []
        var hasMore = false
    }

    /// Up to `most` rows, page by page. `onPage` hears how many there are so far.
    func rows(
        _ path: String, filters: [(String, String)] = [], most: Int = .max, onPage: (Int) -> Void = { _ in }
    ) async throws(CommandFailure) -> Rows {
        var found = Rows()
        var cursor: String?
        repeat {
            let page = try await list(path, filters: filters, limit: min(200, most - found.rows.count), cursor: cursor)
            found.rows += page.rows
            cursor = page.nextCursor
            onPage(found.rows.count)
        } while cursor != nil && found.rows.count < most
        found.hasMore = cursor != nil
        return found
    }

    /// Up to `most` rows, whether or not there are more.
    func all(_ path: String, filters: [(String, String)] = [], most: Int = .max) async throws(CommandFailure) -> [JSONValue] {
        try await rows(path, filters: filters, most: most).rows
    }

    func get(_ path: String) async throws(CommandFailure) -> JSONValue {
        try await ask("GET", path).document
    }

    /// Changes something. An idempotency key goes along, so that a change which is sent again after a lost answer happens once.
    func change(_ method: String, _ path: String, _ body: JSONValue = .object(JSONObject())) async throws(CommandFailure) -> JSONValue {
        try await changed(method, path, body).document
    }

    /// Makes one of a kind. Fails when it was made but the answer with its secret was lost: the server does not tell a secret twice.
    func create(_ kind: (some AdminKind).Type, _ body: JSONValue) async throws(CommandFailure) -> JSONValue {
        let answer = try await changed("POST", kind.path, body)
        // A key that was made elsewhere has no secret that its owner does not know.
        guard answer.isReplayed, let secret = kind.secret, answer.document[secret] == nil, answer.document["imported"]?.bool != true else {
            return answer.document
        }
        let id = AdminColumn.text(answer.document["id"])
        throw CommandFailure(
            .refused, "the \(kind.noun) was made, but its \(secret) was lost on the way: plimsoll \(kind.path) revoke \(id), and make another")
    }

    /// The text of a page under the installation's address, such as `evidence/v1/checkpoint`.
    func page(_ path: String) async throws(CommandFailure) -> String {
        var request = OutboundRequest(method: "GET", url: "\(access.url)/\(path)")
        request.responseLimit = 1 << 30
        let answer = try await send(request)
        guard answer.status == 200 else {
            _ = try Self.read(answer)
            throw CommandFailure(.refused, "the server answered \(answer.status)")
        }
        return String(decoding: answer.body, as: UTF8.self)
    }

    /// The JSON of a page under the installation's address.
    func document(_ path: String) async throws(CommandFailure) -> JSONValue {
        try Self.read(try await send(OutboundRequest(method: "GET", url: "\(access.url)/\(path)")))
    }

    private struct Answer {
        var document: JSONValue
        /// An earlier answer to the same request, without what is told only once.
        var isReplayed: Bool
    }

    private func changed(_ method: String, _ path: String, _ body: JSONValue) async throws(CommandFailure) -> Answer {
        let key = UUID().uuidString.lowercased()
        do {
            return try await ask(method, path, body, idempotencyKey: key)
        } catch  where error.code == .unreachable && (error.cause as? OutboundError)?.code == .connectionLost {
            return try await ask(method, path, body, idempotencyKey: key)
        }
    }

    private func ask(
        _ method: String, _ path: String, _ body: JSONValue? = nil, idempotencyKey: String? = nil
    ) async throws(CommandFailure) -> Answer {
        var request = OutboundRequest(method: method, url: "\(access.url)/admin/v1/\(path)")
        if let idempotencyKey { request.headers.append(OutboundHeader("idempotency-key", idempotencyKey)) }
        if let body {
            request.headers.append(OutboundHeader("content-type", "application/json"))
            request.body = .bytes(Array(JSONPrinter.compact(body).utf8))
        }
        let answer = try await send(request)
        return Answer(document: try Self.read(answer), isReplayed: answer.head["idempotent-replayed"] == "true")
    }

    private func send(_ request: OutboundRequest) async throws(CommandFailure) -> OutboundResponse {
        var request = request
        if let token = access.token { request.headers.append(OutboundHeader("authorization", token.authorization)) }
        request.headers.append(OutboundHeader("accept", "application/json"))
        do {
            return try await outbound.send(request)
        } catch {
            let isOurs = error.code == .invalidRequest
            throw CommandFailure(isOurs ? .usage : .unreachable, "\(access.url) cannot be reached: \(error.message)", cause: error)
        }
    }

    private static func read(_ answer: OutboundResponse) throws(CommandFailure) -> JSONValue {
        if answer.status == 204 { return .null }
        let document: JSONValue
        do {
            document = try JSONValue.parse(answer.body)
        } catch {
            throw CommandFailure(answer.status >= 502 ? .unreachable : .refused, "the server answered \(answer.status) without JSON", cause: error)
        }
        guard (200..<300).contains(answer.status) else {
            throw CommandFailure(.refused, refusal(document, answer.status), refusal: document["error"]?["code"]?.string)
        }
        return document
    }

    /// The server's words, with every fault on a line of its own.
    private static func refusal(_ document: JSONValue, _ status: Int) -> String {
        let error = document["error"]
        let message = PrintableText.clean(error?["message"]?.string ?? "the server refused")
        let code = error?["code"]?.string.map { ", \(PrintableText.clean($0))" } ?? ""
        let faults = error?["faults"]?.array?.compactMap { fault in
            fault["param"]?.string.map { "\n  " + PrintableText.clean("\($0): \(fault["message"]?.string ?? "")") }
        }
        return "\(message) (\(status)\(code))" + (faults ?? []).joined()
    }

    /// Percent-encodes what is not unreserved in a query or a part of a path.
    static func escape(_ text: String) -> String {
        text.utf8.map { byte in
            let character = Character(UnicodeScalar(byte))
            if byte < 128, character.isLetter || character.isNumber || "-._~".contains(character) { return String(character) }
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + (digits.utf8.count == 1 ? "0" : "") + digits
        }.joined()
    }
}
