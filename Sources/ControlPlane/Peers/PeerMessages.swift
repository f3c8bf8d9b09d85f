import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import PlimsollWire
import Postgres

/// Bodies of requests and answers between the programs.
enum PeerMessages {
    static func read<Message: Decodable>(_ type: Message.Type, _ request: Request, limit: Int) async throws -> Message {
        try decode(type, try await body(request, limit: limit))
    }

    static func minutes(_ request: Request) async throws -> ToldBatch {
        let buffer = try await body(request, limit: MinuteBatch.mostBytes)
        if let batch = buffer.withUnsafeReadableBytes({ MinuteReading.batch($0) }) { return batch }
        return ToldBatch(try decode(MinuteBatch.self, buffer), at: Date())
    }

    private static func body(_ request: Request, limit: Int) async throws -> ByteBuffer {
        do {
            return try await request.body.collect(upTo: limit)
        } catch is NIOTooManyBytesError {
            throw PeerRefusal(.tooLarge, "the body is greater than \(limit) bytes")
        }
    }

    private static func decode<Message: Decodable>(_ type: Message.Type, _ buffer: ByteBuffer) throws -> Message {
        do {
            return try WireCoder.decode(type, from: buffer.readableBytesView)
        } catch {
            throw PeerRefusal(.invalidRequest, "the body is not what this path takes")
        }
    }

    static func answer(_ value: some Encodable) throws -> Response {
        answer(json: try WireCoder.encode(value))
    }

    static func answer(json: [UInt8], headers: HTTPFields = [:], status: HTTPResponse.Status = .ok) -> Response {
        var fields: HTTPFields = [.contentType: "application/json", .cacheControl: "no-store"]
        fields.append(contentsOf: headers)
        return Response(status: status, headers: fields, body: ResponseBody(byteBuffer: ByteBuffer(bytes: json)))
    }
}

/// Gives everything that goes wrong the shape `{"error":{"code":…,"message":…}}`.
struct PeerErrors: RouterMiddleware {
    private struct Body: Encodable {
        struct Fault: Encodable {
            var code: String
            var message: String
        }

        var error: Fault
    }

    func handle(
        _ request: Request, context: PeerContext, next: @concurrent (Request, PeerContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let refusal as PeerRefusal {
            return try answer(refusal.reason.rawValue, refusal.message, refusal.status, retryAfter: refusal.retryAfter)
        } catch let error as any HTTPResponseError {
            return try answer("bad_request", "there is nothing here for this request", error.status)
        } catch is CancellationError {
            return try answer("unavailable", "this program is stopping", .serviceUnavailable)
        } catch {
            context.logger.warning(
                "Request of a peer failed", metadata: ["http.path": "\(request.uri.path)", "error.code": "\(errorCode(error))"])
            return try answer("unavailable", "this cannot be done now", .serviceUnavailable)
        }
    }

    private func answer(_ code: String, _ message: String, _ status: HTTPResponse.Status, retryAfter: Int? = nil) throws -> Response {
        let headers: HTTPFields = retryAfter.map { [.retryAfter: "\($0)"] } ?? [:]
        return PeerMessages.answer(
            json: try WireCoder.encode(Body(error: Body.Fault(code: code, message: message))), headers: headers, status: status)
    }
}
