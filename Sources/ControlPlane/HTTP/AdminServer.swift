import Domain
import FoundationEssentials
import HTTPTypes
package import Hummingbird
package import Logging
import NIOCore
import ServiceLifecycle

/// The control plane's plain port: admin API and whatever else the program adds. Bind it to loopback or put it behind a proxy.
package struct AdminServer: Service {
    private let application: Application<RouterResponder<AdminContext>>

    /// - Parameters:
    ///   - port: 0 takes a free one, which `onRunning` tells.
    ///   - adding: Further routes, such as metrics and health.
    package init(
        api: AdminAPI, host: String = "127.0.0.1", port: Int, logger: Logger, adding: (Router<AdminContext>) -> Void = { _ in },
        onRunning: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        let router = Router(context: AdminContext.self)
        router.add(middleware: AdminErrors())
        api.addRoutes(to: router)
        adding(router)
        application = Application(
            router: router, configuration: ApplicationConfiguration(address: .hostname(host, port: port), serverName: nil),
            onServerRunning: { channel in onRunning(channel.localAddress?.port ?? 0) }, logger: logger)
    }

    package func run() async throws {
        try await application.run()
    }
}

extension AdminAPI {
    /// Greatest body of a request.
    static let bodyLimit = 1_048_576

    /// Registers every route of `routes`, and nothing else.
    package func addRoutes(to router: Router<AdminContext>) {
        for route in routes {
            router.on(RouterPath(route.path), method: route.method) { request, context in
                try await respond(route, request, context).response
            }
        }
    }

    private func requestId() -> String {
        var generator = SystemRandomNumberGenerator()
        return RequestId(milliseconds: Int64(Date.now.timeIntervalSince1970 * 1_000), using: &generator).description
    }

    private func respond(_ route: AdminRoute, _ request: Hummingbird.Request, _ context: AdminContext) async throws -> AdminAnswer {
        var parameters: [String: String] = [:]
        for (name, value) in context.parameters {
            parameters[String(name)] = PercentText.decode(value) ?? String(value)
        }
        var query: [String: String] = [:]
        for (name, value) in request.uri.queryParameters {
            query[String(name)] = String(value)
        }
        let buffer = try await request.body.collect(upTo: Self.bodyLimit)
        let call = Request(
            authorization: request.headers[.authorization], idempotencyKey: request.headers[.idempotencyKey],
            requestId: requestId(), parameters: parameters, query: query, body: Array(buffer.readableBytesView))
        return await answer(route, call)
    }
}

extension AdminAnswer {
    var response: Response {
        var headers: HTTPFields = [.contentType: "application/json", .cacheControl: "no-store"]
        if isReplayed { headers[.idempotentReplayed] = "true" }
        if status == .unauthorized { headers[.wwwAuthenticate] = "Bearer" }
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: body)))
    }
}

/// Percent-encoding of RFC 3986, section 2.1, as one segment of a path carries it.
enum PercentText {
    /// Nil when an escape is not whole.
    static func decode(_ text: some StringProtocol) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Gives errors of the transport (no such path, body too large) the API's own shape.
struct AdminErrors: RouterMiddleware {
    @concurrent func handle(
        _ request: Request, context: AdminContext, next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as any HTTPResponseError {
            let refusal = refusal(error.status)
            return AdminAnswer(status: refusal.status, body: refusal.body).response
        }
    }

    private func refusal(_ status: HTTPResponse.Status) -> AdminRefusal {
        switch status {
        case .notFound: AdminRefusal(.notFound, code: "unknown_path", "there is no such path")
        case .methodNotAllowed: AdminRefusal(.methodNotAllowed, code: "unknown_method", "this path has no such method")
        case .contentTooLarge: AdminRefusal(.contentTooLarge, code: "request_too_large", "the body is greater than \(AdminAPI.bodyLimit) bytes")
        default: AdminRefusal(status, code: "bad_request", "the request could not be read")
        }
    }
}

extension HTTPField.Name {
    static let idempotencyKey = name("idempotency-key")
    static let idempotentReplayed = name("idempotent-replayed")

    private static func name(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("\(text) is a valid header name") }
        return name
    }
}
