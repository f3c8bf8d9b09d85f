import Domain
import FoundationEssentials
import HTTPTypes
package import Hummingbird
import HummingbirdTLS
package import Logging
import NIOCore
import NIOSSL
import ServiceLifecycle

/// Files of a certificate chain, leaf first, and of its key, both PEM.
package struct AdminCertificate: Sendable {
    package var certificateFile: String
    package var keyFile: String

    package init(certificateFile: String, keyFile: String) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
    }

    /// Throws when the files cannot be read or do not belong together.
    func configuration() throws -> TLSConfiguration {
        let chain = try NIOSSLCertificate.fromPEMFile(certificateFile).map { NIOSSLCertificateSource.certificate($0) }
        let key = try NIOSSLPrivateKey(file: keyFile, format: .pem)
        var configuration = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        return configuration
    }
}

/// The administrators' port: their API and whatever else the program adds. Without a certificate tokens travel in the clear: loopback only.
package struct AdminServer: Service {
    private let application: Application<RouterResponder<AdminContext>>

    /// - Parameters:
    ///   - port: 0 takes a free one, which `onRunning` tells.
    ///   - certificate: Serves TLS 1.2 and later with it; nil: plain.
    ///   - adding: Further routes, such as metrics and health.
    package init(
        api: AdminAPI, host: String = "127.0.0.1", port: Int, certificate: AdminCertificate? = nil, logger: Logger,
        adding: (Router<AdminContext>) -> Void = { _ in }, onRunning: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws {
        let router = Router(context: AdminContext.self)
        router.add(middleware: AdminErrors())
        api.addRoutes(to: router)
        adding(router)
        application = try Self.application(router, host: host, port: port, certificate: certificate, logger: logger, onRunning: onRunning)
    }

    package func run() async throws {
        try await application.run()
    }

    /// What listens, here and on the public's port.
    static func application(
        _ router: Router<AdminContext>, host: String, port: Int, certificate: AdminCertificate?, logger: Logger,
        onRunning: @escaping @Sendable (Int) -> Void
    ) throws -> Application<RouterResponder<AdminContext>> {
        let tls = try certificate?.configuration()
        return Application(
            router: router, server: try tls.map { try .tls(.http1(), tlsConfiguration: $0) } ?? .http1(),
            configuration: ApplicationConfiguration(address: .hostname(host, port: port), serverName: nil),
            onServerRunning: { channel in onRunning(channel.localAddress?.port ?? 0) }, logger: logger)
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
        var headers: HTTPFields = [.contentType: contentType, .cacheControl: "no-store"]
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
